"""Colors of one sprite after merging, and how far they lie from the palette of the training art."""

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from pixelpipe.analysis.color import distinct_colors, merge_colors, srgb_to_oklab

OFF_PALETTE_DELTA_E = 0.04

Sprite = npt.NDArray[np.uint8]


class MergedColors:
    """The merged colors of one sprite (g, g, 3) uint8 at one tolerance after another."""

    def __init__(self, sprite: Sprite) -> None:
        self.colors, self.counts, self._color_of_pixel = distinct_colors(sprite)
        self.oklab = srgb_to_oklab(self.colors)

    def merge(self, tolerance: float) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The merged color of each pixel, (g, g), and the pixels of each, largest first, (k,)."""
        leader = merge_colors(self.oklab, tolerance)
        labels = leader[self._color_of_pixel]
        pixels = np.bincount(labels.ravel())
        return labels, np.sort(pixels[pixels > 0])[::-1]


def hill_shannon(shares: npt.NDArray[np.float64]) -> float:
    """exp(-sum p ln p) of positive shares, in [1, number of shares] (Hill 1973, order 1)."""
    return float(np.exp(-np.sum(shares * np.log(shares))))


def hill_simpson(shares: npt.NDArray[np.float64]) -> float:
    """1 / sum p^2, in [1, number of shares] (Hill 1973, order 2)."""
    return float(1 / np.sum(np.square(shares)))


def orphan_ratio(labels: npt.NDArray[np.int64]) -> float:
    """Share of the pixels of `labels` (g, g) none of whose 8 neighbors has their label, in [0, 1]."""
    padded = np.pad(labels, 1, constant_values=-1)
    height, width = labels.shape
    has_friend = np.zeros(labels.shape, dtype=bool)
    for down, right in ((0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1), (2, 2)):
        has_friend |= labels == padded[down : down + height, right : right + width]
    return float(np.mean(~has_friend))


def background_uniformity(labels: npt.NDArray[np.int64]) -> float:
    """Share of the commonest label on the top, left and right borders (corners once), in (0, 1]."""
    border = np.concatenate([labels[0], labels[1:, 0], labels[1:, -1]])
    return float(np.bincount(border).max() / len(border))


class Palette:
    """Nearest training color of any color; built once for a batch."""

    def __init__(self, colors: npt.NDArray[np.uint8]) -> None:
        """`colors` (k, 3) uint8 sRGB, k at least 1."""
        self._tree = KDTree(srgb_to_oklab(colors))

    def distances(self, merged: MergedColors) -> tuple[float, float]:
        """`off_palette`, the share of pixels farther than 0.04, and `palette_distance`, the mean Delta E_OK.

        The second is the Chamfer distance from the sprite to the palette, weighted by pixels; a sprite owes
        the palette nothing for the colors that it does not use.
        """
        distances = np.asarray(self._tree.query(merged.oklab)[0])
        num_pixels = merged.counts.sum()
        off_palette = merged.counts[distances > OFF_PALETTE_DELTA_E].sum()
        return float(off_palette / num_pixels), float(np.sum(merged.counts * distances) / num_pixels)


def pooled_palette(
    sprites: npt.NDArray[np.uint8], tolerance: float
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float64]]:
    """The colors of all `sprites` (N, g, g, 3) merged at `tolerance`: (k, 3) uint8 and their
    shares (k,), largest first."""
    colors, counts, _ = distinct_colors(sprites)
    leader = merge_colors(srgb_to_oklab(colors), tolerance)
    pixels = np.bincount(leader, weights=counts, minlength=len(colors))
    leads = np.argsort(-pixels, kind="stable")[: np.count_nonzero(pixels)]
    return colors[leads], pixels[leads] / pixels.sum()
