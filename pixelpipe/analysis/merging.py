"""Merging the colors that the eye cannot tell apart: greedy leader clustering, the commonest color first."""

import numpy as np
import numpy.typing as npt

from pixelpipe.analysis.color import JUST_NOTICEABLE, VIEWING_FLARE, Array, Colors, srgb_to_oklab
from pixelpipe.analysis.compiled import compiled, read_only


def distinct_colors(sprite: Colors) -> tuple[Colors, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The distinct colors of `sprite` (..., 3) uint8, the most frequent first and ties by RGB value.

    Returns colors (k, 3) uint8, counts (k,) in pixels, and each pixel's index into them, (...).
    """
    codes = color_codes(sprite)
    values, inverse, counts = np.unique(codes, return_inverse=True, return_counts=True)
    order = np.lexsort((values, -counts))
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    values = values[order]
    colors = np.stack([values >> 16, values >> 8 & 255, values & 255], axis=-1).astype(np.uint8)
    return colors, counts[order], rank[inverse].reshape(codes.shape)


def color_codes(rgb: Colors) -> npt.NDArray[np.int32]:
    """(..., 3) uint8 -> (...) 0xRRGGBB: equal where colors are equal, and in their order."""
    wide = rgb.astype(np.int32)
    return wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]


@compiled(f"int64[::1]({read_only('float64', 2)}, float64)")
def merge_colors(oklab, tolerance):
    """The leader of each color of `oklab` (k, 3), which come in the order of `distinct_colors`.

    Greedy leader: the first unassigned color leads and absorbs every unassigned color within `tolerance`
    (Delta E_OK, inclusive). No chains: nothing is farther than `tolerance` from its leader.
    Returns (k,) indices; a leader's is its own.
    """
    leaders = np.full(len(oklab), -1, np.int64)
    for first in range(len(oklab)):
        if leaders[first] >= 0:
            continue
        leaders[first] = first
        for other in range(first + 1, len(oklab)):
            if leaders[other] < 0:
                lightness = oklab[other, 0] - oklab[first, 0]
                a, b = oklab[other, 1] - oklab[first, 1], oklab[other, 2] - oklab[first, 2]
                if np.sqrt(lightness * lightness + a * a + b * b) <= tolerance:
                    leaders[other] = first
    return leaders


class MergedColors:
    """The merged colors of one sprite (g, g, 3) uint8 at one tolerance after another."""

    def __init__(self, sprite: Colors) -> None:
        self.colors, self.counts, self._color_of_pixel = distinct_colors(sprite)
        self.oklab: Array = srgb_to_oklab(self.colors)

    def merge(self, tolerance: float) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The merged color of each pixel, (g, g), and the pixels of each, largest first, (k,)."""
        leaders = merge_colors(self.oklab, tolerance)
        labels = leaders[self._color_of_pixel]
        pixels = np.bincount(labels.ravel())
        return labels, np.sort(pixels[pixels > 0])[::-1]

    def count_visible(self) -> int:
        """Merged colors at the just noticeable difference, seen with the viewing flare of a dim room."""
        leaders = merge_colors(srgb_to_oklab(self.colors, VIEWING_FLARE), JUST_NOTICEABLE)
        return int(np.count_nonzero(leaders == np.arange(len(leaders))))
