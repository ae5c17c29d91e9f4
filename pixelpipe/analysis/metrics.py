"""The 24px metrics: a batch of images in, one Arrow table out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pixelpipe.analysis.color import JUST_NOTICEABLE, srgb_to_oklab
from pixelpipe.analysis.columns import METRIC_SCHEMA, METRIC_VERSION
from pixelpipe.analysis.downscale import to_grid
from pixelpipe.analysis.duplicates import TrainSprites
from pixelpipe.analysis.grid import grid_fit
from pixelpipe.analysis.merging import MergedColors, color_codes
from pixelpipe.analysis.palette import Palette, hill_shannon, hill_simpson
from pixelpipe.analysis.regions import background_uniformity, orphan_ratio, region_sizes
from pixelpipe.analysis.texture import coarse_grid, geary_c
from pixelpipe.errors import BadInputError

if TYPE_CHECKING:
    from pixelpipe.analysis.profile import Profile

__all__ = ["DOWNSCALE_METHOD", "METRIC_SCHEMA", "METRIC_VERSION", "measure", "measure_sprites", "sprites"]

DOWNSCALE_METHOD = "cell_median"  # of every metric but unique_colors, which is the nearest sprite's
COARSE_TOLERANCE = 0.04  # Delta E_OK: effective_colors_04

Images = npt.NDArray[np.uint8]
Columns = dict[str, npt.NDArray[np.generic]]


def measure(images: Images, grid: int, profile: Profile | None = None, train_sprites: Images | None = None) -> pa.Table:
    """Every metric of `images` (N, H, W, 3) uint8 sRGB: N rows of METRIC_SCHEMA, in order.

    H and W are at least `grid` (8..128); cells are float-bounded, so they need not divide. Each column's unit, range
    and meaning stand in the schema's metadata; values are always finite and in range, and a row does not depend on
    the others. `off_palette` and `palette_distance` are null without `profile`, `nearest_train` without
    `train_sprites` (M, grid, grid, 3) uint8. Raises `BadInputError` for anything else.
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
    training_palette = None if profile is None else Palette(profile.palette_colors())
    columns = _count_unique(to_grid(images, grid, "nearest"))
    columns |= _color_metrics(median_sprites, training_palette)
    columns |= _texture_metrics(median_sprites) | _grid_metrics(images, grid)
    if train is not None:
        columns["nearest_train"] = train.nearest(median_sprites)
    return _table(columns, len(images))


def check_train_sprites(train_sprites: Images, grid: int) -> None:
    """Raises `BadInputError` unless they are (M, grid, grid, 3) uint8 with M at least 1."""
    shape = train_sprites.shape
    if shape[1:] != (grid, grid, 3) or shape[0] == 0 or train_sprites.dtype != np.uint8:
        raise BadInputError(
            f"`train_sprites` must be (M, {grid}, {grid}, 3) uint8 with M at least 1 "
            f"but got {shape} {train_sprites.dtype}"
        )


def _count_unique(nearest: Images) -> Columns:
    codes = np.sort(color_codes(nearest).reshape(len(nearest), nearest.shape[1] * nearest.shape[2]), axis=1)
    return {"unique_colors": 1 + np.count_nonzero(np.diff(codes, axis=1), axis=1)}


def _color_metrics(median_sprites: Images, training_palette: Palette | None) -> Columns:
    rows = [_colors_of(sprite, training_palette) for sprite in median_sprites]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]} if rows else {}


def _colors_of(sprite: Images, training_palette: Palette | None) -> dict[str, float]:
    merged = MergedColors(sprite)
    labels, pixels = merged.merge(JUST_NOTICEABLE)
    shares = pixels / labels.size
    regions = region_sizes(labels)
    row = {
        "effective_colors": len(shares),
        "effective_colors_04": len(merged.merge(COARSE_TOLERANCE)[1]),
        "visible_colors": merged.count_visible(),
        "hill_shannon": hill_shannon(shares),
        "hill_simpson": hill_simpson(shares),
        "top10_share": int(pixels[:10].sum()) / labels.size,
        "largest_share": float(shares[0]),
        "num_regions": len(regions),
        "orphan_ratio": orphan_ratio(regions),
        "background_uniformity": background_uniformity(labels),
    }
    if training_palette is not None:
        row["off_palette"], row["palette_distance"] = training_palette.distances(merged)
    return row


def _texture_metrics(median_sprites: Images) -> Columns:
    oklab = srgb_to_oklab(median_sprites)
    return {"geary_c": geary_c(oklab), "coarse_grid": coarse_grid(oklab)}


def _grid_metrics(images: Images, grid: int) -> Columns:
    fit = grid_fit(images, grid)
    return {
        "grid_error": fit.error,
        "grid_error_p95": fit.error_p95,
        "straddle": fit.straddle,
        "off_grid": fit.lattice.off_grid,
        "grid_pitch": fit.lattice.pitch,
        "grid_phase_x": fit.lattice.phase_x,
        "grid_phase_y": fit.lattice.phase_y,
        "grid_strength": fit.lattice.strength,
    }


def _table(columns: Columns, num_rows: int) -> pa.Table:
    arrays = [
        pa.array(columns[field.name], field.type) if field.name in columns else pa.nulls(num_rows, field.type)
        for field in METRIC_SCHEMA
    ]
    return pa.Table.from_arrays(arrays, schema=METRIC_SCHEMA)
