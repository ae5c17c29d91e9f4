"""Figures as hand-made sprite sets have them: one to a picture, shaded and outlined, mostly before nothing.

Real pixel art is seldom as flat as `creatures.py` draws it. A base that has seen such figures keeps its sense of a body
when it is fine-tuned on such art; one that has not falls apart into clutter.
"""

import numpy as np
from PIL import Image

from pixelpipe.config import BACKGROUND
from pixelpipe.data.images import parse_color
from pixelpipe.data.sprites import upscale
from pixelpipe.models.pretrain_tiny.bodies import BODIES
from pixelpipe.models.pretrain_tiny.creatures import COLORS
from pixelpipe.models.pretrain_tiny.easel import Easel, Manner
from pixelpipe.models.pretrain_tiny.paintings import Picture

# What is left where a sprite set has transparency (docs/decisions/0030), other grounds, and colored ones.
GROUNDS = ((parse_color(BACKGROUND), 0.72), ((255, 255, 255), 0.1), ((0, 0, 0), 0.08))
SHARE_FADED = 0.12  # translucent: the ground is seen through
SHARE_SMALL = 0.08
SHARE_SHADOW = 0.35


def _ground(rng: np.random.Generator) -> tuple[str, np.ndarray]:
    at = rng.random()
    for color, share in GROUNDS:
        at -= share
        if at < 0:
            return "plain", np.array(color, np.float32)
    name = str(rng.choice(list(COLORS)))
    return name, np.clip(np.array(COLORS[name], np.float32) + rng.normal(0, 14, 3), 0, 255).astype(np.float32)


def _shrink(layer: np.ndarray, side: int, top: int, left: int) -> np.ndarray:
    """`layer` (grid, grid, C) uint8, made `side` cells wide and put at (top, left) of an empty one."""
    small = np.asarray(Image.fromarray(layer).resize((side, side), Image.Resampling.NEAREST))
    placed = np.zeros_like(layer)
    placed[top : top + side, left : left + side] = small
    return placed


def _cast_shadow(image: np.ndarray, mask: np.ndarray) -> None:
    """Black on the ground to the lower right of a figure."""
    grid = mask.shape[0]
    y, x = np.mgrid[0:grid, 0:grid] / grid
    image[(((x - 0.6) / 0.27) ** 2 + ((y - 0.88) / 0.08) ** 2 < 1) & ~mask] = 0


def draw_figure(rng: np.random.Generator, grid: int) -> tuple[np.ndarray, str]:
    """A figure ((grid, grid, 3) uint8, sRGB) and its caption: "pixel art, 32x32, green imp, demons, ..."."""
    weights = np.array([body.weight for body in BODIES])
    body = BODIES[int(rng.choice(len(BODIES), p=weights / weights.sum()))]
    color_name = str(rng.choice(list(COLORS)))
    color = np.clip(np.array(COLORS[color_name], np.float32) + rng.normal(0, 18, 3), 8, 250).astype(np.float32)
    easel = Easel(grid, rng, Manner.draw(rng))
    body.paint(easel, color)
    easel.finish(flipped=bool(rng.random() < 0.5))
    figure = np.clip(easel.image, 0, 255).astype(np.uint8)
    layer = np.dstack([figure, easel.mask.astype(np.uint8)])
    if rng.random() < SHARE_SMALL:
        side = round(float(rng.uniform(0.55, 0.9)) * grid)
        layer = _shrink(layer, side, *(int(v) for v in rng.integers(0, grid - side + 1, 2)))
    mask = layer[..., 3] > 0
    ground_name, ground = _ground(rng)
    image = np.tile(ground, (grid, grid, 1))
    if rng.random() < SHARE_SHADOW:
        _cast_shadow(image, mask)
    opacity = float(rng.uniform(0.45, 0.8)) if rng.random() < SHARE_FADED else 1.0
    image[mask] = opacity * layer[..., :3][mask] + (1 - opacity) * image[mask]
    name = str(rng.choice(body.names))
    name = f"{color_name} {name}" if rng.random() < 0.5 else name
    group = str(rng.choice(body.groups))
    return np.clip(image, 0, 255).astype(
        np.uint8
    ), f"pixel art, {grid}x{grid}, {name}, {group}, {ground_name} background"


def figure(size: int, grid: int, rng: np.random.Generator) -> Picture:
    """`draw_figure` at `size` px, NEAREST."""
    sprite, caption = draw_figure(rng, grid)
    return Picture(upscale(sprite, size), caption)
