"""Writing the tiny base as a folder in SD1.5's layout: fp16 safetensors and their configurations."""

import copy
import json
from pathlib import Path

import diffusers
from diffusers import AutoencoderKL
from safetensors.torch import load_file

from pixelpipe.models.pretrain_tiny.diffusion import SCHEDULER_CONFIG, Denoiser

MODEL_INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "feature_extractor": [None, None],
    "image_encoder": [None, None],
    "requires_safety_checker": False,
    "safety_checker": [None, None],
    "scheduler": ["diffusers", "PNDMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}


def _write_json(path: Path, content: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _save_half(model: object, folder: Path) -> None:
    """Save a copy of `model` in fp16, contiguous, without the path that it was loaded from."""
    half = copy.deepcopy(model).to("cpu").half()
    for parameter in half.parameters():
        parameter.data = parameter.data.contiguous()
    half.save_pretrained(folder, safe_serialization=True)
    for path in folder.glob("*.safetensors"):
        path.chmod(0o644)  # safetensors writes files that only their owner can read
    config_path = folder / "config.json"
    config = json.loads(config_path.read_text(encoding="utf-8"))
    _write_json(config_path, {key: value for key, value in config.items() if key != "_name_or_path"})


def save_vae(vae: AutoencoderKL, folder: Path) -> None:
    """Write `folder`/vae."""
    _save_half(vae, folder / "vae")


def save_denoiser(denoiser: Denoiser, folder: Path) -> None:
    """Write the UNet, the text encoder, the scheduler and the index; the tokenizer is there already."""
    _save_half(denoiser.unet, folder / "unet")
    _save_half(denoiser.text_encoder, folder / "text_encoder")
    scheduler = {"_class_name": "PNDMScheduler", "_diffusers_version": diffusers.__version__, **SCHEDULER_CONFIG}
    _write_json(folder / "scheduler" / "scheduler_config.json", scheduler)
    _write_json(folder / "model_index.json", {"_diffusers_version": diffusers.__version__, **MODEL_INDEX})


def load_weights(denoiser: Denoiser, folder: Path) -> None:
    """Load into `denoiser` the weights that `save_denoiser` wrote."""
    for model, path in (
        (denoiser.unet, folder / "unet" / "diffusion_pytorch_model.safetensors"),
        (denoiser.text_encoder, folder / "text_encoder" / "model.safetensors"),
    ):
        model.load_state_dict(load_file(path))
