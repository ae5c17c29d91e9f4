"""What others publish, told by names and shapes."""

from typing import Any

import pytest

from pixelpipe.models.architecture import foreign_checkpoint, foreign_folder
from pixelpipe.models.header import TensorInfo

LORA = "a LoRA, which is no base by itself"
UNET_ONLY = "a UNet alone (diffusers' layout): give the folder that it belongs to"
MISMATCH = "a UNet for text embeddings of 64 beside a text encoder of 768"
UNET = "model.diffusion_model."
SD15 = {
    f"{UNET}input_blocks.0.0.weight": (320, 4, 3, 3),
    f"{UNET}input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": (320, 768),
    "first_stage_model.decoder.conv_in.weight": (512, 4, 3, 3),
    "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight": (49408, 768),
}


def infos(shapes: dict[str, tuple[int, ...]]) -> dict[str, TensorInfo]:
    return {name: TensorInfo("F16", shape) for name, shape in shapes.items()}


def without(prefix: str) -> dict[str, tuple[int, ...]]:
    return {name: shape for name, shape in SD15.items() if not name.startswith(prefix)}


def wide(width: int) -> dict[str, tuple[int, ...]]:
    return {name: (shape[0], width) if "attn2" in name else shape for name, shape in SD15.items()}


@pytest.mark.parametrize(
    ("shapes", "kind"),
    [
        (SD15, None),
        (SD15 | {"model_ema.decay": (), "betas": (1000,)}, None),
        (wide(64), None),  # the tiny base
        (wide(1024), "Stable Diffusion 2.x"),
        (wide(2048), "SDXL"),
        (without("cond_") | {"cond_stage_model.model.ln_final.weight": (1024,)}, "Stable Diffusion 2.x"),
        (without("cond_") | {"conditioner.embedders.1.model.ln_final.weight": (1280,)}, "SDXL"),
        (without("cond_") | {"conditioner.embedders.0.model.ln_final.weight": (1280,)}, "the SDXL refiner"),
        (SD15 | {f"{UNET}input_blocks.0.0.weight": (320, 9, 3, 3)}, "an inpainting model"),
        (SD15 | {f"{UNET}input_blocks.0.0.weight": (320, 8, 3, 3)}, "an instruct-pix2pix model"),
        (SD15 | {f"{UNET}input_blocks.0.0.weight": (320, 6, 3, 3)}, "a model of 6 input channels"),
        (without("first_stage"), "a checkpoint without its VAE"),
        (without("cond_"), "a checkpoint without its text encoder"),
        ({f"{UNET}joint_blocks.0.x": (1,)}, "Stable Diffusion 3"),
        ({"double_blocks.0.img_attn.qkv.weight": (1,)}, "Flux"),
        ({"control_model.time_embed.0.weight": (1,)}, "a ControlNet"),
        ({"lora_unet_mid_block_attentions_0_proj_in.lora_down.weight": (4, 1280)}, LORA),
        ({"unet.mid_block.attentions.0.proj_in.lora_A.weight": (4, 1280)}, LORA),
        ({"emb_params": (2, 768)}, "a textual inversion embedding"),
        ({"down_blocks.0.resnets.0.conv1.weight": (1,)}, UNET_ONLY),
        ({"encoder.down.0.block.0.conv1.weight": (1,)}, "a VAE alone"),
        ({"text_model.embeddings.token_embedding.weight": (1,)}, "a text encoder alone"),
        ({"anything": (1,)}, "a file of other tensors"),
        ({}, "a file of other tensors"),
    ],
)  # fmt: skip
def test_single_files(shapes: dict[str, tuple[int, ...]], kind: str | None):
    assert foreign_checkpoint(infos(shapes)) == kind


@pytest.mark.parametrize(
    ("index", "unet", "text_encoder", "kind"),
    [
        ({}, {"cross_attention_dim": 768, "in_channels": 4}, {"hidden_size": 768}, None),
        ({"_class_name": "StableDiffusionPipeline"}, {"cross_attention_dim": 64}, {"hidden_size": 64}, None),
        ({"_class_name": "StableDiffusionXLPipeline"}, {"cross_attention_dim": 2048}, {"hidden_size": 768}, "SDXL"),
        ({}, {"cross_attention_dim": 2048, "addition_embed_type": "text_time"}, {"hidden_size": 768}, "SDXL"),
        ({}, {"cross_attention_dim": 1024}, {"hidden_size": 1024}, "Stable Diffusion 2.x"),
        ({}, {"cross_attention_dim": 768, "in_channels": 9}, {"hidden_size": 768}, "an inpainting model"),
        ({}, {"cross_attention_dim": 64}, {"hidden_size": 768}, MISMATCH),
        ({}, {"_class_name": "UNetMotionModel"}, {}, "a model with a UNetMotionModel"),
    ],
)  # fmt: skip
def test_folders(index: dict[str, Any], unet: dict[str, Any], text_encoder: dict[str, Any], kind: str | None):
    assert foreign_folder(index, unet, text_encoder) == kind
