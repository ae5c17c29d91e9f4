"""From a full-size image to the sprite it shows: `nearest`, `cell_median` and `box`."""

from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from pixelpipe.errors import BadInputError

MIN_GRID = 8
MAX_GRID = 128

Method = Literal["nearest", "cell_median", "box"]
Images = npt.NDArray[np.uint8]


def to_grid(images: Images, grid: int, method: Method) -> Images:
    """(N, H, W, 3) uint8 sRGB -> (N, grid, grid, 3) uint8 sRGB.

    `nearest` and `box` equal Pillow's filters of those names bit for bit; `cell_median` is the median of
    each channel over the inner half of each cell. Raises `BadInputError` as `check_images` does.
    """
    check_images(images, grid)
    if method == "nearest":
        return _nearest(images, grid)
    if method == "cell_median":
        return _cell_median(images, grid)
    resized = [Image.fromarray(image).resize((grid, grid), Image.Resampling.BOX) for image in images]
    return np.array(resized, dtype=np.uint8).reshape(len(images), grid, grid, 3)


def check_images(images: Images, grid: int) -> None:
    """Raises `BadInputError` unless `images` are (N, H, W, 3) uint8, H and W at least `grid`, in 8..128."""
    if not MIN_GRID <= grid <= MAX_GRID:
        raise BadInputError(f"`grid` must be {MIN_GRID}..{MAX_GRID} cells but got {grid}")
    if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8:
        raise BadInputError(f"`images` must be (N, H, W, 3) uint8 but got {images.shape} {images.dtype}")
    height, width = images.shape[1:3]
    if min(height, width) < grid:
        raise BadInputError(f"an image must be at least {grid} x {grid} px, its grid, but is {width} x {height}")


def cell_edges(size_px: int, grid: int) -> npt.NDArray[np.int64]:
    """First pixel of each cell, then `size_px`: (grid + 1,), rising.

    Cell k is [k, k + 1) * size_px / grid and owns the pixels whose centers lie in it.
    """
    return -((grid - 2 * size_px * np.arange(grid + 1)) // (2 * grid))


def inner_pixels(size_px: int, grid: int) -> npt.NDArray[np.int64]:
    """Pixels of the inner half of each cell along one axis: (grid, n), n = max(1, floor(half a cell)).

    The n whole pixels nearest the center of the float-bounded cell, so that every cell has the same number.
    """
    num_pixels = max(1, size_px // (2 * grid))
    starts = ((2 * np.arange(grid) + 1) * size_px + grid - num_pixels * grid) // (2 * grid)
    return starts[:, None] + np.arange(num_pixels)


def _nearest(images: Images, grid: int) -> Images:
    rows, columns = (_nearest_pixels(size, grid) for size in images.shape[1:3])
    return images[:, rows[:, None], columns]


def _nearest_pixels(size_px: int, grid: int) -> npt.NDArray[np.int64]:
    """Pixels that Pillow's NEAREST takes: it adds steps up in float64, and that rounding is repeated here."""
    step = size_px / grid
    positions = np.full(grid, step)
    positions[0] = step * 0.5
    return np.add.accumulate(positions).astype(np.int64)


def _cell_median(images: Images, grid: int) -> Images:
    """The lower median, (n - 1) // 2 of the sorted values: always a value that is in the cell."""
    rows, columns = (inner_pixels(size, grid) for size in images.shape[1:3])
    if rows.shape[1] * columns.shape[1] == 1:
        return images[:, rows, columns[:, 0]]
    medians = [_median_of_cells(image, rows, columns) for image in images]
    return np.array(medians, dtype=np.uint8).reshape(len(images), grid, grid, 3)


def _median_of_cells(image: Images, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]) -> Images:
    grid, num_rows = rows.shape
    num_columns = columns.shape[1]
    inner = image[rows.ravel()][:, columns.ravel()]  # (grid * num_rows, grid * num_columns, 3)
    cells = inner.reshape(grid, num_rows, grid, num_columns, 3).transpose(0, 2, 4, 1, 3)
    values = cells.reshape(grid, grid, 3, num_rows * num_columns)
    values.sort(axis=-1, kind="stable")  # stable is a radix sort for bytes: 4 times as fast as a partition
    return values[..., (values.shape[-1] - 1) // 2]
