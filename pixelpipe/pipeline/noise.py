"""How the figures of a line vary, measured from the pictures that its experiments already have."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from pixelpipe.comparison.pairing import column_values
from pixelpipe.comparison.simulation import Noise
from pixelpipe.results.reader import read_table
from pixelpipe.store import Store

DEFAULTS = Noise()
DEFAULT_SOURCE = "default: SD1.5 fine-tunes, 53-80 colors around 217 from picture to picture"
DEFAULT_MEAN = 50.0


@dataclass(frozen=True, slots=True)
class MeasuredNoise:
    """The noise, and for each part of it where the number comes from."""

    noise: Noise
    sources: dict[str, str]  # image, interaction, prompt, epoch_correlation, mean
    mean: float  # colors of the newest checkpoints


Cube = np.ndarray  # (E, P, S): ln of the judged values of one experiment


def measured_noise(store: Store, line: str, metric: str, floor: float) -> MeasuredNoise:
    """Of all experiments of the line whose pictures are whole; what cannot be measured has its default.

    In ln: pictures of one prompt differ by `image`; the ratio of two experiments differs from prompt to prompt by
    `interaction`, the pictures' own noise taken off; what prompts share is `prompt`.
    """
    cubes = [cube for cube in (_cube(rows, metric, floor) for rows in _experiments(store, line)) if cube is not None]
    whole = max(cubes, key=lambda cube: cube.shape[2], default=None)  # not what an adaptive run drew of its epochs
    same = [] if whole is None else [cube for cube in cubes if cube.shape[1:] == whole.shape[1:]]
    noise, sources = DEFAULTS, dict.fromkeys(("image", "interaction", "prompt", "epoch_correlation"), DEFAULT_SOURCE)
    if not same:
        return MeasuredNoise(noise, sources | {"mean": DEFAULT_SOURCE}, DEFAULT_MEAN)
    who = f"measured: {len(same)} experiment{'' if len(same) == 1 else 's'} of line {line}"
    found = _image(same) | _prompt(same) | _correlation(same)
    within = np.log1p(found.get("image", noise.image) ** 2)
    found |= _interaction(same, within)
    mean = float(np.exp(np.mean([cube[-1] for cube in same])))
    return MeasuredNoise(replace(noise, **found), sources | dict.fromkeys(found, who) | {"mean": who}, mean)


def _image(cubes: Sequence[Cube]) -> dict[str, float]:
    """Between the seeds of a prompt; not with one seed a prompt."""
    if cubes[0].shape[2] < 2:
        return {}
    variance = np.mean([cube.var(axis=2, ddof=1).mean() for cube in cubes])
    return {"image": float(np.sqrt(np.expm1(variance)))}


def _prompt(cubes: Sequence[Cube]) -> dict[str, float]:
    variance = np.mean([cube.mean(axis=(0, 2)).var(ddof=1) for cube in cubes])
    return {"prompt": float(np.sqrt(np.expm1(variance)))}


def _correlation(cubes: Sequence[Cube]) -> dict[str, float]:
    """Of a picture's deviation from its prompt, from one epoch to the next."""
    longer = [cube for cube in cubes if len(cube) > 1 and cube.shape[2] > 1]
    if not longer:
        return {}
    own = [cube - cube.mean(axis=2, keepdims=True) for cube in longer]
    variance = np.mean([(each**2).mean() for each in own])
    if not variance:  # pictures that do not differ from their prompt's mean say nothing
        return {}
    product = np.mean([(each[1:] * each[:-1]).mean() for each in own])
    return {"epoch_correlation": float(np.clip(product / variance, 0, 1))}


def _interaction(cubes: Sequence[Cube], within: float) -> dict[str, float]:
    """Of pairs of experiments at the epochs that both have."""
    found = []
    for number, first in enumerate(cubes):
        for second in cubes[number + 1 :]:
            epochs = min(len(first), len(second))
            contrast = (first[:epochs] - second[:epochs]).mean(axis=2)  # (E, P)
            found.append(contrast.var(axis=1, ddof=1).mean() - 2 * within / first.shape[2])
    return {"interaction": float(np.sqrt(max(np.mean(found), 0.0)))} if found else {}


def _experiments(store: Store, line: str) -> list[pa.Table]:
    names = {row["experiment_id"] for row in read_table(store, "experiments").to_pylist() if row["line"] == line}
    return [read_table(store, "samples", name) for name in sorted(names)]


def _cube(rows: pa.Table, metric: str, floor: float) -> Cube | None:
    """None unless every epoch has every prompt with equally many pictures, all finite."""
    if not rows.num_rows:
        return None
    rows = rows.sort_by([("epoch", "ascending"), ("prompt_id", "ascending"), ("seed", "ascending")])
    values = np.log(np.maximum(column_values(rows, metric, "candidate"), floor))
    epochs, prompts = (len(set(rows[name].to_pylist())) for name in ("epoch", "prompt_id"))
    seeds, rest = divmod(rows.num_rows, epochs * prompts)
    pairs = Counter(zip(rows["epoch"].to_pylist(), rows["prompt_id"].to_pylist(), strict=True))
    if rest or len(pairs) != epochs * prompts or prompts < 2 or not np.isfinite(values).all():
        return None
    if set(pairs.values()) != {seeds}:
        return None
    return values.reshape(epochs, prompts, seeds)
