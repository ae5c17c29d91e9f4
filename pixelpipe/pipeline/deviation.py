"""The deviation between runs of one configuration, measured from the experiments that a line already has."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow.compute as pc

from pixelpipe.comparison.pairing import column_values
from pixelpipe.comparison.run_deviation import RunDeviation, RunVariance, pooled_deviation, run_variance
from pixelpipe.config import content_id
from pixelpipe.results.reader import read_table
from pixelpipe.store import Store

NOT_THE_SAME = ("name", "line", "seed", "judge", "budget")  # what two runs of one configuration may differ in
HASHES = ("dataset_hash", "captions_hash", "base_hash")

LogMeans = dict[tuple[int, str], float]


def measured_deviation(store: Store, line: str, metric: str, floor: float) -> RunDeviation | None:
    """Over all experiments of a line that differ by `seed` alone; None with fewer than 7 degrees of freedom.

    Eight runs of one configuration have 7, and several configurations add up. Values below `floor` count as it, as
    the judge has it. Only epochs that all runs of a configuration have are used: those of a run that was abandoned
    early bound the rest. `--again` with the same seed is the same run and counts once.
    """
    groups = [runs for runs in _configurations(store, line) if len(runs) > 1]
    variances, names = [], []
    for runs in groups:
        found = _variance(store, [run["experiment_id"] for run in runs], metric, floor)
        if found is not None:
            variances.append(found)
            names.append(f"{found.degrees_of_freedom + 1} runs of {runs[0]['name']}")
    return pooled_deviation(variances, f"measured: {', '.join(names)}")


def _configurations(store: Store, line: str) -> list[list[dict[str, Any]]]:
    """The line's experiments, those of one configuration and evaluation set together, one a seed."""
    latest = {row["experiment_id"]: row for row in read_table(store, "experiments").to_pylist() if row["line"] == line}
    groups: dict[str, dict[int, dict[str, Any]]] = {}
    for row in latest.values():
        config = json.loads(row["config_json"])
        if "seed" not in config or "origin" in config:  # trained elsewhere: nobody knows with what
            continue
        same = {name: value for name, value in config.items() if name not in NOT_THE_SAME}
        same["sampling"].pop("adaptive", None)  # how much is drawn of it
        key = content_id(same, *(row[name] for name in HASHES))
        groups.setdefault(key, {}).setdefault(config["seed"], row)
    return [list(runs.values()) for runs in groups.values()]


def _variance(store: Store, experiment_ids: Sequence[str], metric: str, floor: float) -> RunVariance | None:
    """None when fewer than two of the runs have epochs, evaluation set and prompts in common."""
    values = [run for run in (_judged_values(store, name, metric, floor) for name in experiment_ids) if run]
    drawn = set.intersection(*(set(run) for run in values)) if values else set()
    runs = [run for run in (_log_means(run, drawn) for run in values) if run]
    common = set.intersection(*(set(run) for run in runs)) if runs else set()
    prompts, epochs = sorted({p for _, p in common}), sorted({e for e, _ in common})
    if len(runs) < 2 or len(prompts) < 2 or len(common) != len(prompts) * len(epochs):
        return None
    return run_variance(np.array([[[run[epoch, prompt] for prompt in prompts] for epoch in epochs] for run in runs]))


def _judged_values(store: Store, experiment_id: str, metric: str, floor: float) -> dict[tuple[int, str, int], float]:
    """(epoch, prompt and evaluation set, seed) -> judged value."""
    rows = read_table(store, "samples", experiment_id, columns=["epoch", "prompt_id", "seed", "eval_set_id", metric])
    if not rows.num_rows:
        return {}
    values = np.maximum(column_values(rows, metric, "candidate"), floor)
    keys = pc.binary_join_element_wise(rows["eval_set_id"], rows["prompt_id"], "/").to_pylist()
    pictures = zip(rows["epoch"].to_pylist(), keys, rows["seed"].to_pylist(), strict=True)
    return dict(zip(pictures, values.tolist(), strict=True))


def _log_means(values: Mapping[tuple[int, str, int], float], drawn: Collection[tuple[int, str, int]]) -> LogMeans:
    """(epoch, prompt and evaluation set) -> ln of the mean judged value; only of values that are all finite.

    Of the pictures that all runs have `drawn`: the logarithm of a mean over fewer of them is lower on average, and an
    adaptive run has fewer at some epochs.
    """
    grouped: dict[tuple[int, str], list[float]] = {}
    for (epoch, key, seed), value in values.items():
        if (epoch, key, seed) in drawn:
            grouped.setdefault((epoch, key), []).append(value)
    return {key: float(np.log(np.mean(each))) for key, each in grouped.items() if np.isfinite(each).all()}
