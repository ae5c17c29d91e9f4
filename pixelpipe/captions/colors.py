"""About 20 coarse color names, each with the sRGB anchors around which people use it; nearest in OKLab.

The anchors summarize the xkcd color survey (R. Munroe, 2010: names that 222,500 people gave to random colors), by
k-means within each name; a test holds them against the survey's own 949 colors.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from pixelpipe.analysis.color import Array, srgb_to_oklab

Rgb = npt.NDArray[np.uint8]

ANCHORS: Mapping[str, tuple[str, ...]] = {
    "black": ("#000000", "#161618", "#261c26"),
    "dark gray": ("#3c3f41", "#585c5f"),
    "gray": ("#7b7881", "#909993"),
    "light gray": ("#b4b8ba", "#d8dbd5"),
    "white": ("#ffffff", "#f4f2ee", "#ffffe4"),
    "beige": ("#e6daa6", "#ead6b4", "#f9e6c8"),
    "tan": ("#b79c5d", "#d1b26f", "#c99c70", "#dba884"),
    "brown": ("#8d5a15", "#361200", "#a5703a", "#723618", "#7c4c2e", "#4a2c22"),
    "maroon": ("#7a1520", "#57001b"),
    "red": ("#a82109", "#f9272a", "#d85151", "#c02d3a"),
    "orange": ("#f08433", "#c95a06", "#fc510f", "#ffa24e"),
    "yellow": ("#c3a50f", "#f6fc54", "#f3db3f", "#d5bd0c", "#f8e27a"),
    "olive": ("#515a09", "#7c8030", "#a4a240"),
    "green": ("#90ba30", "#88b874", "#78f951", "#54812d", "#5da84b", "#2aa84a", "#15b01a"),
    "dark green": ("#09480c", "#033003", "#1f4a2c"),
    "light green": ("#aefcab", "#6fd890", "#b4e0c0"),
    "teal": ("#005d5d", "#2a7f7a", "#45968a", "#5cb4ac", "#5dc6ae"),
    "cyan": ("#00ffff", "#7bfced", "#54d6e2", "#72f6d5"),
    "light blue": ("#90ccf3", "#bfe6f9", "#86b2de"),
    "blue": ("#2d6699", "#487bf3", "#2d33ed", "#4881a8", "#4270c4"),
    "navy": ("#063990", "#00064b", "#22305e"),
    "purple": ("#7e2a8d", "#3f0648", "#ae3cf0", "#8d5a8d", "#8652ac"),
    "lavender": ("#dbb7fc", "#a886d2"),
    "pink": ("#c66978", "#f67ea2", "#ffc0c6", "#ed308d"),
    "magenta": ("#f048d5", "#a80063"),
}
NAMES = tuple(ANCHORS)


def _anchor_table() -> tuple[Array, npt.NDArray[np.int64]]:
    """Anchors in OKLab (k, 3) and, for each, its name's index (k,)."""
    hexes = [(index, anchor) for index, anchors in enumerate(ANCHORS.values()) for anchor in anchors]
    rgb = np.array([list(bytes.fromhex(anchor[1:])) for _, anchor in hexes], dtype=np.uint8)
    return srgb_to_oklab(rgb), np.array([index for index, _ in hexes])


_OKLAB, _NAME_OF_ANCHOR = _anchor_table()


def name_indices(rgb: Rgb) -> npt.NDArray[np.int64]:
    """(..., 3) uint8 sRGB -> (...) int64: the index into `NAMES` of the nearest anchor (Delta E_OK)."""
    wide = rgb.astype(np.int64)
    codes = wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]
    values, inverse = np.unique(codes, return_inverse=True)
    colors = np.stack([values >> 16, values >> 8 & 255, values & 255], axis=-1).astype(np.uint8)
    return nearest_names(srgb_to_oklab(colors))[inverse].reshape(rgb.shape[:-1])


def nearest_names(oklab: Array) -> npt.NDArray[np.int64]:
    """(k, 3) OKLab -> (k,) indices into `NAMES`."""
    squares = ((oklab[:, None] - _OKLAB) ** 2).sum(axis=-1)
    return _NAME_OF_ANCHOR[squares.argmin(axis=1)]


def color_name(rgb: tuple[int, int, int]) -> str:
    return NAMES[int(name_indices(np.array(rgb, dtype=np.uint8)))]
