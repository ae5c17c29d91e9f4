"""Loading a base: Stable Diffusion 1.5, or the tiny base in the very same folder layout."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from diffusers.utils import logging as diffusers_logging
from transformers import CLIPTextModel, CLIPTokenizer
from transformers.utils import logging as transformers_logging

from pixelpipe.errors import BaseModelError
from pixelpipe.models.layout import hash_base


@dataclass(frozen=True, slots=True)
class BaseModel:
    """The parts of a base, fp32, on one device, in evaluation mode. `vae` and `text_encoder` are frozen."""

    folder: Path
    base_hash: str
    tokenizer: CLIPTokenizer
    text_encoder: CLIPTextModel
    vae: AutoencoderKL
    unet: UNet2DConditionModel
    noise_scheduler_config: dict[str, Any]


def load_base(folder: Path, device: torch.device | str = "cpu") -> BaseModel:
    """Load every part in fp32. Raises `BaseModelError` with the part that cannot be loaded."""
    transformers_logging.disable_progress_bar()
    diffusers_logging.disable_progress_bar()
    vae = _load_part(AutoencoderKL, folder, "vae").to(device).requires_grad_(False)
    text_encoder = _load_part(CLIPTextModel, folder, "text_encoder").to(device).requires_grad_(False)
    return BaseModel(
        folder=folder,
        base_hash=hash_base(folder),
        tokenizer=_load_part(CLIPTokenizer, folder, "tokenizer"),
        text_encoder=text_encoder.eval(),
        vae=vae.eval(),
        unet=load_unet(folder / "unet", device),
        noise_scheduler_config=_scheduler_config(folder),
    )


def load_unet(folder: Path, device: torch.device | str = "cpu") -> UNet2DConditionModel:
    """A UNet in fp32 from a folder of `config.json` and safetensors, e.g. a checkpoint's."""
    return _load_part(UNet2DConditionModel, folder.parent, folder.name).to(device).eval()


def _load_part(part_class: Any, folder: Path, part: str) -> Any:
    if part_class is CLIPTokenizer:
        options: dict[str, Any] = {}
    elif part_class is CLIPTextModel:
        options = {"dtype": torch.float32, "use_safetensors": True}
    else:
        options = {"torch_dtype": torch.float32, "use_safetensors": True, "low_cpu_mem_usage": False}
    try:
        return part_class.from_pretrained(folder, subfolder=part, local_files_only=True, **options)
    except Exception as error:  # each library has its own exceptions for a file that it cannot read
        reason = " ".join(str(error).split())[:200]
        raise BaseModelError(f"`model.base` {folder}: its {part} cannot be loaded: {reason}") from error


def _scheduler_config(folder: Path) -> dict[str, Any]:
    try:
        scheduler = DDPMScheduler.from_pretrained(folder, subfolder="scheduler", local_files_only=True)
    except (OSError, ValueError) as error:
        raise BaseModelError(f"`model.base` {folder}: its scheduler cannot be loaded: {error}") from error
    return {key: value for key, value in scheduler.config.items() if not key.startswith("_")}
