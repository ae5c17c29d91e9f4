"""From a context to the figures of a decision: effect, p-value, streaks, guardrails; no verdict yet."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

from pixelpipe.comparison.decision import BaselineKind, Decision, ReasonCode, Verdict
from pixelpipe.comparison.evidence import EpochContext, Past, Plan
from pixelpipe.comparison.pairing import Pairing
from pixelpipe.comparison.statistics import (
    SignFlips,
    detectable_difference,
    effect,
    num_resamples_for,
    sign_flips,
)
from pixelpipe.seeds import derive_seed


def measured(context: EpochContext) -> Decision:
    """Every figure of the decision; its verdict is a placeholder that `decide` replaces."""
    plan, evidence, judge = context.plan, context.evidence, context.plan.judge
    decision = Decision(
        experiment_id=plan.experiment_id,
        line=plan.line,
        epoch=evidence.epoch,
        verdict=Verdict.INCONCLUSIVE,
        reason_code=ReasonCode.WITHIN_MARGIN,
        ends_run=False,
        planned_epochs=plan.epochs,
        images_seen=evidence.images_seen,
        budget_reached=evidence.budget_reached,
        metric=judge.metric,
        floor=context.guardrails.floor if context.guardrails else None,
        eval_set_id=evidence.eval_set_id,
        expected_pairs=_expected_pairs(context),
        stage=context.stage,
        alpha=judge.alpha,
        alpha_per_look=context.alpha,
        interval_level=1 - 2 * context.alpha,
        confirmation_level=1 - 2 * judge.alpha,
        looks=plan.looks,
        grace=judge.grace,
        patience=judge.patience,
        **_deviation(plan, context.alpha),
        promote_margin=judge.promote_margin,
        **_baseline(context),
        **_collapse(context),
    )
    decision = decision.replaced(**_difference(context))
    return decision.replaced(streak=_worse_streak(context, decision))


def data_problem(pairing: Pairing, expected_pairs: int) -> ReasonCode | None:
    """Why a pairing cannot be judged; None when it is whole. `expected_pairs`: unless it has its own number."""
    if not pairing.eval_set_matches:
        return ReasonCode.EVAL_SET_MISMATCH
    if pairing.duplicate_rows:
        return ReasonCode.DUPLICATE_ROWS
    if pairing.non_finite:
        return ReasonCode.NON_FINITE
    expected = expected_pairs if pairing.expected_pairs is None else pairing.expected_pairs
    if pairing.missing or pairing.num_pairs < expected:
        return ReasonCode.MISSING_PAIRS
    return None


def image_problem(context: EpochContext) -> ReasonCode | None:
    """Why the candidate's images cannot be judged, whatever the baseline; None when they are whole."""
    evidence = context.evidence
    if evidence.is_summary:
        return None if math.isfinite(_raw_mean(context)) else ReasonCode.NON_FINITE
    figures = (
        _raw_mean(context),
        evidence.median_colors,
        evidence.median_largest_share,
        evidence.duplicate_rate,
    )
    if evidence.duplicate_rows:
        return ReasonCode.DUPLICATE_ROWS
    if evidence.num_images < context.expected_images:
        return ReasonCode.MISSING_PAIRS
    if evidence.non_finite or not all(figure is not None and math.isfinite(figure) for figure in figures):
        return ReasonCode.NON_FINITE
    return None


def flips_for(plan: Plan, epoch: int, eval_set_id: str, pairing: Pairing, alpha: float | None = None) -> SignFlips:
    """The pairing's sign flips, their generator seeded from (experiment, epoch, evaluation set).

    As many as a test at `alpha` needs; None: at all that the epoch's look may spend.
    """
    seed = derive_seed(plan.experiment_id, epoch, eval_set_id)
    return sign_flips(pairing, seed, num_resamples_for(plan.alpha_at(epoch) if alpha is None else alpha))


def _expected_pairs(context: EpochContext) -> int:
    pairing = context.baseline.pairing
    own = None if pairing is None else pairing.expected_pairs
    return context.expected_images if own is None else own


def _baseline(context: EpochContext) -> dict[str, Any]:
    baseline, judge = context.baseline, context.plan.judge
    margins = {
        BaselineKind.NONE: None,
        BaselineKind.SUMMARY: judge.unmatched_margin,
        BaselineKind.MATCHED: judge.abandon_margin,
        BaselineKind.UNMATCHED: judge.unmatched_margin,
    }
    hashes = (baseline.dataset_hash, context.evidence.dataset_hash)
    return {
        "baseline": baseline.reference,
        "baseline_kind": baseline.kind,
        "baseline_images_seen": baseline.images_seen,
        "champion": baseline.champion,
        "champion_difference": _champion_difference(context),
        "margin": margins[baseline.kind],
        "new_art": None not in hashes and hashes[0] != hashes[1],
    }


def _deviation(plan: Plan, alpha: float) -> dict[str, Any]:
    """What is known of the deviation between runs, and by how much it widens a look at `alpha`."""
    known = plan.deviation
    if known is None:
        return {"run_spread": 0.0}
    return {
        "run_sd": known.sd,
        "run_sd_degrees": known.degrees_of_freedom,
        "run_sd_source": known.source,
        "run_spread": known.spread(alpha),
    }


def _collapse(context: EpochContext) -> dict[str, Any]:
    """Guardrail figures; an incomplete set of images, or figures without images, are never called collapsed."""
    evidence, guardrails = context.evidence, context.guardrails
    figures = (evidence.median_colors, evidence.median_largest_share, evidence.duplicate_rate)
    limits = {} if guardrails is None else dataclasses.asdict(guardrails)
    limits.pop("floor", None)
    collapsed = (
        guardrails is not None
        and image_problem(context) is None
        and (guardrails.collapsed(*figures) or guardrails.noisy(evidence.median_geary_c))
    )
    return {
        "median_colors": evidence.median_colors,
        "median_largest_share": evidence.median_largest_share,
        "duplicate_rate": evidence.duplicate_rate,
        "median_geary_c": evidence.median_geary_c,
        "median_coarse_grid": evidence.median_coarse_grid,
        **limits,
        "collapsed": collapsed,
        "collapse_streak": _streak(context, collapsed, lambda past: past.collapsed),
    }


def _difference(context: EpochContext) -> dict[str, Any]:
    if context.baseline.kind is BaselineKind.NONE:
        return {"candidate_mean": _raw_mean(context)}
    if context.baseline.kind is BaselineKind.SUMMARY:
        return _summary_difference(context)
    pairing = context.baseline.pairing
    assert pairing is not None, "a baseline with epochs comes with a pairing"
    return _paired_counts(pairing) | _paired_difference(context, pairing)


def _summary_difference(context: EpochContext) -> dict[str, Any]:
    """Raw means, without the floor: the summary was made without it. No p-value is claimed."""
    baseline, mean = context.baseline, _raw_mean(context)
    assert baseline.summary_mean is not None, "a summary baseline comes with its mean"
    difference = mean / baseline.summary_mean - 1
    exceeds = image_problem(context) is None and difference > context.plan.judge.unmatched_margin
    return {
        "metric": baseline.summary_metric or context.plan.judge.metric,
        "candidate_mean": mean,
        "baseline_mean": baseline.summary_mean,
        "relative_difference": difference,
        "exceeds_margin": exceeds,
    }


def _paired_counts(pairing: Pairing) -> dict[str, Any]:
    return {
        "num_prompts": pairing.num_prompts,
        "num_pairs": pairing.num_pairs,
        "missing_candidate": pairing.missing_candidate,
        "missing_baseline": pairing.missing_baseline,
        "non_finite": pairing.non_finite,
        "duplicate_rows": pairing.duplicate_rows,
        "eval_set_matches": pairing.eval_set_matches,
    }


def _paired_difference(context: EpochContext, pairing: Pairing) -> dict[str, Any]:
    """Effect and test; nothing is claimed of other evaluation sets, and a gap in the data never exceeds."""
    plan = context.plan
    if not pairing.num_prompts or not pairing.eval_set_matches:
        return {}
    margin = _baseline(context)["margin"]
    epoch, alpha = context.evidence.epoch, context.alpha
    spread = _deviation(plan, alpha)["run_spread"]
    flips = flips_for(plan, epoch, context.evidence.eval_set_id, pairing, alpha).widened(spread)
    found = effect(pairing, flips, alpha)
    p_value = flips.p_greater(1 + margin)
    whole = image_problem(context) is None and data_problem(pairing, context.expected_images) is None
    return {
        "candidate_mean": _mean(pairing.candidate_means),
        "baseline_mean": _mean(pairing.baseline_means),
        "relative_difference": found.difference,
        "interval_low": found.low,
        "interval_high": found.high,
        "p_value": p_value,
        "num_arrangements": flips.num_arrangements,
        "exact": flips.exact,
        "exceeds_margin": whole and p_value < alpha,
        "detectable_difference": detectable_difference(pairing, margin, alpha, spread=spread),
    }


def _worse_streak(context: EpochContext, decision: Decision) -> int:
    """Only epochs that asked the same question agree with this one."""

    def agrees(past: Past) -> bool:
        same = (past.metric, past.eval_set_id, _experiment(past.baseline)) == (
            decision.metric,
            decision.eval_set_id,
            _experiment(decision.baseline),
        )
        return same and past.exceeds_margin

    return _streak(context, decision.exceeds_margin, agrees)


def _streak(context: EpochContext, now: bool, agrees: Callable[[Past], bool]) -> int:
    """Epochs in a row, this one included, that agree; grace epochs are not judged and never count."""
    epoch, grace = context.evidence.epoch, context.plan.judge.grace
    past = {past.epoch: past for past in context.history}
    if not now or epoch <= grace:
        return 0
    length = 1
    while epoch - length > grace and epoch - length in past and agrees(past[epoch - length]):
        length += 1
    return length


def _champion_difference(context: EpochContext) -> float | None:
    """Only the last epoch's checkpoint may replace the champion."""
    pairing = context.baseline.champion_pairing
    if context.evidence.epoch < context.plan.epochs or pairing is None:
        return None
    if not pairing.num_prompts or not pairing.eval_set_matches:
        return None
    return _mean(pairing.candidate_means) / _mean(pairing.baseline_means) - 1


def _experiment(reference: str | None) -> str | None:
    """The experiment of "<experiment>@<epoch>": the compared epoch moves along with the candidate's."""
    return None if reference is None else reference.rpartition("@")[0] or reference


def _raw_mean(context: EpochContext) -> float:
    """Of the judged metric, or of the summary's own; NaN when the images do not have it."""
    metric = context.baseline.summary_metric or context.plan.judge.metric
    return context.evidence.means.get(metric, math.nan)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
