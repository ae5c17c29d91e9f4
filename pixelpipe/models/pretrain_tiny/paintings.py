"""Painterly pictures: what the tiny base has seen before any fine-tune, as SD1.5 has seen the web.

Sprites are painted over until hardly a cell is flat: gradients behind them, soft light, jittered hues, grain, blur,
a pose that is off the grid. Every picture is a float32 array in 0..255, sRGB.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from pixelpipe.data import portraits
from pixelpipe.data.sprites import upscale
from pixelpipe.models.pretrain_tiny.creatures import COLORS, draw_creature

DRAFT_PX_PER_CELL = 4
RESAMPLING = (Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)
TRIGGERS = ("pixel art portrait", "pixel art portrait", "portrait", "detailed portrait", "painting of a person")


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture ((size, size, 3) uint8, sRGB) and its caption."""

    image: np.ndarray
    caption: str


def resize(image: np.ndarray, size: int, resampling: Image.Resampling) -> np.ndarray:
    """Resize (H, W, C) float32 channel by channel, without rounding."""
    bands = [Image.fromarray(image[..., c]).resize((size, size), resampling) for c in range(image.shape[-1])]
    return np.stack([np.asarray(band) for band in bands], axis=-1)


def _smooth_field(rng: np.random.Generator, size: int, knots: int, channels: int) -> np.ndarray:
    """Smooth random field (size, size, channels) with standard deviation about 1."""
    coarse = rng.normal(size=(knots, knots, channels)).astype(np.float32)
    return resize(coarse, size, Image.Resampling.BICUBIC)


def _paint_background(color: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """A smooth gradient around `color`, (size, size, 3)."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size - 0.5
    angle = rng.uniform(0, 2 * np.pi)
    ramp = (np.cos(angle) * x + np.sin(angle) * y)[..., None] * rng.normal(0, rng.uniform(5, 60), 3)
    vignette = -rng.uniform(0, 90) * (x**2 + y**2)[..., None]
    return color + ramp + vignette + 6 * rng.random() * _smooth_field(rng, size, 5, 3)


def _paint_over(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Light, hue jitter and grain on (S, S, 3); `strength` 0..1 sets how far from flat."""
    size = image.shape[0]
    light = 1 + 0.16 * strength * _smooth_field(rng, size, 4, 1)
    tint = 12 * strength * _smooth_field(rng, size, int(rng.integers(3, 9)), 3)
    grain_size = size // int(rng.choice([1, 2, DRAFT_PX_PER_CELL]))
    grain = rng.normal(0, 1, (grain_size, grain_size, int(rng.choice([1, 3])))).astype(np.float32)
    grain = resize(grain, size, RESAMPLING[int(rng.integers(2))])
    return image * light + tint + rng.uniform(0, 1) * 10 * strength * grain


def _place(image: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Crop a slightly zoomed, shifted square out of (S, S, C) and resize it to `size`."""
    draft = image.shape[0]
    pixel_per_cell = DRAFT_PX_PER_CELL
    margin = rng.uniform(0, 2 * pixel_per_cell, 2)
    side = draft - rng.uniform(margin.max(), 2 * pixel_per_cell)
    box = (margin[0], margin[1], margin[0] + side, margin[1] + side)
    bands = [Image.fromarray(image[..., c]).resize((size, size), Image.Resampling.BILINEAR, box=box) for c in range(3)]
    return np.stack([np.asarray(band) for band in bands], axis=-1)


def paint(
    sprite: np.ndarray, mask: np.ndarray, backdrop: np.ndarray, size: int, rng: np.random.Generator
) -> tuple[np.ndarray, float]:
    """Paint a sprite ((G, G, 3) uint8, sRGB, subject where `mask` (G, G) is true) before `backdrop` ((3,) color).

    Returns the picture ((size, size, 3) uint8) and its strength of texture (0..1).
    """
    draft = sprite.shape[0] * DRAFT_PX_PER_CELL
    strength = float(rng.uniform(0.05, 1))
    resampling = RESAMPLING[int(rng.integers(len(RESAMPLING)))]
    layers = np.concatenate([sprite, mask[..., None] * 255], axis=-1).astype(np.float32)
    background = _paint_background(backdrop, draft, rng)
    layers = resize(layers, draft, resampling)
    alpha = np.clip(layers[..., 3:] / 255, 0, 1)
    image = layers[..., :3] * alpha + background * (1 - alpha)
    image = _paint_over(image, strength, rng).astype(np.float32)
    image = _place(image, size, rng) if rng.random() < 0.5 else resize(image, size, Image.Resampling.BILINEAR)
    return np.clip(image, 0, 255).round().astype(np.uint8), strength


def _portrait_caption(traits: portraits.Traits, strength: float, rng: np.random.Generator) -> str:
    """A caption with phrases dropped and shuffled; the more texture, the more words of detail."""
    detailed = rng.random() < 0.5 * strength
    text = portraits.detailed_caption(traits, rng) if detailed else portraits.plain_caption(traits)
    phrases = text.split(", ")[1:]
    if rng.random() < 0.5:
        rng.shuffle(phrases)
    kept = [phrase for phrase in phrases if rng.random() < 0.85]
    return ", ".join([str(rng.choice(TRIGGERS)), *kept])


def paint_portrait(size: int, rng: np.random.Generator) -> Picture:
    """A painterly portrait of random traits."""
    traits = portraits.draw_traits(rng)
    sprite = portraits.render(traits)
    backdrop = sprite[12, 0]
    mask = (sprite != backdrop).any(axis=-1)
    image, strength = paint(sprite, mask, backdrop.astype(np.float32), size, rng)
    return Picture(image, _portrait_caption(traits, strength, rng))


def paint_creature(size: int, grid: int, rng: np.random.Generator) -> Picture:
    """A painterly creature or item before a dark, light or colored gradient; half of them before flat black."""
    sprite, mask, caption = draw_creature(rng, grid)
    color_name = str(rng.choice(["black", *COLORS]))
    backdrop = np.array(COLORS[color_name], dtype=np.float32)
    if rng.random() < 0.5:
        backdrop = np.full(3, rng.choice([0.0, 20.0, 128.0, 255.0]), dtype=np.float32)
    elif rng.random() < 0.7:
        caption = caption.replace("plain background", f"{color_name} background")
    image, _ = paint(sprite, mask, backdrop, size, rng)
    return Picture(image, caption)


def flat_creature(size: int, grid: int, rng: np.random.Generator) -> Picture:
    """A creature or item as clean pixel art, every cell flat: how flatness looks is known, flat portraits are not."""
    sprite, mask, caption = draw_creature(rng, grid)
    color_name = str(rng.choice(["black", *COLORS]))
    backdrop = np.array(COLORS[color_name], dtype=np.uint8)
    if rng.random() < 0.3:
        backdrop = np.full(3, rng.choice([0, 20, 128, 255]), dtype=np.uint8)
    else:
        caption = caption.replace("plain background", f"{color_name} background")
    image = np.where(mask[..., None], sprite, backdrop)
    return Picture(upscale(image, size), caption)
