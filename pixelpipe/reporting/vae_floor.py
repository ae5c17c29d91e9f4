"""The VAE floor beside an experiment's results: what no fine-tune of the UNet can beat at its training size."""

from collections.abc import Mapping
from dataclasses import dataclass

from pixelpipe.comparison.sentence import METRIC_NAMES
from pixelpipe.reporting.figures import UNKNOWN, number, percent
from pixelpipe.results.reader import read_table
from pixelpipe.store import Store


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
    return [f"The art through the VAE alone, {name}", _cell(theirs, metric), _cell(ours, metric), difference]


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
