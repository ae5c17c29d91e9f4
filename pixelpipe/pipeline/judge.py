"""Judge an epoch from Parquet alone: fill the evidence, decide, and confirm a promotion on fresh seeds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from pixelpipe.analysis.profile import Profile
from pixelpipe.comparison.confirmation import confirm
from pixelpipe.comparison.decision import Decision
from pixelpipe.comparison.evidence import (
    NO_BASELINE,
    BaselineEvidence,
    EpochContext,
    EpochEvidence,
    Plan,
    decided_deviation,
    epoch_evidence,
    past_decisions,
)
from pixelpipe.comparison.guardrails import Guardrails
from pixelpipe.comparison.rule import decide
from pixelpipe.comparison.run_deviation import RunDeviation
from pixelpipe.comparison.stages import stage_of
from pixelpipe.pipeline.baseline import Baseline
from pixelpipe.pipeline.deviation import measured_deviation
from pixelpipe.pipeline.evidence import baseline_evidence, confirmation_evidence, read_trajectory
from pixelpipe.pipeline.pictures import Measured
from pixelpipe.results.reader import read_table
from pixelpipe.store import Store


@dataclass(frozen=True, slots=True)
class FreshImages:
    """Candidate and champion on fresh seeds, measured alike."""

    candidate: Measured
    baseline: Measured


def judge_epoch(context: EpochContext, sample_fresh: Callable[[], FreshImages] | None) -> Decision:
    """The decision about an epoch's pictures; `context`: of `epoch_context`.

    `sample_fresh` is called only if a promotion must be confirmed; None where no weights are at hand to do so: then
    the promotion stays `awaiting_confirmation`.
    """
    decision = decide(context)
    if not decision.needs_confirmation or sample_fresh is None:
        return decision
    fresh = sample_fresh()
    ours, theirs = fresh.candidate, fresh.baseline
    return confirm(context, decision, confirmation_evidence(decision, ours.rows, theirs.rows, ours.duplicate_rate))


def epoch_context(
    store: Store,
    plan: Plan,
    baseline: Baseline,
    profile: Profile,
    samples: Measured,
    *,
    epoch: int,
    images_seen: int | None,
    dataset_hash: str | None,
    budget_reached: bool = False,
) -> EpochContext:
    """What an epoch's pictures are decided by; of an adaptive evaluation, at the stage that they are of."""
    judge = plan.judge
    decided = past_decisions(read_table(store, "decisions", plan.experiment_id))
    history = [decision for decision in decided if decision.epoch < epoch]  # an epoch may be judged again
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
    theirs = _baseline_evidence(store, baseline, evidence, judge.metric, guardrails.floor, samples.rows)
    return EpochContext(
        plan=replace(plan, deviation=_deviation(store, plan, history, guardrails.floor)),
        evidence=evidence,
        baseline=theirs,
        guardrails=guardrails,
        history=history,
        stage=stage_of(plan, epoch, theirs, samples.rows),
    )


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


def _deviation(store: Store, plan: Plan, history: Sequence[Decision], floor: float) -> RunDeviation | None:
    """As stated; else as the experiment's first epoch found it in the store: one question for all of its looks."""
    if plan.deviation is not None:
        return plan.deviation
    if history:
        return decided_deviation(history[-1])
    return measured_deviation(store, plan.line, plan.judge.metric, floor)


def _baseline_evidence(
    store: Store,
    baseline: Baseline,
    evidence: EpochEvidence,
    metric: str,
    floor: float | None = None,
    candidate: pa.Table | None = None,
) -> BaselineEvidence:
    if baseline.reference is None:
        return NO_BASELINE
    return baseline_evidence(read_trajectory(store, baseline.reference, metric), evidence, metric, floor, candidate)
