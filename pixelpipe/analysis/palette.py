"""Colors of one sprite after merging, and how far they lie from the palette of the training art."""

import numpy as np
import numpy.typing as npt

from pixelpipe.analysis.color import Array, Colors, srgb_to_oklab
from pixelpipe.analysis.compiled import compiled, read_only
from pixelpipe.analysis.merging import MergedColors, distinct_colors, merge_colors

OFF_PALETTE_DELTA_E = 0.04


def hill_shannon(shares: npt.NDArray[np.float64]) -> float:
    """exp(-sum p ln p) of positive shares, in [1, number of shares] (Hill 1973, order 1)."""
    return float(np.exp(-np.sum(shares * np.log(shares))))


def hill_simpson(shares: npt.NDArray[np.float64]) -> float:
    """1 / sum p^2, in [1, number of shares] (Hill 1973, order 2)."""
    return float(1 / np.sum(np.square(shares)))


@compiled(f"float64[::1]({read_only('float64', 2)}, {read_only('float64', 2)})")
def nearest_distances(colors, palette):
    """Delta E_OK from each of `colors` (k, 3) to the nearest of `palette` (m, 3), m at least 1: (k,)."""
    nearest = np.empty(len(colors))
    for index in range(len(colors)):
        least = 4.0  # no two colors of sRGB are 2 apart
        for other in range(len(palette)):
            lightness = colors[index, 0] - palette[other, 0]
            a, b = colors[index, 1] - palette[other, 1], colors[index, 2] - palette[other, 2]
            least = min(least, lightness * lightness + a * a + b * b)
        nearest[index] = np.sqrt(least)
    return nearest


class Palette:
    """Nearest training color of any color; built once for a batch."""

    def __init__(self, colors: Colors) -> None:
        """`colors` (k, 3) uint8 sRGB, k at least 1."""
        self._oklab: Array = srgb_to_oklab(colors)

    def distances(self, merged: MergedColors) -> tuple[float, float]:
        """`off_palette`, the share of pixels farther than 0.04, and `palette_distance`, the mean Delta E_OK.

        The second is the Chamfer distance from the sprite to the palette, weighted by pixels; a sprite owes
        the palette nothing for the colors that it does not use.
        """
        distances = nearest_distances(merged.oklab, self._oklab)
        num_pixels = merged.counts.sum()
        off_palette = merged.counts[distances > OFF_PALETTE_DELTA_E].sum()
        return float(off_palette / num_pixels), float(np.sum(merged.counts * distances) / num_pixels)


def pooled_palette(sprites: Colors, tolerance: float) -> tuple[Colors, npt.NDArray[np.float64]]:
    """The colors of `sprites` (N, g, g, 3) merged at `tolerance`: (k, 3) uint8 and their shares, largest first."""
    colors, counts, _ = distinct_colors(sprites)
    leader = merge_colors(srgb_to_oklab(colors), tolerance)
    pixels = np.bincount(leader, weights=counts, minlength=len(colors))
    leads = np.argsort(-pixels, kind="stable")[: np.count_nonzero(pixels)]
    return colors[leads], pixels[leads] / pixels.sum()
