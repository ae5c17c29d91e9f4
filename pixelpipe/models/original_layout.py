"""The names that tensors have in a single-file checkpoint (CompVis' layout: what A1111 and ComfyUI read).

A module of diffusers has a module of CompVis as its counterpart; below it the names agree. The pairs follow from the
configuration, so that they hold for every UNet of SD1.5's kind. Sources: CompVis' openaimodel.py and model.py
(github.com/CompVis/stable-diffusion), diffusers' UNet2DConditionModel and AutoencoderKL.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

PREFIXES = {
    "unet": "model.diffusion_model.",
    "vae": "first_stage_model.",
    "text_encoder": "cond_stage_model.transformer.text_model.",
}
POSITION_IDS = "cond_stage_model.transformer.text_model.embeddings.position_ids"  # (1, 77) int64: 0, 1, ..., 76

Modules = dict[str, str]  # a module of diffusers -> its counterpart

_UNET_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_VAE_RESNET = {"norm1": "norm1", "conv1": "conv1", "norm2": "norm2", "conv2": "conv2", "conv_shortcut": "nin_shortcut"}
_VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def original_names(part: str, names: Iterable[str], config: Mapping[str, Any]) -> dict[str, str]:
    """diffusers' tensor names of a part -> their names in the single file.

    `config`: the part's configuration; `part`: unet, vae or text_encoder. Every name must have a counterpart.
    """
    prefix = PREFIXES[part]
    if part == "text_encoder":
        return {name: prefix + name for name in names}
    modules = unet_modules(config) if part == "unet" else vae_modules(config)
    return {name: prefix + _renamed(name, modules) for name in names}


def unet_modules(config: Mapping[str, Any]) -> Modules:
    """Counterparts of a UNet2DConditionModel's modules."""
    modules = {
        "conv_in": "input_blocks.0.0",
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "conv_norm_out": "out.0",
        "conv_out": "out.2",
        "mid_block.attentions.0": "middle_block.1",
        **_children("mid_block.resnets.0", "middle_block.0", _UNET_RESNET),
        **_children("mid_block.resnets.1", "middle_block.2", _UNET_RESNET),
    }
    for block, place, number, last, attends in _unet_blocks(config["down_block_types"], config["layers_per_block"]):
        modules |= _unet_layer(f"down_blocks.{block}", place, f"input_blocks.{number}", attends)
        if last:
            modules[f"down_blocks.{block}.downsamplers.0.conv"] = f"input_blocks.{number + 1}.0.op"
    numbers = _unet_blocks(config["up_block_types"], config["layers_per_block"] + 1, between=0, first=0)
    for block, place, number, last, attends in numbers:
        modules |= _unet_layer(f"up_blocks.{block}", place, f"output_blocks.{number}", attends)
        if last:
            modules[f"up_blocks.{block}.upsamplers.0.conv"] = f"output_blocks.{number}.{1 + attends}.conv"
    return modules


def vae_modules(config: Mapping[str, Any]) -> Modules:
    """Counterparts of an AutoencoderKL's modules; CompVis counts the decoder's levels from the bottom."""
    levels, layers = len(config["block_out_channels"]), config["layers_per_block"]
    modules = {"quant_conv": "quant_conv", "post_quant_conv": "post_quant_conv"}
    for half in ("encoder", "decoder"):
        modules |= {f"{half}.{conv}": f"{half}.{conv}" for conv in ("conv_in", "conv_out")}
        modules[f"{half}.conv_norm_out"] = f"{half}.norm_out"
        modules |= _children(f"{half}.mid_block.attentions.0", f"{half}.mid.attn_1", _VAE_ATTENTION)
        for place in (0, 1):
            modules |= _children(f"{half}.mid_block.resnets.{place}", f"{half}.mid.block_{place + 1}", _VAE_RESNET)
    for level in range(levels):
        down, up = f"encoder.down.{level}", f"decoder.up.{levels - 1 - level}"
        modules[f"encoder.down_blocks.{level}.downsamplers.0.conv"] = f"{down}.downsample.conv"
        modules[f"decoder.up_blocks.{level}.upsamplers.0.conv"] = f"{up}.upsample.conv"
        for place in range(layers):
            modules |= _children(f"encoder.down_blocks.{level}.resnets.{place}", f"{down}.block.{place}", _VAE_RESNET)
        for place in range(layers + 1):
            modules |= _children(f"decoder.up_blocks.{level}.resnets.{place}", f"{up}.block.{place}", _VAE_RESNET)
    return modules


def is_vae_projection(name: str) -> bool:
    """Whether a VAE's tensor is a linear weight (C, C) in diffusers and a 1x1 convolution (C, C, 1, 1) in the file."""
    return ".attentions." in name and name.endswith(".weight") and "group_norm" not in name


def _unet_blocks(
    kinds: Iterable[str], layers: int, between: int = 1, first: int = 1
) -> Iterator[tuple[int, int, int, bool, bool]]:
    """(block, layer, number of CompVis' block, whether it is the block's last layer, whether it attends).

    `between`: numbers that a resampling takes for itself at the end of a block.
    """
    number = first
    for block, kind in enumerate(kinds):
        for place in range(layers):
            yield block, place, number, place == layers - 1, "CrossAttn" in kind
            number += 1
        number += between


def _unet_layer(block: str, place: int, original: str, attends: bool) -> Modules:
    modules = _children(f"{block}.resnets.{place}", f"{original}.0", _UNET_RESNET)
    return modules | ({f"{block}.attentions.{place}": f"{original}.1"} if attends else {})


def _children(module: str, original: str, names: Modules) -> Modules:
    return {f"{module}.{name}": f"{original}.{other}" for name, other in names.items()}


def _renamed(name: str, modules: Modules) -> str:
    """A tensor's name with the longest module that has a counterpart replaced by it."""
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        original = modules.get(".".join(parts[:length]))
        if original is not None:
            return ".".join([original, *parts[length:]])
    raise AssertionError(f"{name} has no counterpart in CompVis' layout")
