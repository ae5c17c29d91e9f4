"""The endings of many simulated runs at once: thousands of them in the time that the rule itself takes for dozens.

What decides nearly every look is one number, the p-value of its sign flips, and those are products of one matrix with
the prompts' means of every run. Only these are computed here, in the rule's own arithmetic; whatever is rare (a
collapse, a promotion) is handed to the rule. A test holds the endings equal to the rule's, run by run.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from pixelpipe.comparison.decision import ReasonCode, Verdict
from pixelpipe.comparison.evidence import Plan
from pixelpipe.comparison.rule import SUSPICIOUS_IMPROVEMENT
from pixelpipe.comparison.simulation import EVAL_SET, FRESH, Design, Ending, Look, Pictures, Truth, decide_epoch
from pixelpipe.comparison.stages import has_stages
from pixelpipe.comparison.statistics import TIE, flip_matrix, num_resamples_for
from pixelpipe.config import FIRST_STAGE_SHARE
from pixelpipe.seeds import derive_seed

Run = tuple[Pictures, np.random.Generator]


@dataclass(frozen=True, slots=True)
class Means:
    """Of many runs: judged values of candidate and baseline, meaned over seeds; (R, E, P) float64."""

    candidate: np.ndarray
    baseline: np.ndarray
    first_candidate: np.ndarray  # of the first seed alone
    first_baseline: np.ndarray
    baseline_whole: np.ndarray  # (R, E) bool: not drawn with the first seeds alone

    @classmethod
    def of(cls, pictures: Sequence[Pictures], floor: float) -> "Means":
        ours = [np.maximum(each.candidate, floor) for each in pictures]
        theirs = [np.maximum(each.baseline, floor) for each in pictures]
        return cls(
            candidate=np.stack([values.mean(axis=2) for values in ours]),
            baseline=np.stack([values.mean(axis=2) for values in theirs]),
            first_candidate=np.stack([values[:, :, 0] for values in ours]),
            first_baseline=np.stack([values[:, :, 0] for values in theirs]),
            baseline_whole=np.stack([_whole_epochs(each) for each in pictures]),
        )


def _whole_epochs(pictures: Pictures) -> np.ndarray:
    """(E,) bool."""
    return np.ones(len(pictures.baseline), bool) if pictures.baseline_whole is None else pictures.baseline_whole


def can_be_batched(design: Design, truth: Truth) -> bool:
    """Pictures of a healthy generator; what else there is takes the rule itself."""
    return truth.look == Look() and design.plan.judge.abandon_margin > 0


def batch_endings(design: Design, truth: Truth, runs: Sequence[Run]) -> list[Ending | None]:
    """How each run ends; None: for the rule itself to say."""
    plan = design.plan
    pictures = [pictures for pictures, _ in runs]
    means = Means.of(pictures, design.guardrails.floor)
    medians = np.stack([_least_medians(plan, each.candidate) for each in pictures])  # (R, E)
    stops, whole = stops_of(plan, means)
    ended: list[Ending | None] = []
    for number, (run, stop) in enumerate(zip(runs, stops, strict=True)):
        looked_at = stop or plan.epochs
        drawn = None
        if plan.first_pairs is not None:
            drawn = float(np.where(whole[number, :looked_at], 1.0, 1 / design.seeds_per_prompt).sum())
        if (medians[number, :looked_at] < design.guardrails.min_colors).any():
            ended.append(None)
        elif stop:
            ended.append(Ending(stop, Verdict.ABANDONED, ReasonCode.WORSE, drawn))
        else:
            ended.append(Ending(*_last(design, truth, run, means, number), drawn))
    return ended


def _least_medians(plan: Plan, candidate: np.ndarray) -> np.ndarray:
    """(E,) medians of the pictures, or of the first seeds where an adaptive evaluation may see these alone."""
    whole = np.median(candidate, axis=(1, 2))
    return whole if plan.first_pairs is None else np.minimum(whole, np.median(candidate[:, :, 0], axis=1))


def stops_of(plan: Plan, means: Means) -> tuple[list[int | None], np.ndarray]:
    """The epoch at which each run is abandoned; None: it never is. Runs that have ended are not looked at again.

    Also (R, E) bool: whether all seeds of an epoch are drawn, up to there.
    """
    num_runs = len(means.candidate)
    stops: list[int | None] = [None] * num_runs
    streaks, running = np.zeros(num_runs, int), np.arange(num_runs)
    whole = np.full(means.baseline_whole.shape, plan.first_pairs is None)
    needed = 1 if plan.deviation is not None else plan.judge.patience
    for epoch in range(plan.judge.grace + 1, plan.epochs + 1):
        beyond, whole[running, epoch - 1] = _looks(plan, means, epoch, running)
        streaks[running] = np.where(beyond, streaks[running] + 1, 0)
        done = streaks[running] >= needed
        for number in running[done]:
            stops[number] = epoch
        running = running[~done]
        if not running.size:
            break
    return stops, whole


def _looks(plan: Plan, means: Means, epoch: int, running: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each run, whether this epoch is shown to be beyond the margin, and whether all its seeds were drawn."""
    alpha, at = plan.alpha_at(epoch), epoch - 1
    ours, theirs = means.first_candidate[running, at], means.first_baseline[running, at]
    both = means.baseline_whole[running, at]
    beyond, whole = np.zeros(len(running), bool), np.ones(len(running), bool)
    left = alpha
    if has_stages(plan, epoch):
        beyond[both] = _is_greater(plan, epoch, ours[both], theirs[both], alpha * FIRST_STAGE_SHARE)
        whole = both & ~beyond & (ours.mean(axis=1) / theirs.mean(axis=1) - 1 > plan.judge.abandon_margin)
        left = alpha * (1 - FIRST_STAGE_SHARE)
    beyond[~both] = _is_greater(plan, epoch, ours[~both], theirs[~both], alpha)
    all_seeds = whole & both
    rest = running[all_seeds]
    beyond[all_seeds] = _is_greater(plan, epoch, means.candidate[rest, at], means.baseline[rest, at], left)
    return beyond, whole


def _is_greater(plan: Plan, epoch: int, ours: np.ndarray, theirs: np.ndarray, alpha: float) -> np.ndarray:
    """(R,) whether p of "beyond the margin", as `SignFlips.p_greater` has it, is below alpha."""
    ratio = 1 + plan.judge.abandon_margin
    some, identity, total = _arrangements(plan, epoch, EVAL_SET, ours.shape[1], alpha)
    spread = plan.deviation.spread(alpha) if plan.deviation else 0.0
    if spread:
        ratios = (ours @ some.T) / (theirs @ some.T)
        as_extreme = special.ndtr((np.log(ratio) - np.log(ratios)) / spread).sum(axis=1)
    else:  # a ratio is at most this where the difference is at most 0: one product instead of two and a division
        as_extreme = np.count_nonzero((ours - ratio * (1 + TIE) * theirs) @ some.T <= 0, axis=1)
    return (as_extreme + identity) / total < alpha


def _arrangements(plan: Plan, epoch: int, eval_set: str, prompts: int, alpha: float) -> tuple[np.ndarray, int, int]:
    """(K, P) of those that flip something, how many flip nothing, and how many a test at alpha has."""
    resamples = num_resamples_for(alpha)
    flipped = flip_matrix(prompts, derive_seed(plan.experiment_id, epoch, eval_set), resamples)
    some = flipped[flipped.any(axis=1)]  # every judged value is above 0, so only no flip sums up to 0
    total = 2**prompts if 2**prompts <= resamples else resamples + 1
    return some, total - len(some), total


def _last(design: Design, truth: Truth, run: Run, means: Means, number: int) -> tuple[int, Verdict, ReasonCode]:
    """Of a run that reaches its last epoch: not better, not confirmed, or whatever the rule says."""
    plan, floor = design.plan, design.guardrails.floor
    difference = means.candidate[number, -1].sum() / means.baseline[number, -1].sum() - 1
    if difference >= 0:
        return plan.epochs, Verdict.INCONCLUSIVE, ReasonCode.NOT_BETTER
    pictures, rng = run
    ours, theirs = (
        np.maximum(values, floor).mean(axis=1)[None] for values in (pictures.fresh_candidate, pictures.fresh_baseline)
    )
    some, identity, total = _arrangements(plan, plan.epochs, FRESH, ours.shape[1], plan.alpha_at(plan.epochs))
    least = (1 - plan.judge.promote_margin) * (1 - TIE)
    as_extreme = np.count_nonzero((ours - least * theirs) @ some.T >= 0)
    healthy = np.median(pictures.fresh_candidate) >= design.guardrails.min_colors
    usual = min(difference, ours.sum() / theirs.sum() - 1) >= -SUSPICIOUS_IMPROVEMENT
    if healthy and usual and (as_extreme + identity) / total >= plan.judge.alpha:
        return plan.epochs, Verdict.INCONCLUSIVE, ReasonCode.NOT_CONFIRMED
    decision = decide_epoch(plan, pictures, design.guardrails, truth.look, plan.epochs, [], rng)
    return decision.epoch, decision.verdict, decision.reason_code
