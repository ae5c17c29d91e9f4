"""The endings of many simulated runs at once: thousands of them in the time that the rule itself takes for dozens.

What decides nearly every look is one number, the p-value of its sign flips, and those are products of one matrix with
the prompts' means of every run. Only these are computed here, in the rule's own arithmetic; whatever is rare (a
collapse, a promotion) is handed to the rule. A test holds the endings equal to the rule's, run by run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from pixelpipe.comparison.decision import ReasonCode, Verdict
from pixelpipe.comparison.evidence import Plan
from pixelpipe.comparison.rule import SUSPICIOUS_IMPROVEMENT
from pixelpipe.comparison.simulation import EVAL_SET, FRESH, Look, Pictures, Truth, decide_epoch
from pixelpipe.comparison.statistics import TIE, flip_matrix, num_resamples_for
from pixelpipe.seeds import derive_seed

if TYPE_CHECKING:
    from pixelpipe.comparison.characteristics import Design

Run = tuple[Pictures, np.random.Generator]
Ended = tuple[int, Verdict, ReasonCode]  # epoch and why


@dataclass(frozen=True, slots=True)
class Means:
    """Of many runs: judged values of candidate and baseline, meaned over seeds; (R, E, P) float64."""

    candidate: np.ndarray
    baseline: np.ndarray


def can_be_batched(design: "Design", truth: Truth) -> bool:
    """Pictures of a healthy generator; what else there is takes the rule itself."""
    return truth.look == Look() and design.plan.judge.abandon_margin > 0


def batch_endings(design: "Design", truth: Truth, runs: Sequence[Run]) -> list[Ended | None]:
    """How each run ends; None: for the rule itself to say."""
    floor, plan = design.guardrails.floor, design.plan
    pictures = [pictures for pictures, _ in runs]
    means = Means(
        np.stack([np.maximum(each.candidate, floor).mean(axis=2) for each in pictures]),
        np.stack([np.maximum(each.baseline, floor).mean(axis=2) for each in pictures]),
    )
    medians = np.stack([np.median(each.candidate, axis=(1, 2)) for each in pictures])  # (R, E)
    stops = _stops(plan, means)
    ended: list[Ended | None] = []
    for number, (run, stop) in enumerate(zip(runs, stops, strict=True)):
        looked_at = stop or plan.epochs
        if (medians[number, :looked_at] < design.guardrails.min_colors).any():
            ended.append(None)
        elif stop:
            ended.append((stop, Verdict.ABANDONED, ReasonCode.WORSE))
        else:
            ended.append(_last(design, truth, run, means, number))
    return ended


def _stops(plan: Plan, means: Means) -> list[int | None]:
    """The epoch at which each run is abandoned; None: it never is. Runs that have ended are not looked at again."""
    num_runs = len(means.candidate)
    stops: list[int | None] = [None] * num_runs
    streaks, running = np.zeros(num_runs, int), np.arange(num_runs)
    needed = 1 if plan.deviation is not None else plan.judge.patience
    for epoch in range(plan.judge.grace + 1, plan.epochs + 1):
        p_values = _p_greater(plan, epoch, means.candidate[running, epoch - 1], means.baseline[running, epoch - 1])
        beyond = p_values < plan.alpha_at(epoch)
        streaks[running] = np.where(beyond, streaks[running] + 1, 0)
        done = streaks[running] >= needed
        for number in running[done]:
            stops[number] = epoch
        running = running[~done]
        if not running.size:
            break
    return stops


def _p_greater(plan: Plan, epoch: int, ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """(R,) p-values of "beyond the margin", as `SignFlips.p_greater` has them."""
    ratio = 1 + plan.judge.abandon_margin
    some, identity, total = _arrangements(plan, epoch, EVAL_SET, ours.shape[1])
    spread = plan.deviation.spread(plan.alpha_at(epoch)) if plan.deviation else 0.0
    if spread:
        ratios = (ours @ some.T) / (theirs @ some.T)
        as_extreme = special.ndtr((np.log(ratio) - np.log(ratios)) / spread).sum(axis=1)
    else:  # a ratio is at most this where the difference is at most 0: one product instead of two and a division
        as_extreme = np.count_nonzero((ours - ratio * (1 + TIE) * theirs) @ some.T <= 0, axis=1)
    return (as_extreme + identity) / total


def _arrangements(plan: Plan, epoch: int, eval_set: str, prompts: int) -> tuple[np.ndarray, int, int]:
    """(K, P) of those that flip something, how many flip nothing, and how many there are."""
    resamples = num_resamples_for(plan.alpha_at(epoch))
    flipped = flip_matrix(prompts, derive_seed(plan.experiment_id, epoch, eval_set), resamples)
    some = flipped[flipped.any(axis=1)]  # every judged value is above 0, so only no flip sums up to 0
    total = 2**prompts if 2**prompts <= resamples else resamples + 1
    return some, total - len(some), total


def _last(design: "Design", truth: Truth, run: Run, means: Means, number: int) -> Ended | None:
    """Of a run that reaches its last epoch: not better, not confirmed, or whatever the rule says."""
    plan, floor = design.plan, design.guardrails.floor
    difference = means.candidate[number, -1].sum() / means.baseline[number, -1].sum() - 1
    if difference >= 0:
        return plan.epochs, Verdict.INCONCLUSIVE, ReasonCode.NOT_BETTER
    pictures, rng = run
    ours, theirs = (
        np.maximum(values, floor).mean(axis=1)[None] for values in (pictures.fresh_candidate, pictures.fresh_baseline)
    )
    some, identity, total = _arrangements(plan, plan.epochs, FRESH, ours.shape[1])
    least = (1 - plan.judge.promote_margin) * (1 - TIE)
    as_extreme = np.count_nonzero((ours - least * theirs) @ some.T >= 0)
    healthy = np.median(pictures.fresh_candidate) >= design.guardrails.min_colors
    usual = min(difference, ours.sum() / theirs.sum() - 1) >= -SUSPICIOUS_IMPROVEMENT
    if healthy and usual and (as_extreme + identity) / total >= plan.judge.alpha:
        return plan.epochs, Verdict.INCONCLUSIVE, ReasonCode.NOT_CONFIRMED
    decision = decide_epoch(plan, pictures, design.guardrails, truth.look, plan.epochs, [], rng)
    return decision.epoch, decision.verdict, decision.reason_code
