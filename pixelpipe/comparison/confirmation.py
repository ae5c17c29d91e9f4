"""The last step of a promotion: candidate and champion on fresh seeds.

The champion was the best of several checkpoints by the same noisy figure, so its figure on the evaluation
set is too good (the winner's curse). Fresh seeds for both sides have no such history. One look, hence alpha
undivided. Guardrails are tests of non-inferiority, not comparisons of two rates: one that is not shown to
hold blocks.
"""

from typing import Any

from pixelpipe.comparison.decision import Decision, ReasonCode, Verdict
from pixelpipe.comparison.evidence import ConfirmationEvidence, EpochContext
from pixelpipe.comparison.measurement import data_problem, flips_for
from pixelpipe.comparison.pairing import Pairing
from pixelpipe.comparison.rule import SUSPICIOUS_IMPROVEMENT, Outcome, concluded, inconclusive, new_art_reason
from pixelpipe.comparison.statistics import SignFlips, effect, non_inferiority_p
from pixelpipe.seeds import derive_seed


def confirm(context: EpochContext, provisional: Decision, fresh: ConfirmationEvidence) -> Decision:
    """The final decision of the last epoch, from `decide`'s provisional one and images on fresh seeds."""
    assert provisional.needs_confirmation, "only a decision that awaits confirmation is confirmed"
    pairing = fresh.pairing
    figures = provisional.replaced(
        confirmation_baseline=fresh.reference,
        confirmation_prompts=pairing.num_prompts,
        confirmation_pairs=pairing.num_pairs,
    )
    if (problem := _problem(context, fresh)) is not None:
        return concluded(figures, inconclusive(problem))
    flips = flips_for(context.plan, provisional.epoch, pairing.candidate_eval_sets[0], pairing)
    figures = figures.replaced(**_difference(figures, pairing, flips), **_guardrails(figures, fresh))
    return concluded(figures, _outcome(context, figures, fresh, flips))


def _problem(context: EpochContext, fresh: ConfirmationEvidence) -> ReasonCode | None:
    """What makes the fresh images unfit to confirm anything: the first of the pairings that has a gap."""
    pairings = [pairing for pairing in (fresh.pairing, fresh.clean, fresh.agreement) if pairing is not None]
    problems = (data_problem(pairing, context.plan.expected_confirmations) for pairing in pairings)
    return next((problem for problem in problems if problem is not None), None)


def _difference(figures: Decision, pairing: Pairing, flips: SignFlips) -> dict[str, Any]:
    found = effect(pairing, flips, figures.alpha)
    return {
        "confirmation_difference": found.difference,
        "confirmation_low": found.low,
        "confirmation_high": found.high,
        "confirmation_p_value": flips.p_less(1 - figures.promote_margin),
    }


def _guardrails(figures: Decision, fresh: ConfirmationEvidence) -> dict[str, Any]:
    clean_rate, baseline_clean_rate, clean_p = _non_inferiority(figures, fresh.clean, "clean")
    agreement, baseline_agreement, agreement_p = _non_inferiority(figures, fresh.agreement, "agreement")
    return {
        "clean_rate": clean_rate,
        "baseline_clean_rate": baseline_clean_rate,
        "clean_p_value": clean_p,
        "color_agreement": agreement,
        "baseline_color_agreement": baseline_agreement,
        "color_agreement_p_value": agreement_p,
    }


def _non_inferiority(
    figures: Decision, pairing: Pairing | None, purpose: str
) -> tuple[float | None, float | None, float | None]:
    """(candidate's rate, champion's rate, p-value); three times None when it was not measured."""
    if pairing is None:
        return None, None, None
    ours, theirs = pairing.candidate_means, pairing.baseline_means
    seed = derive_seed(figures.experiment_id, figures.epoch, figures.eval_set_id, purpose)
    p_value = non_inferiority_p(ours, theirs, figures.guardrail_margin, seed)
    return sum(ours) / len(ours), sum(theirs) / len(theirs), p_value


def _outcome(context: EpochContext, figures: Decision, fresh: ConfirmationEvidence, flips: SignFlips) -> Outcome:
    """The first blocker that holds; without one, the candidate is the new champion."""
    difference, p_value = figures.confirmation_difference, figures.confirmation_p_value
    assert difference is not None
    assert p_value is not None
    limits = context.guardrails
    assert limits is not None, "only images are confirmed, and images come with the profile of an art"
    figures_of_collapse = (fresh.median_colors, fresh.median_largest_share, fresh.duplicate_rate)
    if limits.collapsed(*figures_of_collapse) or limits.noisy(fresh.median_geary_c):
        return inconclusive(ReasonCode.DEGENERATE)
    if difference < -SUSPICIOUS_IMPROVEMENT:
        return inconclusive(ReasonCode.SUSPICIOUS_IMPROVEMENT)
    if p_value >= figures.alpha:
        reason = new_art_reason(context.plan, figures.new_art, flips)
        return inconclusive(reason or ReasonCode.NOT_CONFIRMED)
    if figures.clean_p_value is None or figures.clean_p_value >= figures.alpha:
        return inconclusive(ReasonCode.NOT_AS_CLEAN)
    if figures.color_agreement_p_value is not None and figures.color_agreement_p_value >= figures.alpha:
        return inconclusive(ReasonCode.COLORS_DISAGREE)
    if limits.too_many_colors(fresh.median_colors):
        return inconclusive(ReasonCode.TOO_MANY_COLORS)
    if limits.coarse(fresh.median_coarse_grid):
        return inconclusive(ReasonCode.COARSER_GRID)
    return Outcome(Verdict.PROMOTED, ReasonCode.BETTER, ends_run=True)
