"""From a full-size image to the sprite it shows, by five methods that are recorded by their names."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from pixelpipe.analysis.cell_medians import medians
from pixelpipe.errors import BadInputError

MIN_GRID = 8
MAX_GRID = 128

Method = Literal["nearest", "cell_median", "box", "mode", "k_centroid"]
Images = npt.NDArray[np.uint8]


def to_grid(images: Images, grid: int, method: Method) -> Images:
    """(N, H, W, 3) uint8 sRGB -> (N, grid, grid, 3) uint8 sRGB.

    - `nearest`, `box`: Pillow's filters of those names, bit for bit
    - `cell_median`: the lower median of each channel over the inner half of each float-bounded cell
    - `mode`: the commonest color of each cell, of equally common ones the least
    - `k_centroid`: the mean of the larger of each cell's two clusters of color (2-means)

    Raises `BadInputError` as `check_images` does.
    """
    check_images(images, grid)
    return _METHODS[method](images, grid)


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


def _box(images: Images, grid: int) -> Images:
    resized = [Image.fromarray(image).resize((grid, grid), Image.Resampling.BOX) for image in images]
    return np.array(resized, dtype=np.uint8).reshape(len(images), grid, grid, 3)


def _cell_median(images: Images, grid: int) -> Images:
    rows, columns = (inner_pixels(size, grid) for size in images.shape[1:3])
    blocks = (rows[:, 0].copy(), rows.shape[1], columns[:, 0].copy(), columns.shape[1])
    sprites = _empty_sprites(images, grid)
    for image, sprite in zip(np.ascontiguousarray(images), sprites, strict=True):
        medians(image, *blocks, sprite)
    return sprites


def _mode(images: Images, grid: int) -> Images:
    from pixelpipe.analysis.cell_clusters import modes  # here: compiled only where it is asked for

    return _of_cells(images, grid, modes)


def _k_centroid(images: Images, grid: int) -> Images:
    from pixelpipe.analysis.cell_clusters import centroids_of_larger_cluster  # here: as above

    return _of_cells(images, grid, centroids_of_larger_cluster)


def _of_cells(images: Images, grid: int, color_of_cells: Callable[..., None]) -> Images:
    row_edges, column_edges = (cell_edges(size, grid) for size in images.shape[1:3])
    sprites = _empty_sprites(images, grid)
    for image, sprite in zip(np.ascontiguousarray(images), sprites, strict=True):
        color_of_cells(image, row_edges, column_edges, sprite)
    return sprites


def _empty_sprites(images: Images, grid: int) -> Images:
    return np.empty((len(images), grid, grid, 3), dtype=np.uint8)


_METHODS: dict[Method, Callable[[Images, int], Images]] = {
    "nearest": _nearest,
    "cell_median": _cell_median,
    "box": _box,
    "mode": _mode,
    "k_centroid": _k_centroid,
}
