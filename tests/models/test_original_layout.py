"""Names in single-file checkpoints, against diffusers' own conversion and the files that were published."""

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint
from transformers import CLIPTextConfig, CLIPTextModel

from pixelpipe.models.layout import SD15, TINY
from pixelpipe.models.original_layout import is_vae_projection, original_names

CONVERSIONS = {"unet": convert_ldm_unet_checkpoint, "vae": convert_ldm_vae_checkpoint}


def empty_part(folder: Path, part: str) -> Any:
    """A part of a base without memory."""
    with torch.device("meta"):
        if part == "text_encoder":
            return CLIPTextModel(CLIPTextConfig.from_pretrained(folder / part))
        part_class = UNet2DConditionModel if part == "unet" else AutoencoderKL
        return part_class.from_config(part_class.load_config(folder / part))


@pytest.mark.parametrize("folder", [SD15, TINY], ids=["sd15", "tiny"])
@pytest.mark.parametrize("part", CONVERSIONS)
def test_diffusers_reads_every_name_back_to_the_same_tensor(folder: Path, part: str):
    model = empty_part(folder, part)
    tensors = model.state_dict()
    names = original_names(part, tensors, model.config)
    assert len(set(names.values())) == len(tensors)
    original = {
        names[name]: tensor[:, :, None, None] if part == "vae" and is_vae_projection(name) else tensor
        for name, tensor in tensors.items()
    }
    marked = {name: tensor.new_empty(tensor.shape) for name, tensor in original.items()}
    converted = CONVERSIONS[part](dict(marked), model.config)
    assert {name: tuple(tensor.shape) for name, tensor in converted.items()} == {
        name: tuple(tensor.shape) for name, tensor in tensors.items()
    }
    if part == "unet":  # the VAE's projections are cut to two dimensions, so are other objects
        assert {name: id(tensor) for name, tensor in converted.items()} == {
            name: id(marked[names[name]]) for name in tensors
        }


def test_names_are_those_of_the_published_file():
    """Some of each kind, as they stand in v1-5-pruned-emaonly.safetensors."""
    names = set()
    for part in ("unet", "vae", "text_encoder"):
        model = empty_part(SD15, part)
        names |= set(original_names(part, model.state_dict(), getattr(model, "config", {})).values())
    assert len(names) == 686 + 248 + 196
    assert names >= {
        "model.diffusion_model.time_embed.0.weight",
        "model.diffusion_model.input_blocks.0.0.weight",
        "model.diffusion_model.input_blocks.3.0.op.weight",
        "model.diffusion_model.input_blocks.4.0.skip_connection.weight",
        "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight",
        "model.diffusion_model.middle_block.1.proj_in.weight",
        "model.diffusion_model.output_blocks.2.1.conv.weight",
        "model.diffusion_model.output_blocks.5.2.conv.weight",
        "model.diffusion_model.output_blocks.11.1.transformer_blocks.0.ff.net.0.proj.weight",
        "model.diffusion_model.out.2.bias",
        "first_stage_model.encoder.down.2.downsample.conv.weight",
        "first_stage_model.decoder.up.3.upsample.conv.weight",
        "first_stage_model.decoder.mid.attn_1.proj_out.weight",
        "first_stage_model.encoder.down.1.block.0.nin_shortcut.weight",
        "first_stage_model.quant_conv.weight",
        "cond_stage_model.transformer.text_model.encoder.layers.11.mlp.fc2.weight",
        "cond_stage_model.transformer.text_model.final_layer_norm.bias",
    }
