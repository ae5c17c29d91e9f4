"""Candidate and baseline images joined by (prompt, seed): what is compared, and what could not be."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
import pyarrow as pa

from pixelpipe.errors import BadInputError

Key = tuple[str, int]  # prompt_id, seed


@dataclass(frozen=True, slots=True)
class Pairing:
    """Per-prompt means over exactly the same (prompt, seed) pairs, and a count of all that is not in them."""

    metric: str
    floor: float | None  # judged value = max(metric, floor); None: as measured
    prompt_ids: tuple[str, ...]  # sorted; P prompts with at least one usable pair
    candidate_means: tuple[float, ...]  # (P,) c_p
    baseline_means: tuple[float, ...]  # (P,) b_p
    num_pairs: int  # usable pairs
    missing_candidate: int  # pairs that only the baseline has
    missing_baseline: int  # pairs that only the candidate has
    non_finite_candidate: int  # rows whose metric is NaN, infinite or null
    non_finite_baseline: int
    duplicates_candidate: int  # surplus rows of one (prompt, seed); the first is used
    duplicates_baseline: int
    candidate_eval_sets: tuple[str, ...]  # sorted, distinct
    baseline_eval_sets: tuple[str, ...]
    expected_pairs: int | None = None  # where a side was drawn on purpose with the first seeds alone

    @property
    def num_prompts(self) -> int:
        return len(self.prompt_ids)

    @property
    def missing(self) -> int:
        return self.missing_candidate + self.missing_baseline

    @property
    def non_finite(self) -> int:
        return self.non_finite_candidate + self.non_finite_baseline

    @property
    def duplicate_rows(self) -> int:
        return self.duplicates_candidate + self.duplicates_baseline

    @property
    def eval_set_matches(self) -> bool:
        """Both sides name one evaluation set, the same."""
        return len(self.candidate_eval_sets) == 1 and self.candidate_eval_sets == self.baseline_eval_sets


def pair(candidate: pa.Table, baseline: pa.Table, metric: str, floor: float | None) -> Pairing:
    """Join two tables of images, of one checkpoint each, on (prompt_id, seed).

    Columns: prompt_id string, seed int64, eval_set_id string, and `metric` (numeric or bool; null reads as
    NaN). The judged value is max(metric, floor): flatter than the art is no merit. `floor` must be
    positive, so that a ratio to the baseline is defined; None leaves values alone (for clean flags and
    other shares).
    """
    if floor is not None and not (np.isfinite(floor) and floor > 0):
        raise BadInputError(f"`floor` of {metric} must be a finite number above 0 but got {floor}")
    ours, theirs = (
        _values_by_pair(candidate, metric, "candidate"),
        _values_by_pair(baseline, metric, "baseline"),
    )
    usable = sorted(key for key in ours.keys() & theirs.keys() if np.isfinite(ours[key]) and np.isfinite(theirs[key]))
    prompt_ids = tuple(sorted({prompt_id for prompt_id, _ in usable}))
    return Pairing(
        metric=metric,
        floor=floor,
        prompt_ids=prompt_ids,
        candidate_means=_prompt_means(ours, usable, prompt_ids, floor),
        baseline_means=_prompt_means(theirs, usable, prompt_ids, floor),
        num_pairs=len(usable),
        missing_candidate=len(theirs.keys() - ours.keys()),
        missing_baseline=len(ours.keys() - theirs.keys()),
        non_finite_candidate=_count_non_finite(candidate, metric, "candidate"),
        non_finite_baseline=_count_non_finite(baseline, metric, "baseline"),
        duplicates_candidate=candidate.num_rows - len(ours),
        duplicates_baseline=baseline.num_rows - len(theirs),
        candidate_eval_sets=_eval_sets(candidate),
        baseline_eval_sets=_eval_sets(baseline),
    )


def column_values(table: pa.Table, column: str, side: str) -> np.ndarray:
    """A numeric or bool column as (N,) float64, nulls as NaN; an absent one is a `BadInputError`."""
    if column not in table.column_names:
        raise BadInputError(f"{side} images must have the column `{column}` but have {sorted(table.column_names)}")
    return table[column].cast(pa.float64()).to_numpy()


def _values_by_pair(table: pa.Table, metric: str, side: str) -> dict[Key, float]:
    """(prompt_id, seed) -> value; of duplicate rows the first."""
    values: dict[Key, float] = {}
    keys = zip(table["prompt_id"].to_pylist(), table["seed"].to_pylist(), strict=True)
    for key, value in zip(keys, column_values(table, metric, side).tolist(), strict=True):
        values.setdefault(cast(Key, key), value)
    return values


def _prompt_means(
    values: Mapping[Key, float], usable: list[Key], prompt_ids: tuple[str, ...], floor: float | None
) -> tuple[float, ...]:
    by_prompt: dict[str, list[float]] = {prompt_id: [] for prompt_id in prompt_ids}
    for key in usable:
        by_prompt[key[0]].append(values[key] if floor is None else max(values[key], floor))
    return tuple(sum(judged) / len(judged) for judged in by_prompt.values())


def _count_non_finite(table: pa.Table, metric: str, side: str) -> int:
    return int((~np.isfinite(column_values(table, metric, side))).sum())


def _eval_sets(table: pa.Table) -> tuple[str, ...]:
    return tuple(sorted({str(name) for name in table["eval_set_id"].to_pylist()}))
