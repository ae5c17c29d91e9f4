"""Loading a base: Stable Diffusion 1.5 as a folder or a single file, or the tiny base in the very same layouts."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from transformers.models.clip import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from pixelpipe.errors import BaseModelError, WeightsError, one_line
from pixelpipe.models.header import read_header
from pixelpipe.models.layout import LAYOUT, SD15, hash_base
from pixelpipe.models.memory import keep_freed_memory
from pixelpipe.models.tensors import fill, folder_tensors, single_file_tensors

PARTS_KEY = "pixelpipe.parts"  # a single file's metadata: configurations and vocabulary that are not SD1.5's, as JSON


@dataclass(frozen=True, slots=True)
class BaseModel:
    """The parts of a base, fp32, on one device, in evaluation mode. `vae` and `text_encoder` are frozen."""

    folder: Path  # or its single file
    base_hash: str
    tokenizer: CLIPTokenizer
    text_encoder: CLIPTextModel
    vae: AutoencoderKL
    unet: UNet2DConditionModel
    noise_scheduler_config: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LoadedVae:
    """A base's VAE, fp32, on one device, in evaluation mode and frozen."""

    vae: AutoencoderKL


def load_base(base: Path, device: torch.device | str = "cpu") -> BaseModel:
    """Load every part in fp32, from a folder or a single file.

    Raises `BaseModelError`, one line, with the part that cannot be loaded and why.
    """
    with _one_line_errors(base), configurations(base) as folder:
        vae, text_encoder, unet = (
            _on(device, _load_part(base, folder, part)) for part in ("vae", "text_encoder", "unet")
        )
        tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
        noise_scheduler_config = _scheduler_config(folder)
    return BaseModel(
        folder=base,
        base_hash=hash_base(base),
        tokenizer=tokenizer,
        text_encoder=text_encoder.requires_grad_(False),
        vae=vae.requires_grad_(False),
        unet=unet,
        noise_scheduler_config=noise_scheduler_config,
    )


def load_vae(base: Path, device: torch.device | str = "cpu") -> LoadedVae:
    """The VAE of a base and nothing else, which is 84M of SD1.5's 1,066M parameters; errors as of `load_base`."""
    with _one_line_errors(base), configurations(base) as folder:
        return LoadedVae(_on(device, _load_part(base, folder, "vae")).requires_grad_(False))


def _on(device: torch.device | str, part: Any) -> Any:
    if torch.device(device).type == "cpu":
        keep_freed_memory()
    return part.to(device)


def load_unet(folder: Path) -> UNet2DConditionModel:
    """A UNet in fp32, on the CPU, from a folder of `config.json` and safetensors, e.g. a checkpoint's."""
    unet = _empty_part(folder, "unet")
    fill(unet, folder_tensors(folder, "unet"), str(folder))
    return unet.eval()


def empty_models(base: Path) -> tuple[UNet2DConditionModel, CLIPTextModel]:
    """UNet and text encoder of a base without their weights: names and shapes only."""
    with configurations(base) as folder:
        return _empty_part(folder / "unet", "unet"), _empty_part(folder / "text_encoder", "text_encoder")


@contextmanager
def _one_line_errors(base: Path) -> Iterator[None]:
    try:
        yield
    except WeightsError as error:
        raise BaseModelError(f"`model.base` {base}: {error}") from None
    except Exception as error:  # a configuration that the libraries cannot use: each has its own exceptions
        raise BaseModelError(f"`model.base` {base}: cannot be loaded: {one_line(error)[:200]}") from error


@contextmanager
def configurations(base: Path) -> Iterator[Path]:
    """The folder with a base's configurations: itself, SD1.5's for a single file, or what the file brings along."""
    if base.is_dir():
        yield base
        return
    brought = read_header(base).metadata.get(PARTS_KEY)
    if brought is None:
        yield SD15
        return
    known = {f"{part}/{file}" for part, files in LAYOUT.items() for file in (*files, "tokenizer_config.json")}
    with tempfile.TemporaryDirectory(prefix="pixelpipe-") as folder:
        for name, text in json.loads(brought).items():
            if name not in known:
                raise WeightsError(f"its metadata must hold configurations but has {PurePosixPath(name).name}")
            path = Path(folder, name)
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        yield Path(folder)


def _load_part(base: Path, folder: Path, part: str) -> Any:
    """A part in evaluation mode. `folder` has its configuration; `base` its weights."""
    model = _empty_part(folder / part, part)
    if base.is_dir():
        stored = folder_tensors(base / part, part)
    else:
        stored = single_file_tensors(base, part, model.state_dict(), model.config if part != "text_encoder" else {})
    fill(model, stored, f"its {part}")
    return model.eval()


def _empty_part(folder: Path, part: str) -> Any:
    """A part without weights, on the meta device but for what is not stored: position ids."""
    with torch.device("meta"):
        if part == "text_encoder":
            model = CLIPTextModel(CLIPTextConfig.from_pretrained(folder, local_files_only=True))
        else:
            part_class = UNet2DConditionModel if part == "unet" else AutoencoderKL
            model = part_class.from_config(part_class.load_config(folder, local_files_only=True))
    if part == "text_encoder":
        positions = torch.arange(model.config.max_position_embeddings).expand((1, -1))
        model.embeddings.register_buffer("position_ids", positions, persistent=False)
    assert not any(buffer.is_meta for buffer in model.buffers()), f"a buffer of {part} is not stored and not made"
    return model


def _scheduler_config(folder: Path) -> dict[str, Any]:
    scheduler = DDPMScheduler.from_pretrained(folder, subfolder="scheduler", local_files_only=True)
    return {key: value for key, value in scheduler.config.items() if not key.startswith("_")}
