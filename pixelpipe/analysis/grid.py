"""How well a full-size image keeps to its grid: one flat color a cell, and edges only between cells."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from pixelpipe.analysis.color import oklab_planes
from pixelpipe.analysis.downscale import cell_edges, inner_pixels

_BAND_PIXELS = 32768  # pixels converted at a time: their float32 planes stay in the processor's cache

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class GridError:
    """Of one image; all in Delta E_OK."""

    median: float  # [0, 1]: median over cells of the RMS distance to the cell's mean, over the inner half
    p95: float  # [0, 1]: 95th percentile over cells of the same
    straddle: float  # [-1, 1]: mean over cells of the full cell's RMS minus the inner half's


@dataclass(frozen=True, slots=True)
class _Axis:
    """One axis of the image, or the part of it that a band of cells covers."""

    edges: Indices  # (cells + 1,): first pixel of each cell, then the end
    inner: Indices  # (cells, n): pixels of each cell's inner half

    def band(self, first: int, last: int) -> "_Axis":
        start = self.edges[first]
        return _Axis(self.edges[first : last + 1] - start, self.inner[first:last] - start)


def grid_error(image: npt.NDArray[np.uint8], grid: int) -> GridError:
    """(H, W, 3) uint8 sRGB -> its `GridError`; all 0 for flat cells, to the last bit."""
    rows, columns = (_Axis(cell_edges(size, grid), inner_pixels(size, grid)) for size in image.shape[:2])
    cells_a_band = max(1, _BAND_PIXELS * grid // (image.shape[0] * image.shape[1]))
    inner, full = [], []
    for first in range(0, grid, cells_a_band):
        last = min(first + cells_a_band, grid)
        pixels = image[rows.edges[first] : rows.edges[last]]
        inner_rms, full_rms = _band_rms(pixels, rows.band(first, last), columns)
        inner.append(inner_rms)
        full.append(full_rms)
    errors = np.concatenate(inner)
    return GridError(
        median=float(np.median(errors)),
        p95=float(np.percentile(errors, 95)),
        straddle=float(np.mean(np.concatenate(full) - errors)),
    )


def _band_rms(
    pixels: npt.NDArray[np.uint8], rows: _Axis, columns: _Axis
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """RMS within the inner half and within the whole of each cell of a band: (cells, grid) each."""
    planes = np.stack(oklab_planes(pixels, np.float32))  # (3, h, W)
    planes -= _cell_origins(planes, rows, columns)
    inner = planes[:, rows.inner.ravel()][:, :, columns.inner.ravel()]
    inner_edges = [np.arange(0, axis.inner.size + 1, axis.inner.shape[1]) for axis in (rows, columns)]
    return _rms(inner, *inner_edges), _rms(planes, rows.edges, columns.edges)


def _cell_origins(planes: npt.NDArray[np.float32], rows: _Axis, columns: _Axis) -> npt.NDArray[np.float32]:
    """Each cell's middle pixel all over the cell: with that as origin float32 variances do not cancel."""
    middle_rows, middle_columns = (axis.inner[:, axis.inner.shape[1] // 2] for axis in (rows, columns))
    origins = planes[:, middle_rows][:, :, middle_columns]
    return np.repeat(np.repeat(origins, np.diff(columns.edges), axis=2), np.diff(rows.edges), axis=1)


def _rms(planes: npt.NDArray[np.float32], row_edges: Indices, column_edges: Indices) -> npt.NDArray[np.float64]:
    """RMS distance to the mean of each cell of `planes` (3, h, W)."""
    num_pixels = np.outer(np.diff(row_edges), np.diff(column_edges))

    def mean(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        # sums of slices, as `reduceat` along a middle axis is slow: 10.2 ms -> 6.1 ms an image of 512 px
        cells = pairwise(row_edges.tolist())
        by_row = np.stack([values[:, first:last].sum(axis=1) for first, last in cells], axis=1)
        return np.add.reduceat(by_row, column_edges[:-1], axis=2, dtype=np.float64) / num_pixels

    variances = mean(np.square(planes)) - np.square(mean(planes))
    return np.sqrt(np.maximum(variances, 0).sum(axis=0))
