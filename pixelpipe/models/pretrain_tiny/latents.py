"""Painterly pictures as cached latents: the training set of the tiny base's UNet."""

import logging
import multiprocessing
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from diffusers import AutoencoderKL

from pixelpipe.models.pretrain_tiny.figures import figure
from pixelpipe.models.pretrain_tiny.paintings import Picture, flat_creature, paint_creature, paint_portrait

logger = logging.getLogger(__name__)

ENCODE_BATCH = 32


@dataclass(frozen=True, slots=True)
class Source:
    """A kind of picture: how one is painted, its size, and the share of the training set that it makes."""

    name: str
    paint: Callable[[np.random.Generator], Picture]
    latent_px: int
    share: float


SOURCES = (
    Source("portraits at 192 px", lambda rng: paint_portrait(192, rng), 24, 0.22),
    Source("creatures at 192 px", lambda rng: paint_creature(192, 24, rng), 24, 0.03),
    Source("flat creatures at 192 px", lambda rng: flat_creature(192, 24, rng), 24, 0.15),
    Source("figures at 192 px", lambda rng: figure(192, 24, rng), 24, 0.06),
    Source("creatures at 256 px", lambda rng: paint_creature(256, 32, rng), 32, 0.02),
    Source("flat creatures at 256 px", lambda rng: flat_creature(256, 32, rng), 32, 0.05),
    Source("figures at 256 px", lambda rng: figure(256, 32, rng), 32, 0.4),
    Source("portraits at 256 px", lambda rng: paint_portrait(256, rng), 32, 0.02),
    Source("portraits at 96 px", lambda rng: paint_portrait(96, rng), 12, 0.03),
    Source("portraits at 128 px", lambda rng: paint_portrait(128, rng), 16, 0.01),
    Source("creatures at 128 px", lambda rng: paint_creature(128, 32, rng), 16, 0.01),
)


@dataclass(frozen=True, slots=True)
class LatentSet:
    """Latents of one size ((N, 4, S, S) float16, scaled to unit std) and their captions."""

    latents: torch.Tensor
    captions: list[str]
    share: float


@torch.no_grad()
def encode(vae: AutoencoderKL, images: np.ndarray) -> torch.Tensor:
    """Scaled mean latents of images ((N, S, S, 3) uint8, sRGB): (N, 4, S / 8, S / 8) float32, on the VAE's device."""
    pixels = torch.from_numpy(images).to(vae.device).permute(0, 3, 1, 2) / 127.5 - 1
    mean = vae.encode(pixels.contiguous(memory_format=torch.channels_last)).latent_dist.mean
    return mean * vae.config.scaling_factor


def _paint_chunk(place: tuple[int, int, int, int]) -> list[Picture]:
    """Pictures `start`..`stop` of a source; picture i depends on (seed, source, i) only."""
    source_index, seed, start, stop = place
    source = SOURCES[source_index]
    key = [seed, *source.name.encode()]
    return [source.paint(np.random.default_rng([*key, index])) for index in range(start, stop)]


def _places(source_index: int, num_pictures: int, seed: int) -> list[tuple[int, int, int, int]]:
    """What `_paint_chunk` is asked for: `num_pictures` pictures of a source, `ENCODE_BATCH` at a time."""
    starts = range(0, num_pictures, ENCODE_BATCH)
    return [(source_index, seed, start, min(start + ENCODE_BATCH, num_pictures)) for start in starts]


def _encode_source(vae: AutoencoderKL, source: Source, painted: Iterator[list[Picture]]) -> LatentSet:
    chunks, captions = [], []
    for pictures in painted:
        chunks.append(encode(vae, np.stack([picture.image for picture in pictures])).half())
        captions += [picture.caption for picture in pictures]
    logger.info("latents: %d %s", len(captions), source.name)
    return LatentSet(torch.cat(chunks), captions, source.share)


def cache_all(vae: AutoencoderKL, num_pictures: int, seed: int, num_workers: int) -> list[LatentSet]:
    """Every source's latents, about `num_pictures` in all, on the VAE's device; `num_workers` processes paint."""
    vae = vae.to(memory_format=torch.channels_last).eval()
    places = [_places(index, round(source.share * num_pictures), seed) for index, source in enumerate(SOURCES)]
    with multiprocessing.get_context("spawn").Pool(num_workers) as pool:
        painted = [pool.imap(_paint_chunk, chunks) for chunks in places]
        return [_encode_source(vae, source, pictures) for source, pictures in zip(SOURCES, painted, strict=True)]
