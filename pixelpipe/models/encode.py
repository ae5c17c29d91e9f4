"""Into and out of the latent space: sprites through the VAE, prompts through the text encoder."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import torch
from diffusers import AutoencoderKL
from transformers.models.clip import CLIPTextModel, CLIPTokenizer

from pixelpipe.data.sprites import upscale
from pixelpipe.models.load import BaseModel
from pixelpipe.progress import progress_bar

BATCH_PX = 16 * 256 * 256  # pixels coded at once: bounds memory, not the result


class HasVae(Protocol):
    """A whole base, or only its VAE."""

    @property
    def vae(self) -> AutoencoderKL: ...


@torch.no_grad()
def encode_images(base: HasVae, sprites: np.ndarray, resolution: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(N, g, g, 3) uint8 -> scaled latent mean and standard deviation, each (N, 4, resolution/8, resolution/8)."""
    means, stds = [], []
    with progress_bar("encoding sprites", len(sprites)) as advance:
        for batch in _batches(sprites, resolution):
            mean, std = _encode(base, batch, resolution)
            means.append(mean)
            stds.append(std)
            advance(len(batch))
    return torch.cat(means), torch.cat(stds)


@torch.no_grad()
def decode_latents(base: HasVae, latents: torch.Tensor) -> np.ndarray:
    """Scaled latents (N, 4, h, w) -> (N, 8h, 8w, 3) uint8 sRGB."""
    images = base.vae.decode(latents / base.vae.config.scaling_factor, return_dict=False)[0]
    images = ((images.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return images.permute(0, 2, 3, 1).cpu().numpy()


@torch.no_grad()
def round_trips(base: HasVae, sprites: np.ndarray, resolution: int) -> Iterator[np.ndarray]:
    """What the VAE alone does to the art, a batch at a time: (N, g, g, 3) uint8, NEAREST upscaled, encoded (mean),
    decoded -> (n, resolution, resolution, 3) uint8, N in all.

    No fine-tune of the UNet can do better than this.
    """
    with progress_bar(f"through the VAE at {resolution} px", len(sprites)) as advance:
        for batch in _batches(sprites, resolution):
            mean, _ = _encode(base, batch, resolution)
            yield decode_latents(base, mean)
            advance(len(batch))


def round_trip(base: HasVae, sprites: np.ndarray, resolution: int) -> np.ndarray:
    """`round_trips` in one array: (N, resolution, resolution, 3) uint8."""
    return np.concatenate(list(round_trips(base, sprites, resolution)))


def _batches(sprites: np.ndarray, resolution: int) -> Iterator[np.ndarray]:
    batch_size = max(1, BATCH_PX // resolution**2)
    return (sprites[start : start + batch_size] for start in range(0, len(sprites), batch_size))


def _encode(base: HasVae, sprites: np.ndarray, resolution: int) -> tuple[torch.Tensor, torch.Tensor]:
    images = to_model_range(upscale(sprites, resolution))
    posterior = base.vae.encode(images.to(base.vae.device)).latent_dist
    scale = base.vae.config.scaling_factor
    return posterior.mean * scale, posterior.std * scale


def to_model_range(images: np.ndarray) -> torch.Tensor:
    """(N, H, W, 3) uint8 sRGB -> (N, 3, H, W) fp32 in [-1, 1]."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1


def encode_prompts(base: BaseModel, prompts: Sequence[str], batch_size: int = 64) -> torch.Tensor:
    """Prompts -> (N, tokens, width) fp32 last hidden states, as SD1.5 uses them; cut at the model's length."""
    parts = [
        _encode_batch(base.tokenizer, base.text_encoder, prompts[start : start + batch_size])
        for start in range(0, len(prompts), batch_size)
    ]
    return torch.cat(parts)


@torch.no_grad()
def _encode_batch(tokenizer: CLIPTokenizer, text_encoder: CLIPTextModel, prompts: Sequence[str]) -> torch.Tensor:
    tokens = tokenizer(
        list(prompts),
        padding="max_length",
        max_length=tokenizer.model_max_length,
        truncation=True,
        return_tensors="pt",
    )
    return text_encoder(tokens.input_ids.to(text_encoder.device))[0]
