"""Small crops of clean, rough and painterly art: what the tiny base's latents are scaled by."""

import numpy as np

from pixelpipe.data import portraits
from pixelpipe.models.pretrain_tiny.creatures import draw_creature
from pixelpipe.models.pretrain_tiny.paintings import paint_creature, paint_portrait

CROP_PX = 64


def _random_sprite(rng: np.random.Generator) -> np.ndarray:
    """A clean sprite: a portrait, or a creature before a flat color; (G, G, 3) uint8."""
    if rng.random() < 0.5:
        return portraits.render(portraits.draw_traits(rng))
    sprite, mask, _ = draw_creature(rng, 32)
    return np.where(mask[..., None], sprite, rng.integers(0, 256, 3).astype(np.uint8))


def _roughen(sprite: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Sometimes saturate, dither or add noise a cell at a time."""
    cells = sprite.astype(np.float32)
    choice = rng.random()
    if choice < 0.15:
        cells = cells + rng.normal(0, rng.uniform(2, 40), cells.shape)
    elif choice < 0.3:
        cells = 128 + (cells - 128) * rng.uniform(1, 3)
    elif choice < 0.4:
        cells[::2, 1::2] *= rng.uniform(0.5, 1)
        cells[1::2, ::2] *= rng.uniform(0.5, 1)
    elif choice < 0.5:
        cells = rng.integers(0, 256, cells.shape).astype(np.float32)
    return np.clip(cells, 0, 255)


def _cell_px(rng: np.random.Generator) -> float:
    """Cells of a whole latent mostly; also half a latent, and sizes that straddle latents."""
    return float(rng.choice([8, 8, 8, 8, 8, 4, 4, 4, 16, 32 / 3]))


def random_crop(rng: np.random.Generator) -> np.ndarray:
    """A training crop: (3, CROP_PX, CROP_PX) float32 in -1..1."""
    if rng.random() < 0.2:
        picture = paint_portrait(192, rng) if rng.random() < 0.6 else paint_creature(256, 32, rng)
        pixels = picture.image
    else:
        cells = _roughen(_random_sprite(rng), rng)
        cell_px = _cell_px(rng)
        index = (np.arange(int(cells.shape[0] * cell_px)) / cell_px).astype(int)
        pixels = cells[index][:, index]
    top, left = 8 * rng.integers(0, (np.array(pixels.shape[:2]) - CROP_PX) // 8 + 1)
    crop = pixels[top : top + CROP_PX, left : left + CROP_PX]
    return crop.astype(np.float32).transpose(2, 0, 1) / 127.5 - 1
