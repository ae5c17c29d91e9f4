"""What a decision is made from, read from the tables: a baseline's trajectory, and images on fresh seeds."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pixelpipe.comparison.decision import BaselineKind, Decision
from pixelpipe.comparison.evidence import (
    BaselineEpoch,
    BaselineEvidence,
    ConfirmationEvidence,
    EpochEvidence,
    match_epoch,
    median_of,
)
from pixelpipe.comparison.pairing import Pairing, pair
from pixelpipe.comparison.stages import has_first_seeds_alone, pair_as_drawn
from pixelpipe.config import fewest_prompts
from pixelpipe.results.reader import read_table
from pixelpipe.store import Store

SUMMARY_METRICS = ("unique_colors", "effective_colors")  # whose means stand in the `epochs` table


@dataclass(frozen=True, slots=True)
class Trajectory:
    """Every epoch of a baseline, and the one checkpoint of it that must be beaten."""

    reference: str  # "<experiment>@<epoch>" of that checkpoint
    epochs: dict[int, dict[str, Any]]  # committed epoch -> its row of `epochs`
    rows: pa.Table  # its `samples`: what pairing needs; none where only means are known

    @property
    def experiment_id(self) -> str:
        return self.reference.rpartition("@")[0]

    @property
    def best_epoch(self) -> int:
        return int(self.reference.rpartition("@")[2])

    def at(self, epoch: int) -> pa.Table:
        return self.rows.filter(pc.equal(self.rows["epoch"], epoch))

    def until(self, moment: datetime) -> "Trajectory":
        """What was known then, of a baseline that was still being trained."""
        return replace(self, epochs={n: row for n, row in self.epochs.items() if row["committed_at"] <= moment})


def read_trajectory(store: Store, reference: str, metric: str) -> Trajectory:
    """The committed epochs of the experiment of `reference`, "<experiment>@<epoch>"."""
    experiment_id, _, _ = reference.rpartition("@")
    columns = ["epoch", "prompt_id", "seed", "eval_set_id", "dataset_hash", metric]
    return Trajectory(
        reference,
        epochs={row["epoch"]: row for row in read_table(store, "epochs", experiment_id).to_pylist()},
        rows=read_table(store, "samples", experiment_id, columns=columns),
    )


def baseline_evidence(
    trajectory: Trajectory, evidence: EpochEvidence, metric: str, floor: float | None, candidate: pa.Table | None
) -> BaselineEvidence:
    """The baseline at the same number of images seen, and its chosen checkpoint; its mean, if that is all there is.

    `candidate`: the images' rows; None where only their means are known.
    """
    match = _match(evidence, {epoch: row["images_seen"] for epoch, row in trajectory.epochs.items()})
    if candidate is None or not trajectory.rows.num_rows:
        return _summary(trajectory, metric, match.epoch, evidence)
    theirs = trajectory.at(match.epoch)
    return BaselineEvidence(
        kind=match.kind,
        reference=f"{trajectory.experiment_id}@{match.epoch}",
        champion=trajectory.reference,
        images_seen=match.images_seen,
        dataset_hash=trajectory.rows["dataset_hash"][0].as_py(),
        pairing=pair_as_drawn(candidate, theirs, metric, floor),
        champion_pairing=pair_as_drawn(candidate, trajectory.at(trajectory.best_epoch), metric, floor),
        first_seeds_alone=has_first_seeds_alone(theirs),
    )


def _match(evidence: EpochEvidence, epochs: dict[int, int | None]) -> BaselineEpoch:
    """The baseline's comparable epoch: by images seen, or by its number where somebody did not count them."""
    counted = {epoch: seen for epoch, seen in epochs.items() if seen is not None}
    if evidence.images_seen is not None and len(counted) == len(epochs):
        match = match_epoch(evidence.images_seen, counted)
    else:
        match = match_epoch(evidence.epoch, {epoch: epoch for epoch in epochs})
    assert match is not None, "a baseline has epochs"
    return replace(match, images_seen=epochs[match.epoch])


def _summary(trajectory: Trajectory, metric: str, epoch: int, evidence: EpochEvidence) -> BaselineEvidence:
    """The mean of the baseline's epoch: of the judged metric, or of the first one that both sides know."""
    row = trajectory.epochs[epoch]
    theirs = [name for name in (metric, *SUMMARY_METRICS) if row.get(f"mean_{name}") is not None]
    assert theirs, f"{trajectory.experiment_id}@{epoch} has neither images nor a mean"
    known = [name for name in theirs if name in evidence.means] or theirs
    return BaselineEvidence(
        kind=BaselineKind.SUMMARY,
        reference=f"{trajectory.experiment_id}@{epoch}",
        champion=trajectory.reference,
        images_seen=row["images_seen"],
        dataset_hash=row["dataset_hash"],
        summary_metric=known[0],
        summary_mean=row[f"mean_{known[0]}"],
    )


def confirmation_evidence(
    provisional: Decision, ours: pa.Table, theirs: pa.Table, duplicate_rate: float
) -> ConfirmationEvidence:
    """`ours`, `theirs`: rows of candidate and champion on fresh seeds; `duplicate_rate`: of the candidate's."""
    assert provisional.champion is not None, "only what beats a baseline is confirmed"
    assert provisional.floor is not None, "only images are confirmed"
    return ConfirmationEvidence(
        reference=provisional.champion,
        pairing=pair(ours, theirs, provisional.metric, provisional.floor),
        clean=pair(ours, theirs, "clean", None),
        agreement=_agreement(ours, theirs, provisional.alpha),
        median_colors=float(np.median(ours["effective_colors"])),
        median_largest_share=float(np.median(ours["largest_share"])),
        duplicate_rate=duplicate_rate,
        median_geary_c=median_of(ours, "geary_c"),
        median_coarse_grid=median_of(ours, "coarse_grid"),
    )


def _agreement(ours: pa.Table, theirs: pa.Table, alpha: float) -> Pairing | None:
    """Of the pictures whose prompt names a color; None where too few prompts do for anything to be shown of them."""
    ours, theirs = (side.filter(pc.is_valid(side["named_color_agreement"])) for side in (ours, theirs))
    if len(set(ours["prompt_id"].to_pylist())) < fewest_prompts(alpha, looks=1):
        return None
    return replace(pair(ours, theirs, "named_color_agreement", None), expected_pairs=ours.num_rows)
