"""The VAE floor beside an experiment's results: what no fine-tune of the UNet can beat at its training size."""

from collections.abc import Mapping
from dataclasses import dataclass

from pixelpipe.comparison.sentence import METRIC_NAMES
from pixelpipe.reporting.figures import UNKNOWN, number, percent
from pixelpipe.reporting.markdown import table
from pixelpipe.results.reader import read_table
from pixelpipe.store import Store

FLOOR_METRICS = {
    "effective_colors": ("Effective colors", 1),
    "unique_colors": ("Unique colors", 1),
    "orphan_ratio": ("Stray pixels, share", 3),
    "top10_share": ("10 largest colors, share", 3),
    "grid_error": ("Grid error, Delta E_OK", 4),
    "clean": ("Clean, share", 3),
}
"""Metric -> its name in the table, and digits."""


@dataclass(frozen=True, slots=True)
class VaeFloor:
    """Of one experiment: means over its training art, before and after the VAE alone."""

    resolution: int  # px
    aligned: bool
    latents_per_cell: float
    art: Mapping[str, float]  # metric -> mean
    vae: Mapping[str, float]


def read_vae_floor(store: Store, experiment_id: str | None) -> VaeFloor | None:
    """None where it was not measured: an experiment from elsewhere, or of an older version."""
    rows = read_table(store, "floors", experiment_id).to_pylist() if experiment_id else []
    if not rows:
        return None
    return VaeFloor(
        resolution=rows[0]["resolution"],
        aligned=rows[0]["aligned"],
        latents_per_cell=rows[0]["latents_per_cell"],
        art={row["metric"]: row["art_mean"] for row in rows},
        vae={row["metric"]: row["vae_mean"] for row in rows},
    )


def vae_floor_row(metric: str, theirs: VaeFloor | None, ours: VaeFloor | None) -> list[str]:
    """A row of the results table: metric, baseline, this experiment, difference; empty where ours is unknown."""
    if ours is None or metric not in ours.vae:
        return []
    known = theirs is not None and bool(theirs.vae.get(metric))
    difference = percent(ours.vae[metric] / theirs.vae[metric] - 1) if known and theirs is not None else UNKNOWN
    name = METRIC_NAMES.get(metric, metric)
    return [f"Art through the VAE, {name}", _cell(theirs, metric), _cell(ours, metric), difference]


def vae_floor_sentence(metric: str, floor: VaeFloor | None) -> str:
    """What the row means, for whoever has not heard of it; "" where it is unknown."""
    if floor is None or metric not in floor.vae:
        return ""
    name = METRIC_NAMES.get(metric, metric)
    alignment = "" if floor.aligned else f", where a cell is {floor.latents_per_cell:.3g} latents,"
    return (
        f"The floor: at {floor.resolution} px{alignment} the VAE alone turns the training art's mean of "
        f"{number(floor.art[metric])} {name} into {number(floor.vae[metric])}. No fine-tune of the UNet can beat that."
    )


def _cell(floor: VaeFloor | None, metric: str) -> str:
    if floor is None or metric not in floor.vae:
        return UNKNOWN
    return f"{number(floor.vae[metric])} ({floor.resolution} px{'' if floor.aligned else ', not aligned'})"


def vae_floor_table(theirs: VaeFloor | None, ours: VaeFloor | None) -> str:
    """Markdown: what the VAE alone does to the art, metric by metric; "" where it was not measured."""
    if ours is None:
        return ""
    header = ["Mean over the training art", "As drawn", f"Through the VAE at {ours.resolution} px"]
    if theirs is not None:
        header.append(f"Through the baseline's VAE at {theirs.resolution} px")
    rows = []
    for metric, (name, digits) in FLOOR_METRICS.items():
        if metric in ours.vae:
            sides = [ours.art[metric], ours.vae[metric], *([theirs.vae.get(metric)] if theirs is not None else [])]
            rows.append([name, *(number(value, digits) for value in sides)])
    return table(header, rows, right=range(1, len(header)))
