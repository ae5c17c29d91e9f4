"""Judge an epoch from Parquet alone: fill the evidence, decide, and confirm a promotion on fresh seeds."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pixelpipe.analysis.profile import Profile
from pixelpipe.comparison.confirmation import confirm
from pixelpipe.comparison.decision import Decision
from pixelpipe.comparison.evidence import (
    NO_BASELINE,
    BaselineEvidence,
    ConfirmationEvidence,
    EpochContext,
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
from pixelpipe.pipeline.prepare import Experiment
from pixelpipe.results.reader import read_table
from pixelpipe.store import Store


@dataclass(frozen=True, slots=True)
class FreshImages:
    """Candidate and champion on fresh seeds, measured alike."""

    candidate: Measured
    baseline: Measured


def judge_epoch(
    store: Store,
    experiment: Experiment,
    baseline: Baseline,
    profile: Profile,
    samples: Measured,
    *,
    epoch: int,
    images_seen: int,
    budget_reached: bool,
    sample_fresh: Callable[[], FreshImages],
) -> Decision:
    """The decision about an epoch's pictures; `sample_fresh` is called only if a promotion must be confirmed."""
    judge = experiment.config.judge
    guardrails = Guardrails.from_percentiles(profile.model_dump()["percentiles"], judge.metric)
    context = EpochContext(
        plan=Plan.from_config(experiment.experiment_id, experiment.config),
        evidence=epoch_evidence(
            samples.rows,
            epoch=epoch,
            images_seen=images_seen,
            dataset_hash=experiment.manifest.dataset_hash,
            duplicate_rate=samples.duplicate_rate,
            metric=judge.metric,
            budget_reached=budget_reached,
        ),
        baseline=_baseline_evidence(store, experiment, baseline, guardrails, samples.rows, images_seen),
        guardrails=guardrails,
        history=past_decisions(read_table(store, "decisions", experiment.experiment_id)),
    )
    decision = decide(context)
    if not decision.needs_confirmation:
        return decision
    assert baseline.reference is not None, "only what beats a baseline is confirmed"
    fresh = sample_fresh()
    return confirm(context, decision, _confirmation(fresh, baseline.reference, judge.metric, guardrails.floor))


def _baseline_evidence(
    store: Store,
    experiment: Experiment,
    baseline: Baseline,
    guardrails: Guardrails,
    candidate: pa.Table,
    images_seen: int,
) -> BaselineEvidence:
    """The baseline at the same number of images seen, and its chosen checkpoint."""
    if baseline.experiment_id is None or baseline.epoch is None:
        return NO_BASELINE
    metric, floor = experiment.config.judge.metric, guardrails.floor
    rows = read_table(store, "samples", baseline.experiment_id)
    match = match_epoch(images_seen, trajectory(store, baseline.experiment_id))
    assert match is not None, f"the baseline {baseline.experiment_id} has no epochs"
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
