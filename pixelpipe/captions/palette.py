"""Captions from measured colors alone: "brown top, tan center, red bottom, teal background".

The background is the border's commonest color, flooded from the border; the rest is cut into thirds of its own height.
Every part is named by the coarse names of its pixels, at most two.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from pixelpipe.analysis.color import delta_e_ok, srgb_to_oklab
from pixelpipe.captions.colors import ANCHORS, NAMES, name_indices
from pixelpipe.data.sprites import Sprite

PARTS = ("top", "center", "bottom")
SECOND_SHARE = 0.3  # of a part, from which its second color is named too
SAME_COLOR = 0.04  # Delta E_OK within which a pixel is background
VERSION = 1  # of the wording: captions that are kept by content must not outlive it

Mask = npt.NDArray[np.bool_]


class PaletteStrategy:
    from_pixels = True

    @property
    def identity(self) -> dict[str, Any]:
        return {"strategy": "palette", "version": VERSION, "anchors": {name: list(a) for name, a in ANCHORS.items()}}

    def describe(self, sprites: Sequence[Sprite]) -> list[str]:
        return [palette_caption(sprite.pixels) for sprite in sprites]


def palette_caption(sprite: npt.NDArray[np.uint8]) -> str:
    """(g, g, 3) uint8 sRGB -> names of the colors of its parts, the background last."""
    names = name_indices(sprite)
    background = background_mask(sprite)
    phrases = [f"{_named(names[part])} {label}" for label, part in _parts(background) if part.any()]
    if background.any():
        phrases.append(f"{_named(names[background], most=1)} background")
    return ", ".join(phrases)


def background_mask(sprite: npt.NDArray[np.uint8]) -> Mask:
    """(g, g) bool: pixels of the border's commonest color that touch the border through their like.

    The border is the top, left and right edge, as in `background_uniformity`: a bust is cut by the bottom. A border
    without a main color (less than a third of it) is no background, and the mask is empty.
    """
    oklab = srgb_to_oklab(sprite)
    border = np.concatenate([sprite[0], sprite[1:, 0], sprite[1:, -1]])
    colors, counts = np.unique(border, axis=0, return_counts=True)
    near = delta_e_ok(oklab, srgb_to_oklab(colors[counts.argmax()])) <= SAME_COLOR
    edges = np.zeros_like(near)
    edges[0] = edges[:, 0] = edges[:, -1] = True
    if (near & edges).sum() < edges.sum() / 3:
        return np.zeros_like(near)
    flooded = ndimage.binary_propagation(near & edges, mask=near)
    return np.asarray(flooded, dtype=bool)


def _parts(background: Mask) -> list[tuple[str, Mask]]:
    """The foreground in thirds of the rows that it spans."""
    rows = np.flatnonzero((~background).any(axis=1))
    if not len(rows):
        return []
    first, height = rows[0], rows[-1] + 1 - rows[0]
    third = (np.arange(len(background)) - first) * len(PARTS) // height
    return [(label, ~background & (third == index)[:, None]) for index, label in enumerate(PARTS)]


def _named(names: npt.NDArray[np.int64], most: int = 2) -> str:
    """The commonest names of some pixels; black is an outline before it is a color, and counts half."""
    weights = np.bincount(names, minlength=len(NAMES)).astype(np.float64)
    weights[NAMES.index("black")] /= 2
    order = np.lexsort((np.arange(len(NAMES)), -weights))
    chosen = [order[0]] + [i for i in order[1:most] if weights[i] >= SECOND_SHARE * weights.sum()]
    return " and ".join(NAMES[i] for i in chosen)
