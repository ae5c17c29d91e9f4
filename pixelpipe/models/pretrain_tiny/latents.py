"""Painterly pictures as cached latents: the training set of the tiny base's UNet."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from diffusers import AutoencoderKL

from pixelpipe.models.pretrain_tiny.paintings import Picture, flat_creature, paint_creature, paint_portrait

logger = logging.getLogger(__name__)

ENCODE_BATCH = 16


@dataclass(frozen=True, slots=True)
class Source:
    """A kind of picture: how one is painted, its size, and the share of the training set that it makes."""

    name: str
    paint: Callable[[np.random.Generator], Picture]
    latent_px: int
    share: float


SOURCES = (
    Source("portraits at 192 px", lambda rng: paint_portrait(192, rng), 24, 0.38),
    Source("creatures at 192 px", lambda rng: paint_creature(192, 24, rng), 24, 0.06),
    Source("flat creatures at 192 px", lambda rng: flat_creature(192, 24, rng), 24, 0.25),
    Source("creatures at 256 px", lambda rng: paint_creature(256, 32, rng), 32, 0.06),
    Source("flat creatures at 256 px", lambda rng: flat_creature(256, 32, rng), 32, 0.12),
    Source("portraits at 256 px", lambda rng: paint_portrait(256, rng), 32, 0.03),
    Source("portraits at 96 px", lambda rng: paint_portrait(96, rng), 12, 0.05),
    Source("portraits at 128 px", lambda rng: paint_portrait(128, rng), 16, 0.03),
    Source("creatures at 128 px", lambda rng: paint_creature(128, 32, rng), 16, 0.02),
)


@dataclass(frozen=True, slots=True)
class LatentSet:
    """Latents of one size ((N, 4, S, S) float16, scaled to unit std) and their captions."""

    latents: torch.Tensor
    captions: list[str]
    share: float


@torch.no_grad()
def encode(vae: AutoencoderKL, images: np.ndarray) -> torch.Tensor:
    """Scaled mean latents of images ((N, S, S, 3) uint8, sRGB): (N, 4, S / 8, S / 8) float32."""
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2) / 127.5 - 1
    mean = vae.encode(pixels.contiguous(memory_format=torch.channels_last)).latent_dist.mean
    return mean * vae.config.scaling_factor


def cache_source(vae: AutoencoderKL, source: Source, num_pictures: int, seed: int) -> LatentSet:
    """Paint and encode `num_pictures` pictures of `source`; picture i depends on (seed, source, i) only."""
    key = [seed, *source.name.encode()]
    chunks, captions = [], []
    for start in range(0, num_pictures, ENCODE_BATCH):
        indices = range(start, min(start + ENCODE_BATCH, num_pictures))
        pictures = [source.paint(np.random.default_rng([*key, index])) for index in indices]
        chunks.append(encode(vae, np.stack([picture.image for picture in pictures])).half())
        captions += [picture.caption for picture in pictures]
    logger.info("latents: %d %s", num_pictures, source.name)
    return LatentSet(torch.cat(chunks), captions, source.share)


def cache_all(vae: AutoencoderKL, num_pictures: int, seed: int) -> list[LatentSet]:
    """Every source's latents, about `num_pictures` in all."""
    vae = vae.to(memory_format=torch.channels_last).eval()
    return [cache_source(vae, source, round(source.share * num_pictures), seed) for source in SOURCES]
