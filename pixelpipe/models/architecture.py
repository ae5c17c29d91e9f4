"""Which architecture weights are of, by names and shapes alone: known before gigabytes are read.

The names are the ones that A1111, ComfyUI and diffusers go by when they guess a model from its file.
"""

import re
from collections.abc import Mapping
from typing import Any

from pixelpipe.models.header import TensorInfo

Tensors = Mapping[str, TensorInfo]

_UNET = "model.diffusion_model."
_FIRST_CONV = f"{_UNET}input_blocks.0.0.weight"
_CONTEXT = "attn2.to_k.weight"
CONTEXT_WIDTHS = {768: "Stable Diffusion 1.x", 1024: "Stable Diffusion 2.x", 1280: "the SDXL refiner", 2048: "SDXL"}
INPUT_CHANNELS = {5: "a depth model", 7: "an upscaler", 8: "an instruct-pix2pix model", 9: "an inpainting model"}

# the first that a file has says what it is
_BY_NAME = (
    ("conditioner.embedders.1.", "SDXL"),
    ("conditioner.embedders.0.model.", "the SDXL refiner"),
    ("cond_stage_model.model.", "Stable Diffusion 2.x"),
    ("control_model.", "a ControlNet"),
    (f"{_UNET}joint_blocks.", "Stable Diffusion 3"),
    ("joint_blocks.", "Stable Diffusion 3"),
    (f"{_UNET}double_blocks.", "Flux"),
    ("double_blocks.", "Flux"),
    ("text_encoders.", "Stable Diffusion 3 or Flux"),
    ("lora_", "a LoRA, which is no base by itself"),
    ("string_to_param", "a textual inversion embedding"),
    ("emb_params", "a textual inversion embedding"),
)

_LORA_MARKS = (
    ("lora_te2_", "SDXL"),
    ("text_encoder_2.", "SDXL"),
    ("lora_unet_input_blocks_", "SDXL"),
    ("lora_unet_output_blocks_", "SDXL"),
    ("joint_blocks", "Stable Diffusion 3"),
    ("double_blocks", "Flux"),
    ("single_blocks", "Flux"),
    ("transformer_blocks.0.attn.", "Stable Diffusion 3 or Flux"),
)
_LORA_CONTEXT = re.compile(r"attn2[._](processor\.)?to_k(_lora)?\.(lora_down|lora_A|lora\.down|down)\b")


def foreign_checkpoint(tensors: Tensors) -> str | None:
    """What a single file is when it is no SD1.5 checkpoint ("SDXL", "an inpainting model", ...), else None."""
    if _is_lora(tensors):
        return "a LoRA, which is no base by itself"
    for prefix, kind in _BY_NAME:
        if any(name.startswith(prefix) for name in tensors):
            return kind
    if not any(name.startswith(_UNET) for name in tensors):
        return _part_only(tensors)
    channels = tensors[_FIRST_CONV].shape[1] if _FIRST_CONV in tensors else 4
    if channels != 4:
        return INPUT_CHANNELS.get(channels, f"a model of {channels} input channels")
    for part, prefix in (("text encoder", "cond_stage_model."), ("VAE", "first_stage_model.")):
        if not any(name.startswith(prefix) for name in tensors):
            return f"a checkpoint without its {part}"
    width = context_width(tensors)
    return CONTEXT_WIDTHS[width] if width in CONTEXT_WIDTHS and width != 768 else None


def foreign_folder(
    model_index: Mapping[str, Any], unet: Mapping[str, Any], text_encoder: Mapping[str, Any]
) -> str | None:
    """The same for a folder in diffusers' layout, by its configurations."""
    pipeline = str(model_index.get("_class_name", ""))
    if unet.get("addition_embed_type") == "text_time" or pipeline.startswith("StableDiffusionXL"):
        return "SDXL"
    if str(unet.get("_class_name", "UNet2DConditionModel")) != "UNet2DConditionModel":
        return f"a model with a {unet['_class_name']}"
    channels = unet.get("in_channels", 4)
    if channels != 4:
        return INPUT_CHANNELS.get(channels, f"a model of {channels} input channels")
    width, own_width = unet.get("cross_attention_dim"), text_encoder.get("hidden_size")
    if width in CONTEXT_WIDTHS and width != 768:
        return CONTEXT_WIDTHS[width]
    if None not in (width, own_width) and width != own_width:
        return f"a UNet for text embeddings of {width} beside a text encoder of {own_width}"
    return None


def foreign_lora(tensors: Tensors) -> str | None:
    """What a LoRA was made for when it is not SD1.5 ("SDXL", "Stable Diffusion 2.x", ...), else None."""
    for mark, kind in _LORA_MARKS:
        if any(mark in name for name in tensors):
            return kind
    width = next(
        (info.shape[1] for name, info in tensors.items() if _LORA_CONTEXT.search(name) and len(info.shape) > 1), None
    )
    return CONTEXT_WIDTHS[width] if width in CONTEXT_WIDTHS and width != 768 else None


def context_width(tensors: Tensors) -> int | None:
    """Width of the text embeddings that the cross attentions read; None where there are none."""
    return next((info.shape[1] for name, info in tensors.items() if name.endswith(_CONTEXT)), None)


def _is_lora(tensors: Tensors) -> bool:
    marks = (".lora_down.", ".lora_up.", ".lora_A.", ".lora_B.", ".lora.down.", ".lora.up.")
    return any(mark in name for name in tensors for mark in marks)


def _part_only(tensors: Tensors) -> str:
    if any(name.startswith(("down_blocks.", "mid_block.")) for name in tensors):
        return "a UNet alone (diffusers' layout): give the folder that it belongs to"
    if any(name.startswith(("encoder.", "first_stage_model.")) for name in tensors):
        return "a VAE alone"
    if any(name.startswith(("text_model.", "cond_stage_model.")) for name in tensors):
        return "a text encoder alone"
    return "a file of other tensors"
