"""The epochs of an experiment as the tables have them, and the judged value of their images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pixelpipe.comparison.decision import BaselineKind, Decision
from pixelpipe.comparison.evidence import past_decisions
from pixelpipe.cost import Spend
from pixelpipe.results.reader import read_table
from pixelpipe.store import Store

PAIRED = (BaselineKind.MATCHED, BaselineKind.UNMATCHED)
STAGES = ("train", "save", "sample", "analyze", "judge")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EpochFacts:
    """One committed epoch."""

    epoch: int
    images_seen: int | None  # None: trained elsewhere, and nobody counted
    train_loss: float | None
    validation_loss: float | None
    mean_effective_colors: float | None
    mean_unique_colors: float | None
    clean_rate: float | None  # 0 to 1; None: there is no profile of the art
    num_samples: int
    spend: Spend
    cost_usd: float
    judged: float | None  # mean of the judged value: as the decision has it, else over this epoch's images
    quartiles: tuple[float, float] | None  # 25th and 75th percentile of the images' judged values
    decision: Decision | None


def decisions_by_epoch(store: Store, experiment_id: str) -> dict[int, Decision]:
    """Epoch -> its decision, in order."""
    rows = past_decisions(read_table(store, "decisions", experiment_id))
    return {row.epoch: row for row in sorted(rows, key=lambda row: row.epoch)}


def read_images(store: Store, experiment_id: str, metric: str) -> list[Row]:
    columns = dict.fromkeys(["epoch", "prompt_id", "seed", metric, "effective_colors", "unique_colors", "clean"])
    return read_table(store, "samples", experiment_id, columns=list(columns)).to_pylist()


def read_epochs(
    store: Store,
    experiment_id: str,
    images: Sequence[Row],
    metric: str,
    decisions: Mapping[int, Decision],
    floor: float | None = None,
) -> tuple[EpochFacts, ...]:
    rows = sorted(read_table(store, "epochs", experiment_id).to_pylist(), key=lambda row: row["epoch"])
    return tuple(
        _facts(row, [image for image in images if image["epoch"] == row["epoch"]], metric, decisions, floor)
        for row in rows
    )


def _facts(
    row: Row, images: Sequence[Row], metric: str, decisions: Mapping[int, Decision], floor: float | None
) -> EpochFacts:
    """`floor` given: this is a baseline's epoch, and its judged value is made like the candidate's."""
    decision = decisions.get(row["epoch"])
    if floor is None and decision is not None and decision.baseline_kind in PAIRED:
        floor = decision.floor
    values = judged_values(images, metric, floor)
    judged = None if decision is None else decision.candidate_mean
    if judged is None and len(values):
        judged = float(values.mean())
    if judged is None:  # known by its figures alone
        judged = row.get(f"mean_{metric}")
    return EpochFacts(
        epoch=row["epoch"],
        images_seen=row["images_seen"],
        train_loss=row["train_loss"],
        validation_loss=row["validation_loss"],
        mean_effective_colors=row["mean_effective_colors"],
        mean_unique_colors=row["mean_unique_colors"],
        clean_rate=row["clean_rate"],
        num_samples=row["num_samples"],
        spend=Spend(**{stage: row[f"seconds_{stage}"] for stage in STAGES}),
        cost_usd=row["cost_usd"],
        judged=judged,
        quartiles=tuple(np.percentile(values, [25, 75]).tolist()) if len(values) else None,
        decision=decision,
    )


def judged_values(images: Sequence[Row], metric: str, floor: float | None) -> np.ndarray:
    """(N,) float64 of the images whose metric is a finite number."""
    values = np.array([image[metric] for image in images if image[metric] is not None], dtype=np.float64)
    values = values[np.isfinite(values)]
    return values if floor is None else np.maximum(values, floor)
