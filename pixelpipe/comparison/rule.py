"""The decision rule: what is done with an epoch's checkpoint, and why.

`decide` is a table read from the top; the first row that holds decides. Choices made here:

- A line without a champion continues whatever it looks like, but a collapsed or incomplete last epoch is not
  promoted: a blank picture would then be the champion that nobody beats. It ends abandoned (`patience`
  epochs of collapse in a row) or inconclusive.
- A streak counts only epochs right before this one that asked the same question: same metric, evaluation
  set and baseline experiment, after the grace epochs. An epoch without an answer (missing data) ends a
  streak.
- At the last epoch a promising candidate is `awaiting_confirmation`: a decision that may stand as it is (the
  baseline stays) and that `confirm` replaces once fresh seeds have been sampled. The screen before it skips
  only candidates whose mean is not below the champion's at all.
- Patience stands in for what one comparison cannot see: that a checkpoint was unlucky. Where the deviation between
  checkpoints of one configuration is known, the test itself allows for it, and one epoch beyond the margin is enough.
- A budget that is reached ends a run that has no answer yet; it never hides an answer that is already there.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pixelpipe.comparison.decision import BaselineKind, Decision, ReasonCode, Verdict
from pixelpipe.comparison.evidence import EpochContext, Plan
from pixelpipe.comparison.measurement import data_problem, flips_for, image_problem, measured
from pixelpipe.comparison.pairing import Pairing
from pixelpipe.comparison.sentence import sentence
from pixelpipe.comparison.statistics import SignFlips

SUSPICIOUS_IMPROVEMENT = 0.60
"""An improvement beyond this share is more often a broken pipeline (blank, cropped) than a better model."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a row of the table decides."""

    verdict: Verdict
    reason_code: ReasonCode
    ends_run: bool
    needs_confirmation: bool = False


def decide(context: EpochContext) -> Decision:
    """The decision about the checkpoint of `context.evidence.epoch`; a function of the context alone."""
    figures = measured(context)
    outcome = next(found for row in _TABLE if (found := row(context, figures)) is not None)
    return concluded(figures, outcome)


def concluded(figures: Decision, outcome: Outcome) -> Decision:
    """The figures with their verdict and its sentence."""
    decision = figures.replaced(
        verdict=outcome.verdict,
        reason_code=outcome.reason_code,
        ends_run=outcome.ends_run,
        needs_confirmation=outcome.needs_confirmation,
    )
    return decision.replaced(sentence=sentence(decision))


def inconclusive(reason: ReasonCode) -> Outcome:
    """The run ends and the baseline stays."""
    return Outcome(Verdict.INCONCLUSIVE, reason, ends_run=True)


def _no_champion(context: EpochContext, figures: Decision) -> Outcome | None:
    if context.baseline.kind is not BaselineKind.NONE:
        return None
    if not _is_last(context):
        return _over_budget(context) or Outcome(Verdict.CONTINUE, ReasonCode.FIRST_BASELINE, ends_run=False)
    if (problem := image_problem(context)) is not None:
        return inconclusive(problem)
    if figures.collapsed:
        return _degenerate(context, figures) or inconclusive(ReasonCode.DEGENERATE)
    return Outcome(Verdict.PROMOTED, ReasonCode.FIRST_BASELINE, ends_run=True)


def _grace(context: EpochContext, figures: Decision) -> Outcome | None:
    if figures.epoch > figures.grace:
        return None
    return _over_budget(context) or Outcome(Verdict.CONTINUE, ReasonCode.GRACE, ends_run=False)


def _missing_data(context: EpochContext, _: Decision) -> Outcome | None:
    """Never abandons: the run goes on unless it is over anyway."""
    pairing = context.baseline.pairing
    problem = None if pairing is None else data_problem(pairing, context.expected_images)
    problem = problem or image_problem(context)
    if problem is None:
        return None
    return _over_budget(context) or Outcome(Verdict.INCONCLUSIVE, problem, ends_run=_is_last(context))


def _degenerate(_: EpochContext, figures: Decision) -> Outcome | None:
    if not figures.collapsed or figures.collapse_streak < figures.patience:
        return None
    return Outcome(Verdict.ABANDONED, ReasonCode.DEGENERATE, ends_run=True)


def _worse(context: EpochContext, figures: Decision) -> Outcome | None:
    """Both rows of the table that count epochs beyond the margin: a summary's, and a trajectory's."""
    if not figures.exceeds_margin or figures.streak < _epochs_needed(figures):
        return None
    summary = context.baseline.kind is BaselineKind.SUMMARY
    reason = ReasonCode.SUMMARY_BASELINE if summary else ReasonCode.WORSE
    return Outcome(Verdict.ABANDONED, reason, ends_run=True)


def _epochs_needed(figures: Decision) -> int:
    """Epochs in a row beyond the margin: `patience`, or one where the test allows for an unlucky checkpoint."""
    return 1 if figures.run_sd is not None and figures.p_value is not None else figures.patience


def _goes_on(context: EpochContext, figures: Decision) -> Outcome | None:
    if _is_last(context):
        return None
    waiting = figures.exceeds_margin or figures.collapsed
    reason = ReasonCode.PATIENCE if waiting else ReasonCode.WITHIN_MARGIN
    return _over_budget(context) or Outcome(Verdict.CONTINUE, reason, ends_run=False)


def _last_epoch(context: EpochContext, figures: Decision) -> Outcome:
    """Not abandoned: promising enough to be confirmed, or inconclusive."""
    screen = context.baseline.champion_pairing or context.baseline.pairing
    if figures.collapsed:
        return inconclusive(ReasonCode.DEGENERATE)
    if screen is None:
        return inconclusive(ReasonCode.SUMMARY_BASELINE)
    if (problem := data_problem(screen, context.plan.expected_pairs)) is not None:
        return inconclusive(problem)
    difference = sum(screen.candidate_means) / sum(screen.baseline_means) - 1
    if difference >= 0:
        return inconclusive(_not_better(context, figures, screen))
    if difference < -SUSPICIOUS_IMPROVEMENT:
        return inconclusive(ReasonCode.SUSPICIOUS_IMPROVEMENT)
    if context.evidence.budget_reached:
        return inconclusive(ReasonCode.BUDGET_REACHED)
    return Outcome(Verdict.INCONCLUSIVE, ReasonCode.AWAITING_CONFIRMATION, ends_run=True, needs_confirmation=True)


_TABLE: tuple[Callable[[EpochContext, Decision], Outcome | None], ...] = (
    _no_champion,
    _grace,
    _missing_data,
    _degenerate,
    _worse,
    _goes_on,
    _last_epoch,
)


def new_art_reason(plan: Plan, new_art: bool, flips: SignFlips) -> ReasonCode | None:
    """Other training art that is shown to be worse by less than the abandon margin: a person must choose."""
    non_inferior = flips.p_less(1 + plan.judge.abandon_margin) < plan.judge.alpha
    return ReasonCode.NEW_ART_NON_INFERIOR if new_art and non_inferior else None


def _not_better(context: EpochContext, figures: Decision, screen: Pairing) -> ReasonCode:
    flips = flips_for(context.plan, figures.epoch, figures.eval_set_id, screen)
    return new_art_reason(context.plan, figures.new_art, flips) or ReasonCode.NOT_BETTER


def _is_last(context: EpochContext) -> bool:
    return context.evidence.epoch >= context.plan.epochs


def _over_budget(context: EpochContext) -> Outcome | None:
    if _is_last(context) or not context.evidence.budget_reached:
        return None
    return inconclusive(ReasonCode.BUDGET_REACHED)
