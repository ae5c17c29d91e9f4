"""Judge an epoch from Parquet alone: fill the evidence, decide, and confirm a promotion on fresh seeds."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pixelpipe.analysis.profile import Profile
from pixelpipe.comparison.confirmation import confirm
from pixelpipe.comparison.decision import BaselineKind, Decision
from pixelpipe.comparison.evidence import (
    NO_BASELINE,
    BaselineEpoch,
    BaselineEvidence,
    ConfirmationEvidence,
    EpochContext,
    EpochEvidence,
    Plan,
    epoch_evidence,
    match_epoch,
    past_decisions,
)
from pixelpipe.comparison.guardrails import Guardrails
from pixelpipe.comparison.pairing import pair
from pixelpipe.comparison.rule import decide
from pixelpipe.pipeline.baseline import Baseline, trajectory
from pixelpipe.pipeline.evaluate import Measured
from pixelpipe.results.reader import read_table
from pixelpipe.store import Store

SUMMARY_METRICS = ("unique_colors", "effective_colors")  # whose means stand in the `epochs` table


@dataclass(frozen=True, slots=True)
class FreshImages:
    """Candidate and champion on fresh seeds, measured alike."""

    candidate: Measured
    baseline: Measured


def judge_epoch(
    store: Store,
    plan: Plan,
    baseline: Baseline,
    profile: Profile,
    samples: Measured,
    *,
    epoch: int,
    images_seen: int | None,
    dataset_hash: str | None,
    budget_reached: bool,
    sample_fresh: Callable[[], FreshImages] | None,
) -> Decision:
    """The decision about an epoch's pictures.

    `sample_fresh` is called only if a promotion must be confirmed; None where no weights are at hand to do so: then
    the promotion stays `awaiting_confirmation`.
    """
    judge = plan.judge
    guardrails = Guardrails.from_percentiles(profile.model_dump()["percentiles"], judge.metric)
    evidence = epoch_evidence(
        samples.rows,
        epoch=epoch,
        images_seen=images_seen,
        dataset_hash=dataset_hash,
        duplicate_rate=samples.duplicate_rate,
        metric=judge.metric,
        budget_reached=budget_reached,
    )
    context = EpochContext(
        plan=plan,
        evidence=evidence,
        baseline=_baseline_evidence(store, baseline, evidence, judge.metric, guardrails.floor, samples.rows),
        guardrails=guardrails,
        history=past_decisions(read_table(store, "decisions", plan.experiment_id)),
    )
    decision = decide(context)
    if not decision.needs_confirmation or sample_fresh is None:
        return decision
    assert baseline.reference is not None, "only what beats a baseline is confirmed"
    fresh = sample_fresh()
    return confirm(context, decision, _confirmation(fresh, baseline.reference, judge.metric, guardrails.floor))


def judge_figures(store: Store, plan: Plan, baseline: Baseline, evidence: EpochEvidence) -> Decision:
    """The decision about an epoch that is known by its means alone."""
    context = EpochContext(
        plan=plan,
        evidence=evidence,
        baseline=_baseline_evidence(store, baseline, evidence, plan.judge.metric),
        guardrails=None,
        history=past_decisions(read_table(store, "decisions", plan.experiment_id)),
    )
    return decide(context)


def _baseline_evidence(
    store: Store,
    baseline: Baseline,
    evidence: EpochEvidence,
    metric: str,
    floor: float | None = None,
    candidate: pa.Table | None = None,
) -> BaselineEvidence:
    """The baseline at the same number of images seen, and its chosen checkpoint; its mean, if that is all there is."""
    if baseline.experiment_id is None or baseline.epoch is None:
        return NO_BASELINE
    match = _match(evidence, trajectory(store, baseline.experiment_id))
    rows = read_table(store, "samples", baseline.experiment_id)
    if candidate is None or not rows.num_rows:
        return _summary(store, baseline, metric, match.epoch)
    at_match, at_best = _of_epoch(rows, match.epoch), _of_epoch(rows, baseline.epoch)
    return BaselineEvidence(
        kind=match.kind,
        reference=f"{baseline.experiment_id}@{match.epoch}",
        champion=baseline.reference,
        images_seen=match.images_seen,
        dataset_hash=rows["dataset_hash"][0].as_py(),
        pairing=pair(candidate, at_match, metric, floor),
        champion_pairing=pair(candidate, at_best, metric, floor),
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


def _summary(store: Store, baseline: Baseline, metric: str, epoch: int) -> BaselineEvidence:
    """The means of the baseline's epoch: of the judged metric, or of the one that is known."""
    rows = read_table(store, "epochs", baseline.experiment_id).to_pylist()
    [row] = [row for row in rows if row["epoch"] == epoch]
    known = [name for name in (metric, *SUMMARY_METRICS) if row.get(f"mean_{name}") is not None]
    assert known, f"{baseline.experiment_id}@{epoch} has neither images nor a mean"
    return BaselineEvidence(
        kind=BaselineKind.SUMMARY,
        reference=f"{baseline.experiment_id}@{epoch}",
        champion=baseline.reference,
        images_seen=row["images_seen"],
        dataset_hash=row["dataset_hash"],
        summary_metric=known[0],
        summary_mean=row[f"mean_{known[0]}"],
    )


def _confirmation(fresh: FreshImages, reference: str, metric: str, floor: float) -> ConfirmationEvidence:
    ours, theirs = fresh.candidate.rows, fresh.baseline.rows
    return ConfirmationEvidence(
        reference=reference,
        pairing=pair(ours, theirs, metric, floor),
        clean=pair(ours, theirs, "clean", None),
        agreement=None,
        median_colors=float(np.median(ours["effective_colors"])),
        median_largest_share=float(np.median(ours["largest_share"])),
        duplicate_rate=fresh.candidate.duplicate_rate,
    )


def _of_epoch(rows: pa.Table, epoch: int) -> pa.Table:
    return rows.filter(pc.equal(rows["epoch"], epoch))
