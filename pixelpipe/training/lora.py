"""A low-rank adapter of the UNet (Hu et al. 2021) through peft, kept in diffusers' LoRA layout."""

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from diffusers.loaders.lora_base import LORA_ADAPTER_METADATA_KEY
from peft import LoraConfig
from safetensors.torch import load_file, save_file

from pixelpipe.config import ModelConfig
from pixelpipe.seeds import derive_seed

ADAPTER = "default"
FILE = "pytorch_lora_weights.safetensors"  # what `load_lora_weights` looks for
ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")
FEED_FORWARD = ("ff.net.0.proj", "ff.net.2")


def add_adapter(unet: UNet2DConditionModel, config: ModelConfig, seed: int) -> None:
    """Freeze the UNet and give its attention, and feed-forward layers, an adapter that begins as nothing at all."""
    unet.requires_grad_(False)
    targets = ATTENTION if config.targets == "attention" else (*ATTENTION, *FEED_FORWARD)
    lora = LoraConfig(
        r=config.rank, lora_alpha=config.alpha, target_modules=list(targets), init_lora_weights="gaussian"
    )
    with torch.random.fork_rng():  # peft draws from the global generator
        torch.manual_seed(derive_seed(seed, "lora"))
        unet.add_adapter(lora, adapter_name=ADAPTER)


def load_adapter(unet: UNet2DConditionModel, folder: Path) -> None:
    """Give a base's UNet the adapter in `folder`, which `write_adapter` wrote, with its own rank, alpha and targets."""
    unet.load_lora_adapter(folder, weight_name=FILE, prefix="unet", adapter_name=ADAPTER, local_files_only=True)


def adapter_config(unet: UNet2DConditionModel) -> dict[str, Any]:
    """Rank, alpha and targets as peft knows them: the file's metadata. Sets become sorted lists: equal hashes."""
    config = unet.peft_config[ADAPTER].to_dict()
    return {key: sorted(value) if isinstance(value, set) else value for key, value in config.items()}


def write_adapter(folder: Path, values: dict[str, torch.Tensor], config: dict[str, Any]) -> None:
    """`values`: by parameter name, "<layer>.lora_A.default.weight"; on the CPU.

    What `StableDiffusionPipeline.save_lora_weights` writes, but every layer as "unet.<layer>.lora_A.weight" (diffusers'
    converter leaves two layouts in one file), and one entry of metadata: safetensors writes several in random order,
    and equal adapters must have equal hashes.
    """
    layers = {f"unet.{name.replace(f'.{ADAPTER}.weight', '.weight')}": value for name, value in values.items()}
    metadata = json.dumps({f"unet.{key}": value for key, value in config.items()}, indent=2, sort_keys=True)
    save_file(layers, folder / FILE, metadata={LORA_ADAPTER_METADATA_KEY: metadata})


def read_adapter(folder: Path) -> dict[str, torch.Tensor]:
    """What `write_adapter` was given."""
    return {
        f"{key.removeprefix('unet.').removesuffix('.weight')}.{ADAPTER}.weight": value
        for key, value in load_file(folder / FILE).items()
    }
