"""The columns of the metrics, of sets of images and of the gates: type, unit, range, meaning. Needs no numba.

In a range n is the number of the sprite's cells, grid^2. A column never changes its meaning, and no figure of it ever
changes, without a new METRIC_VERSION.
"""

import pyarrow as pa

METRIC_VERSION = "2"

_INT, _FLOAT = pa.int32(), pa.float64()
_DELTA_E, _MAX_DELTA_E = "Delta E_OK", "1.2"  # no two sRGB colors are farther apart


def _column(name: str, kind: pa.DataType, unit: str, limits: str, text: str, nullable: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable, metadata={"unit": unit, "range": limits, "description": text})


def _count(name: str, text: str) -> pa.Field:
    return _column(name, _INT, "colors", "[1, n]", text)


def _share(name: str, text: str, nullable: bool = False) -> pa.Field:
    return _column(name, _FLOAT, "share", "[0, 1]", text, nullable)


def _distance(name: str, text: str, nullable: bool = False, low: str = "0") -> pa.Field:
    return _column(name, _FLOAT, _DELTA_E, f"[{low}, {_MAX_DELTA_E}]", text, nullable)


METRIC_SCHEMA = pa.schema(
    [
        _count("unique_colors", "Distinct RGB triples of the nearest sprite."),
        _count("effective_colors", "Colors after merging at Delta E_OK 0.02."),
        _count("effective_colors_04", "Colors after merging at Delta E_OK 0.04."),
        _count("visible_colors", "effective_colors, seen with 0.25% of white as viewing flare."),
        _column("hill_shannon", _FLOAT, "colors", "[1, n]", "exp of the entropy of the merged shares."),
        _column("hill_simpson", _FLOAT, "colors", "[1, n]", "1 / sum of squares of the merged shares."),
        _share("top10_share", "Pixels of the 10 largest merged colors."),
        _share("largest_share", "Pixels of the largest merged color."),
        _share("off_palette", "Pixels over 0.04 from the training palette.", True),
        _distance("palette_distance", "Mean distance to the training palette.", True),
        _distance("grid_error", "RMS within cells' inner halves, median cell."),
        _distance("grid_error_p95", "RMS within cells' inner halves, 95th percentile."),
        _distance("straddle", "RMS within full cells minus inner halves, mean.", low=f"-{_MAX_DELTA_E}"),
        _share("off_grid", "Gradient energy off the grid lines: 0 none, 1 no less than by chance."),
        _column("grid_pitch", _FLOAT, "cells", "[0.5, 4]", "Pitch of the lines that fit the gradients best."),
        _column("grid_phase_x", _FLOAT, "cells", "[-2, 2]", "Their offset to the right of the expected lines."),
        _column("grid_phase_y", _FLOAT, "cells", "[-2, 2]", "Their offset below the expected lines."),
        _share("grid_strength", "How well they fit: 1 all gradient energy on them, 0 none or evenly spread."),
        _share("coarse_grid", "Edges only on every 2nd or 3rd grid line: 0 as by chance, 1 a coarser picture."),
        _column("geary_c", _FLOAT, "", "[0, 2.25]", "Geary's C of the cells' colors: 1 noise, below it structure."),
        _column("num_regions", _INT, "regions", "[1, n]", "8-connected regions of one merged color."),
        _share("orphan_ratio", "Pixels with no neighbor of their merged color."),
        _share("background_uniformity", "Dominant color of top, left and right borders."),
        _distance("nearest_train", "RMS to the nearest training sprite.", True),
    ]
)


SET_SCHEMA = pa.schema(
    [
        _share("duplicate_rate", "Images that repeat an earlier one of the set.", True),
        _distance("median_nearest_train", "nearest_train, median over images: 0 is a copy.", True),
        _share("memorized_rate", "Images nearer to a training sprite than the art's p5 is to itself.", True),
        _column("mmd2", _FLOAT, "", "[-2, 2]", "Unbiased squared kernel MMD to the art: about 0 if alike.", True),
        _column("mmd_p_value", _FLOAT, "", "[0, 1]", "Random splits of images and art that differ as much.", True),
        _distance("palette_emd", "Earth mover's distance of the colors to the art's.", True),
        _share("named_color_agreement", "Colors named in the prompts that the images show, mean.", True),
    ]
)


def _gate(name: str, text: str) -> pa.Field:
    return pa.field(name, pa.bool_(), True, metadata={"unit": "boolean", "description": text})


GATE_SCHEMA = pa.schema(
    [
        _gate("clean", "Every gate that is not null holds."),
        _gate("clean_effective_colors", "effective_colors <= the art's p95."),
        _gate("clean_orphan_ratio", "orphan_ratio <= the art's p95."),
        _gate("clean_top10_share", "top10_share >= the art's p5."),
        _gate("clean_grid_error", "grid_error <= p95 of the art through the VAE; null without that."),
    ]
)
