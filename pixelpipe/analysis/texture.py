"""Structure of a sprite's colors between neighboring cells: noise, and pictures coarser than their grid."""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]
_FACTORS = (2, 3)  # a picture of every 4th or 6th line is one of every 2nd, too


def geary_c(oklab: Array) -> Array:
    """Geary's C of sprites `oklab` (N, g, g, 3) over the 4-neighborhood: (N,), in [0, 2 (g + 1) / g].

    C = (n - 1) sum over neighbors of Delta E^2 / (2 pairs x sum over cells of Delta E^2 to the mean) (Geary 1954,
    "The contiguity ratio and statistical mapping"). Cells of independent colors have C = 1 +- 1.4 / g, whatever their
    colors; pixel art, which is made of patches, lies below. 0 for a flat sprite.
    """
    grid = oklab.shape[1]
    vertical, horizontal = _neighbor_energy(oklab)
    neighbors = vertical.sum(axis=(1, 2)) + horizontal.sum(axis=(1, 2))
    spread = np.square(oklab - oklab.mean(axis=(1, 2), keepdims=True)).sum(axis=(1, 2, 3))
    scale = (grid * grid - 1) / (2 * 2 * grid * (grid - 1))
    return scale * np.divide(neighbors, spread, out=np.zeros_like(neighbors), where=spread > 1e-12)


def coarse_grid(oklab: Array) -> Array:
    """How much of the edge energy of sprites `oklab` (N, g, g, 3) lies on every k-th grid line: (N,), in [0, 1].

    For k = 2 and 3 and the best offset of each axis, the share of the squared Delta E_OK between neighbors that
    crosses those lines, less 1/k, over 1 - 1/k; the larger one. 1: the picture has only 1/k of its cells a side,
    each k x k times (as when a latent covers 2 x 2 cells); 0: edges are as likely anywhere. Real art: below 0.4.
    """
    lines = [energy.sum(axis=axis) for energy, axis in zip(_neighbor_energy(oklab), (2, 1), strict=True)]
    total = sum(line.sum(axis=1) for line in lines)
    shares = np.zeros((len(_FACTORS), len(oklab)))
    for row, factor in enumerate(_FACTORS):
        on_best = sum(np.max([line[:, start::factor].sum(axis=1) for start in range(factor)], axis=0) for line in lines)
        share = np.divide(on_best, total, out=np.full(len(oklab), 1 / factor), where=total > 1e-12)
        shares[row] = (share - 1 / factor) / (1 - 1 / factor)
    return shares.max(axis=0).clip(0, 1)


def _neighbor_energy(oklab: Array) -> tuple[Array, Array]:
    """Squared Delta E_OK to the cell below, (N, g - 1, g), and to the cell on the right, (N, g, g - 1)."""
    below, right = (np.square(np.diff(oklab, axis=axis)).sum(axis=-1) for axis in (1, 2))
    return below, right
