"""How well full-size images keep to their grid: one flat color a cell, and edges only between cells."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pixelpipe.analysis.color import LINEAR_OF_SRGB
from pixelpipe.analysis.downscale import cell_edges, inner_pixels
from pixelpipe.analysis.lattice import Lattice, fit_lattice
from pixelpipe.analysis.pixel_pass import scan

_LINEAR = LINEAR_OF_SRGB[np.float32]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class GridFit:
    """Of N images, each (N,) float64; errors in Delta E_OK."""

    error: Array  # [0, 1.2]: median over cells of the RMS distance to the cell's mean, over the inner half
    error_p95: Array  # [0, 1.2]: 95th percentile over cells of the same
    straddle: Array  # [-1.2, 1.2]: mean over cells of the full cell's RMS minus the inner half's
    lattice: Lattice


def grid_fit(images: npt.NDArray[np.uint8], grid: int) -> GridFit:
    """`images` (N, H, W, 3) uint8 sRGB -> their `GridFit`; all errors 0 for flat cells, to the last bit."""
    num_images, height, width = images.shape[:3]
    inner, full = np.empty((2, num_images, grid, grid))
    across, down = np.zeros((num_images, width)), np.zeros((num_images, height))
    axes = [*_axis(height, grid), *_axis(width, grid)]
    for index, image in enumerate(np.ascontiguousarray(images)):
        scan(image, _LINEAR, *axes, inner[index], full[index], across[index], down[index])
    inner, full = (errors.reshape(num_images, grid * grid) for errors in (inner, full))
    return GridFit(
        error=np.median(inner, axis=1),
        error_p95=np.percentile(inner, 95, axis=1),
        straddle=(full - inner).mean(axis=1),
        lattice=fit_lattice(across, down, grid),
    )


def _axis(size_px: int, grid: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int]:
    """First pixel of each cell and the end, first pixel of each cell's inner half, pixels in an inner half."""
    inner = inner_pixels(size_px, grid)
    return cell_edges(size_px, grid), np.ascontiguousarray(inner[:, 0]), inner.shape[1]
