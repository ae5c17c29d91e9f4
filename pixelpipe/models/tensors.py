"""Filling a model with stored tensors, whatever they are called and typed where they lie."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from pixelpipe.errors import WeightsError, one_line
from pixelpipe.models.header import TensorInfo, read_header
from pixelpipe.models.layout import LAYOUT, weight_files
from pixelpipe.models.original_layout import POSITION_IDS, PREFIXES, original_names

logger = logging.getLogger(__name__)

# The names that diffusers gave to the VAE's attention until 0.15, as in the published SD1.5.
_OLD_VAE_ATTENTION = {".query.": ".to_q.", ".key.": ".to_k.", ".value.": ".to_v.", ".proj_attn.": ".to_out.0."}
_NO_WEIGHTS = "embeddings.position_ids"  # 0, 1, ..., 76: older files store them


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """Where a tensor lies: its file, its name and type there."""

    file: Path
    name: str
    info: TensorInfo


Stored = dict[str, StoredTensor]  # by the model's own names


def folder_tensors(folder: Path, part: str) -> Stored:
    """The tensors in a part's own folder, by the names that today's diffusers and transformers give them."""
    stored: Stored = {}
    for file in weight_files(folder, LAYOUT[part][-1]):
        for name, info in read_header(file).tensors.items():
            own = _current_name(part, name)
            if own != _NO_WEIGHTS:
                stored[own] = StoredTensor(file, name, info)
    return stored


def single_file_tensors(file: Path, part: str, names: Iterable[str], config: Mapping[str, Any]) -> Stored:
    """The tensors of a part in a single file, found by the part's own names and its configuration."""
    tensors = read_header(file).tensors
    original = original_names(part, names, config)
    stored = {own: StoredTensor(file, name, tensors[name]) for own, name in original.items() if name in tensors}
    others = {name for name in tensors if name.startswith(PREFIXES[part])} - set(original.values()) - {POSITION_IDS}
    return stored | {name: StoredTensor(file, name, tensors[name]) for name in others}


def fill(model: torch.nn.Module, stored: Stored, where: str) -> None:
    """Give a model on the meta device its weights, in fp32 on the CPU.

    Raises `WeightsError` that begins with `where` if a tensor is missing, of another shape, or not finite.
    Tensors that the model does not have are counted in a warning.
    """
    wanted = model.state_dict()
    missing = [name for name in wanted if name not in stored]
    if missing:
        raise WeightsError(f"{where}: {_count(missing, 'tensor')} of {len(wanted)} missing, such as {missing[0]}")
    for name, tensor in wanted.items():
        if not _fits(stored[name].info.shape, tuple(tensor.shape)):
            raise WeightsError(
                f"{where}: {name} must be of shape {list(tensor.shape)} but is {list(stored[name].info.shape)}"
            )
    others = [name for name in stored if name not in wanted]
    if others:
        logger.warning("%s: %s that SD1.5 does not have, such as %s", where, _count(others, "tensor"), others[0])
    tensors = read_tensors({name: stored[name] for name in wanted}, where)
    model.load_state_dict({name: tensors[name].view(wanted[name].shape) for name in wanted}, assign=True)


def read_tensors(stored: Stored, where: str) -> dict[str, torch.Tensor]:
    """Read tensors as fp32, each file opened once; `WeightsError` where one is not finite.

    They are copies: safetensors' own are views of the file, which would change or vanish with it.
    """
    by_file: dict[Path, list[str]] = defaultdict(list)
    for name, tensor in stored.items():
        by_file[tensor.file].append(name)
    tensors: dict[str, torch.Tensor] = {}
    for file, names in by_file.items():
        try:
            with safe_open(file, framework="pt") as opened:
                for name in names:
                    tensor = opened.get_tensor(stored[name].name).to(torch.float32, copy=True)
                    tensors[name] = _finite(tensor, name, where)
        except (SafetensorError, OSError) as error:
            raise WeightsError(f"{where}: {file} cannot be read: {one_line(error)[:200]}") from None
    return tensors


def is_finite(tensor: torch.Tensor) -> bool:
    """One pass without a copy, which for 860 million weights is seconds: extremes of NaN are NaN."""
    return not tensor.numel() or all(extreme.isfinite().item() for extreme in torch.aminmax(tensor))


def _finite(tensor: torch.Tensor, name: str, where: str) -> torch.Tensor:
    if not is_finite(tensor):
        count = int((~tensor.isfinite()).sum())
        raise WeightsError(f"{where}: {name} holds {count:,} values that are NaN or infinite: the file is damaged")
    return tensor


def _current_name(part: str, name: str) -> str:
    if part == "text_encoder":
        return name.removeprefix("text_model.")
    if part == "vae" and ".attentions." in name:
        for old, new in _OLD_VAE_ATTENTION.items():
            name = name.replace(old, new)
    return name


def _fits(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """A linear weight may be stored as a convolution of one pixel: (C, C, 1, 1), as in CompVis' VAE."""
    return shape == wanted or (shape[: len(wanted)] == wanted and set(shape[len(wanted) :]) == {1})


def _count(names: list[str], what: str) -> str:
    return f"{len(names)} {what}{'s' if len(names) != 1 else ''}"
