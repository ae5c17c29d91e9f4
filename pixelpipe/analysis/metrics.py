"""The 24px metrics: a batch of images in, one Arrow table out.

A column's meaning never changes without a new METRIC_VERSION.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pixelpipe.analysis import palette
from pixelpipe.analysis.color import JUST_NOTICEABLE
from pixelpipe.analysis.downscale import to_grid
from pixelpipe.analysis.duplicates import TrainSprites
from pixelpipe.analysis.grid import grid_error
from pixelpipe.errors import BadInputError

if TYPE_CHECKING:
    from pixelpipe.analysis.profile import Profile

METRIC_VERSION = "1"
DOWNSCALE_METHOD = "cell_median"  # of every metric but unique_colors, which is the nearest sprite's
COARSE_TOLERANCE = 0.04  # Delta E_OK: effective_colors_04

Images = npt.NDArray[np.uint8]


def _column(name: str, kind: pa.DataType, unit: str, description: str, nullable: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable, metadata={"unit": unit, "description": description})


METRIC_SCHEMA = pa.schema(
    [
        _column("unique_colors", pa.int32(), "colors", "Distinct RGB triples of the nearest sprite."),
        _column("effective_colors", pa.int32(), "colors", "Colors after merging at Delta E_OK 0.02."),
        _column("effective_colors_04", pa.int32(), "colors", "Colors after merging at Delta E_OK 0.04."),
        _column("hill_shannon", pa.float64(), "colors", "exp of the entropy of the merged shares."),
        _column("hill_simpson", pa.float64(), "colors", "1 / sum of squares of the merged shares."),
        _column("top10_share", pa.float64(), "share", "Pixels of the 10 largest merged colors."),
        _column("largest_share", pa.float64(), "share", "Pixels of the largest merged color."),
        _column("off_palette", pa.float64(), "share", "Pixels over 0.04 from the training palette.", True),
        _column("palette_distance", pa.float64(), "Delta E_OK", "Mean distance to the training palette.", True),
        _column("grid_error", pa.float64(), "Delta E_OK", "RMS within cells' inner halves, median cell."),
        _column("grid_error_p95", pa.float64(), "Delta E_OK", "RMS within cells' inner halves, 95th percentile."),
        _column("straddle", pa.float64(), "Delta E_OK", "RMS within full cells minus inner halves, mean."),
        _column("orphan_ratio", pa.float64(), "share", "Pixels with no neighbor of their merged color."),
        _column("background_uniformity", pa.float64(), "share", "Dominant color of top, left and right borders."),
        _column("nearest_train", pa.float64(), "Delta E_OK", "RMS to the nearest training sprite.", True),
    ]
)


def measure(images: Images, grid: int, profile: Profile | None = None, train_sprites: Images | None = None) -> pa.Table:
    """Every metric of `images` (N, H, W, 3) uint8 sRGB: N rows of METRIC_SCHEMA, in order.

    H and W are at least `grid` (8..128); cells are float-bounded, so they need not divide.
    Ranges, with n = grid^2: colors 1..n (Hill numbers [1, n]); shares [0, 1], and above 0 for `top10_share`,
    `largest_share` and `background_uniformity`; distances [0, 1.2]; `straddle` [-1, 1]. Always finite.
    `off_palette` and `palette_distance` are null without `profile`, `nearest_train` without `train_sprites`
    (M, grid, grid, 3) uint8. Raises `BadInputError` for anything else.
    """
    train = None
    if train_sprites is not None:
        check_train_sprites(train_sprites, grid)
        train = TrainSprites(train_sprites)
    return measure_sprites(images, sprites(images, grid), profile, train)


def sprites(images: Images, grid: int) -> Images:
    """What is judged and stored: the `cell_median` sprites, (N, grid, grid, 3), of `images` (N, H, W, 3)."""
    return to_grid(images, grid, DOWNSCALE_METHOD)


def measure_sprites(
    images: Images,
    median_sprites: Images,
    profile: Profile | None = None,
    train: TrainSprites | None = None,
) -> pa.Table:
    """`measure`, for a caller that has `sprites(images, grid)` and the training sprites' features already."""
    grid = median_sprites.shape[1]
    if profile is not None:
        profile.check(grid)
    training_palette = None if profile is None else palette.Palette(profile.palette_colors())
    columns: dict[str, list[float]] = {name: [] for name in METRIC_SCHEMA.names}
    for image, nearest, sprite in zip(images, to_grid(images, grid, "nearest"), median_sprites, strict=True):
        for name, value in (
            _count_unique(nearest) | _color_metrics(sprite, training_palette) | _grid_metrics(image, grid)
        ).items():
            columns[name].append(value)
    if train is not None:
        columns["nearest_train"] = train.nearest(median_sprites).tolist()
    return _table(columns)


def check_train_sprites(train_sprites: Images, grid: int) -> None:
    """Raises `BadInputError` unless they are (M, grid, grid, 3) uint8 with M at least 1."""
    shape = train_sprites.shape
    if shape[1:] != (grid, grid, 3) or shape[0] == 0 or train_sprites.dtype != np.uint8:
        raise BadInputError(
            f"`train_sprites` must be (M, {grid}, {grid}, 3) uint8 with M at least 1 "
            f"but got {shape} {train_sprites.dtype}"
        )


def _count_unique(nearest: Images) -> dict[str, float]:
    wide = nearest.astype(np.int32)
    return {"unique_colors": len(np.unique(wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]))}


def _color_metrics(sprite: Images, training_palette: palette.Palette | None) -> dict[str, float]:
    merged = palette.MergedColors(sprite)
    labels, pixels = merged.merge(JUST_NOTICEABLE)
    shares = pixels / labels.size
    metrics = {
        "effective_colors": len(shares),
        "effective_colors_04": len(merged.merge(COARSE_TOLERANCE)[1]),
        "hill_shannon": palette.hill_shannon(shares),
        "hill_simpson": palette.hill_simpson(shares),
        "top10_share": int(pixels[:10].sum()) / labels.size,
        "largest_share": float(shares[0]),
        "orphan_ratio": palette.orphan_ratio(labels),
        "background_uniformity": palette.background_uniformity(labels),
    }
    if training_palette is not None:
        off_palette, distance = training_palette.distances(merged)
        metrics |= {"off_palette": off_palette, "palette_distance": distance}
    return metrics


def _grid_metrics(image: Images, grid: int) -> dict[str, float]:
    error = grid_error(image, grid)
    return {"grid_error": error.median, "grid_error_p95": error.p95, "straddle": error.straddle}


def _table(columns: dict[str, list[float]]) -> pa.Table:
    num_rows = len(columns["unique_colors"])
    arrays = [
        pa.array(columns[field.name], field.type) if columns[field.name] else pa.nulls(num_rows, field.type)
        for field in METRIC_SCHEMA
    ]
    return pa.Table.from_arrays(arrays, schema=METRIC_SCHEMA)
