"""LoRA files that others wrote, and ours: read, checked against the base, merged, and written for others.

A layer's weight W (out x in) becomes W + strength * alpha / rank * up @ down (Hu et al. 2021, arXiv:2106.09685,
section 4.1); of a convolution, `up` and `down` are the flattened kernels.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pixelpipe.errors import WeightsError
from pixelpipe.models.architecture import foreign_lora
from pixelpipe.models.header import is_pickle, read_header
from pixelpipe.models.layout import read_json
from pixelpipe.models.lora_names import DIFFUSERS_PREFIXES, KOHYA_PREFIXES, module_table, other_method, tensor_role
from pixelpipe.models.tensors import StoredTensor, read_tensors

DIFFUSERS_FILE, PEFT_FILE = "pytorch_lora_weights.safetensors", "adapter_model.safetensors"
ADAPTER_METADATA = "lora_adapter_metadata"  # diffusers' key in the header: peft's configuration, as JSON


@dataclass(frozen=True, slots=True)
class LoraLayer:
    """One adapted layer: `part` is unet or text_encoder, `module` the model's own name of it."""

    part: str
    module: str
    down: torch.Tensor  # (rank, in) or, of a convolution, (rank, in, h, w); fp32
    up: torch.Tensor  # (out, rank) or (out, rank, 1, 1); fp32
    alpha: float

    @property
    def rank(self) -> int:
        return self.down.shape[0]

    def delta(self) -> torch.Tensor:
        """alpha / rank * up @ down: (out, in), or (out, in * h * w) of a convolution."""
        return self.up.flatten(1) @ self.down.flatten(1) * (self.alpha / self.rank)


@dataclass(frozen=True, slots=True)
class Lora:
    layers: tuple[LoraLayer, ...]
    metadata: dict[str, str]  # of the file's header: what its trainer wrote there


def find_lora(path: Path) -> Path:
    """The safetensors file of a LoRA: itself, or the one in a folder that diffusers or peft wrote.

    Checked from its header: raises `WeightsError`, one line, if it is missing, damaged, no plain LoRA, or made for
    another architecture than SD1.5.
    """
    if path.is_dir():
        found = [path / name for name in (DIFFUSERS_FILE, PEFT_FILE) if (path / name).is_file()]
        if not found:
            raise WeightsError(f"{path}: must hold {DIFFUSERS_FILE} or {PEFT_FILE} but holds neither")
        path = found[0]
    if is_pickle(path):
        raise WeightsError(f"{path}: must be a .safetensors file but is a pickle, which can run any code when opened")
    tensors = read_header(path).tensors
    if method := other_method(tensors):
        raise WeightsError(f"{path}: must be a plain LoRA but is {method}, which pixelpipe cannot merge")
    if not any(tensor_role(name) for name in tensors):
        raise WeightsError(f"{path}: must be a LoRA but has no up and down weights")
    if kind := foreign_lora(tensors):
        raise WeightsError(f"{path}: must be a LoRA for Stable Diffusion 1.5 but is one for {kind}")
    return path


def read_lora(path: Path, unet: torch.nn.Module, text_encoder: torch.nn.Module) -> Lora:
    """Every layer of a LoRA file or folder, in fp32, matched with the modules of the base.

    Raises `WeightsError`, one line, as `find_lora` does, and if a layer has no counterpart in the base, lacks one of
    its halves, is of another size, or is not finite.
    """
    path = find_lora(path)
    models = {"unet": unet, "text_encoder": text_encoder}
    header = read_header(path)
    names = {name: role for name in header.tensors if (role := tensor_role(name))}
    _refuse_others(path, [name for name in header.tensors if name not in names])
    stored = {name: StoredTensor(path, name, header.tensors[name]) for name in names}
    tensors = read_tensors(stored, str(path))
    halves: dict[str, dict[str, torch.Tensor]] = {}
    for name, role in names.items():
        halves.setdefault(role.layer, {})[role.half] = tensors[name]
    table = module_table({part: _layers(model) for part, model in models.items()})
    _refuse_others(path, [layer for layer in halves if layer not in table])
    scales = _Scales.of(path, header.metadata)
    layers = [_layer(path, *table[layer], halves[layer], models, scales) for layer in sorted(halves)]
    return Lora(tuple(layers), header.metadata)


@torch.no_grad()
def merge_lora(lora: Lora, unet: torch.nn.Module, text_encoder: torch.nn.Module, strength: float = 1.0) -> None:
    """Add a LoRA to the weights of a base, in place."""
    models = {"unet": unet, "text_encoder": text_encoder}
    for layer in lora.layers:
        weight = models[layer.part].get_submodule(layer.module).weight
        weight += (strength * layer.delta()).view(weight.shape).to(weight)


def kohya_tensors(layers: Iterable[LoraLayer], dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """The layers as sd-scripts writes them, with an alpha each: what A1111 and ComfyUI read."""
    tensors: dict[str, torch.Tensor] = {}
    for layer in layers:
        name = KOHYA_PREFIXES[layer.part] + layer.module.replace(".", "_")
        tensors[f"{name}.lora_down.weight"] = layer.down.to(dtype)
        tensors[f"{name}.lora_up.weight"] = layer.up.to(dtype)
        tensors[f"{name}.alpha"] = torch.tensor(layer.alpha, dtype=dtype)
    return tensors


def diffusers_tensors(layers: Iterable[LoraLayer], dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """The layers as `load_lora_weights` reads them.

    alpha / rank is multiplied into `up`: only diffusers since 0.35 reads alphas from the metadata, and all its
    versions take the rank where there is none.
    """
    tensors: dict[str, torch.Tensor] = {}
    for layer in layers:
        name = DIFFUSERS_PREFIXES[layer.part] + layer.module
        tensors[f"{name}.lora_A.weight"] = layer.down.to(dtype)
        tensors[f"{name}.lora_B.weight"] = (layer.up * (layer.alpha / layer.rank)).to(dtype)
    return tensors


@dataclass(frozen=True, slots=True)
class _Scales:
    """Alphas that stand beside the tensors: in peft's `adapter_config.json`, or in diffusers' metadata."""

    by_part: Mapping[str, Mapping[str, Any]]  # unet, text_encoder -> peft's configuration

    @classmethod
    def of(cls, path: Path, metadata: Mapping[str, str]) -> "_Scales":
        if path.name == PEFT_FILE:
            config = read_json(path.with_name("adapter_config.json"))
            return cls({"unet": config, "text_encoder": config})
        try:
            flat = json.loads(metadata.get(ADAPTER_METADATA, "{}"))
            by_part: dict[str, dict[str, Any]] = {}
            for key, value in flat.items():
                part, _, field = key.partition(".")
                by_part.setdefault(part, {})[field] = value
        except (ValueError, AttributeError):
            raise WeightsError(f"{path}: its {ADAPTER_METADATA} must be JSON fields but are not") from None
        return cls(by_part)

    def alpha(self, part: str, module: str, rank: int) -> float:
        """As peft scales a layer: by alpha / rank, or by alpha / sqrt(rank) where it is rank-stabilized."""
        config = self.by_part.get(part, {})
        alpha = config.get("lora_alpha", rank)
        for pattern, other in (config.get("alpha_pattern") or {}).items():
            if re.fullmatch(rf"(.*\.)?{pattern}", module):
                alpha = other
        return float(alpha) * (rank**0.5 if config.get("use_rslora") else 1.0)


def _layer(
    path: Path,
    part: str,
    module: str,
    halves: Mapping[str, torch.Tensor],
    models: Mapping[str, torch.nn.Module],
    scales: _Scales,
) -> LoraLayer:
    for half in ("down", "up"):
        if half not in halves:
            raise WeightsError(f"{path}: {part} {module} has no {half} weight: the file is damaged")
    down, up = halves["down"], halves["up"]
    shape = models[part].get_submodule(module).weight.shape
    is_product = len(_core(up.shape)) == 2 and up.shape[1] == down.shape[0]
    if not is_product or _core((up.shape[0], *down.shape[1:])) != _core(shape):
        raise WeightsError(
            f"{path}: {part} {module} must be for a weight of {list(shape)} but is down {list(down.shape)} "
            f"and up {list(up.shape)}: it was made for another base"
        )
    alpha = halves["alpha"].item() if "alpha" in halves else scales.alpha(part, module, down.shape[0])
    return LoraLayer(part, module, down, up, alpha or float(down.shape[0]))  # sd-scripts: alpha 0 means the rank


def _layers(model: torch.nn.Module) -> list[str]:
    return [name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear | torch.nn.Conv2d)]


def _core(shape: Sequence[int]) -> tuple[int, ...]:
    """A shape in which a convolution of one pixel is the linear layer that it is."""
    return tuple(shape[:2]) if set(shape[2:]) <= {1} else tuple(shape)


def _refuse_others(path: Path, names: list[str]) -> None:
    if names:
        raise WeightsError(
            f"{path}: has {len(names)} layers or tensors that the base has no place for, such as {names[0]}"
        )
