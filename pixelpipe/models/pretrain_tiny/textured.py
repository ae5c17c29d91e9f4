"""Sprites as hand-made sets have them: several parts, ramps of tones, dither, dark outlines, a cast shadow.

Real pixel art is seldom as flat as `creatures.py` alone draws it. A base that has seen texture keeps its sense of a
body when it is fine-tuned on such art for a few dozen steps; one that has not falls apart into clutter.
"""

import numpy as np
from PIL import Image

from pixelpipe.data.sprites import upscale
from pixelpipe.models.pretrain_tiny.creatures import COLORS, KINDS, Canvas, Kind, shrink_mask
from pixelpipe.models.pretrain_tiny.paintings import Picture

NUM_PARTS = (1, 1, 2, 2, 3)
WHITE_SHARE = 0.6  # of the backgrounds: what is left where a sprite set has transparency
_BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) / 16 - 0.47


def _labels(kind: Kind, grid: int, rng: np.random.Generator) -> np.ndarray:
    """Labels (grid, grid) uint8 of one kind, mirrored half of the time."""
    canvas = Canvas(Image.new("L", (grid, grid), 0), rng)
    kind.draw(canvas)
    labels = np.asarray(canvas.image)
    return labels[:, ::-1] if rng.random() < 0.5 else labels


def _placed(labels: np.ndarray, scale: float, rng: np.random.Generator) -> np.ndarray:
    """`labels` shrunk by `scale` and put somewhere on an empty square of the same size."""
    grid = labels.shape[0]
    side = max(4, round(scale * grid))
    small = np.asarray(Image.fromarray(np.ascontiguousarray(labels)).resize((side, side), Image.Resampling.NEAREST))
    placed = np.zeros_like(labels)
    top, left = rng.integers(0, grid - side + 1, 2)
    placed[top : top + side, left : left + side] = small
    return placed


def _tones(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """How light each cell is, (H, W) in about 0.35..1.4: light from the upper left, lumps, dither, a few steps."""
    height, width = shape
    y, x = np.mgrid[0:height, 0:width] / height
    lumps = np.asarray(Image.fromarray(rng.normal(size=(7, 7)).astype(np.float32)).resize((width, height)))
    light = 1.2 - rng.uniform(0.1, 0.6) * (x + y) / 2 + rng.uniform(0.02, 0.22) * lumps
    light = light + rng.choice([0.0, 0.1, 0.25]) * np.tile(_BAYER, (height // 4 + 1, width // 4 + 1))[:height, :width]
    light = light + rng.choice([0.0, 0.06, 0.14]) * rng.normal(size=shape)
    num_steps = int(rng.integers(3, 8))
    return np.clip(np.round(light * num_steps) / num_steps, 0.35, 1.4)


def _color(rng: np.random.Generator) -> tuple[str, np.ndarray]:
    name = str(rng.choice(list(COLORS)))
    return name, np.clip(np.array(COLORS[name]) + rng.normal(0, 14, 3), 0, 255)


def _paint_part(
    image: np.ndarray, labels: np.ndarray, color: np.ndarray, outline: float, rng: np.random.Generator
) -> None:
    """Paint one part over `image` (grid, grid, 3) float32; `outline` darkens its rim."""
    _, second = _color(rng)
    colors = np.stack([np.zeros(3), color, second, (250, 246, 220)]).astype(np.float32)
    part = colors[labels] * _tones(labels.shape, rng)[..., None]
    mask = labels > 0
    part[mask & ~shrink_mask(mask)] *= outline
    image[mask] = part[mask]


def _cast_shadow(image: np.ndarray, mask: np.ndarray) -> None:
    """Black on the ground to the lower right of the subject."""
    grid = mask.shape[0]
    shadow = np.zeros_like(mask)
    shadow[grid // 2 :, 3:] = mask[grid // 2 :, :-3]
    shadow &= ~mask & (np.arange(grid)[:, None] > 0.7 * grid)
    image[shadow] = 0


def draw_textured(rng: np.random.Generator, grid: int) -> tuple[np.ndarray, str]:
    """A creature or item with texture; ((grid, grid, 3) uint8 sRGB, caption)."""
    kinds = [KINDS[int(rng.integers(len(KINDS)))] for _ in range(int(rng.choice(NUM_PARTS)))]
    background_name, background = "plain", np.full(3, rng.choice([255.0, 255.0, 255.0, 0.0]))
    if rng.random() > WHITE_SHARE:
        background_name, background = _color(rng)
    image = np.tile(background.astype(np.float32), (grid, grid, 1))
    outline = float(rng.choice([0.12, 0.25, 0.45, 1.0]))
    color_name, color = _color(rng)
    body = _labels(kinds[0], grid, rng)
    if rng.random() < 0.35:
        body = _placed(body, float(rng.uniform(0.55, 0.95)), rng)
    if rng.random() < 0.4:
        _cast_shadow(image, body > 0)
    _paint_part(image, body, color, outline, rng)
    for kind in kinds[1:]:
        labels = _placed(_labels(kind, grid, rng), float(rng.uniform(0.3, 0.6)), rng)
        _paint_part(image, labels, _color(rng)[1], outline, rng)
    name = str(rng.choice(kinds[0].names))
    name = f"{color_name} {name}" if rng.random() < 0.6 else name
    caption = f"pixel art, {grid}x{grid}, {name}, {kinds[0].group}, {background_name} background"
    return np.clip(image, 0, 255).astype(np.uint8), caption


def textured_creature(size: int, grid: int, rng: np.random.Generator) -> Picture:
    """`draw_textured` at `size` px, NEAREST."""
    sprite, caption = draw_textured(rng, grid)
    return Picture(upscale(sprite, size), caption)
