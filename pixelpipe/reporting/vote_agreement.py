"""What people preferred without knowing which was which, and whether the judge and every metric agree with them.

The unit is a pair of sprites, decided by the majority of its reviewers. Seeds of one prompt are not independent:
intervals count every prompt once.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pixelpipe.comparison.decision import Decision
from pixelpipe.reporting.trajectory import Row
from pixelpipe.results.reader import read_table
from pixelpipe.store import Store

Z_95 = 1.959964  # of the standard normal distribution, two-sided
LESS, MORE = "less", "more"
BETTER: Mapping[str, str] = {
    **dict.fromkeys(
        (
            *("effective_colors", "effective_colors_04", "visible_colors", "unique_colors", "hill_shannon"),
            *("orphan_ratio", "num_regions", "off_palette", "palette_distance", "grid_error", "off_grid", "geary_c"),
            *("coarse_grid", "nearest_train"),
        ),
        LESS,
    ),
    **dict.fromkeys(("top10_share", "background_uniformity", "named_color_agreement", "clean"), MORE),
}
"""Metric of an image -> what is taken for better art."""

Pair = tuple[str, str, str, int]  # review_id, baseline, prompt_id, seed


@dataclass(frozen=True, slots=True)
class Share:
    """Of pairs, with a 95% interval that counts every prompt once."""

    value: float
    low: float
    high: float
    num_pairs: int


@dataclass(frozen=True, slots=True)
class MetricAgreement:
    metric: str
    better: str  # "less" or "more"
    share: Share  # of the decided pairs on which the metric differs: it prefers what people preferred


@dataclass(frozen=True, slots=True)
class ReviewFacts:
    """Of all blind reviews of one experiment."""

    num_reviewers: int
    num_votes: int
    num_pairs: int
    num_undecided: int  # pairs without a majority
    candidate: Share | None  # decided pairs on which the candidate was preferred; None: no pair was decided
    judge_difference: float | None  # what the judge measured at the reviewed epoch, ratio - 1; less is better
    judge_share: Share | None  # decided pairs whose judged value prefers what people preferred
    metrics: tuple[MetricAgreement, ...]  # the most agreeing first
    reviewers_agree: Share | None  # pairs of votes on one pair of sprites that are the same; None: one reviewer

    @property
    def agrees_with_judge(self) -> bool | None:
        """Whether people prefer the side that the judge measured to be better; None: one of the two is open."""
        if self.candidate is None or self.judge_difference is None:
            return None
        if self.candidate.low <= 0.5 <= self.candidate.high:
            return None
        return (self.candidate.value > 0.5) == (self.judge_difference < 0)


def read_review_facts(
    store: Store, experiment_id: str, metric: str, decisions: Mapping[int, Decision]
) -> ReviewFacts | None:
    """None where nobody has voted."""
    votes = read_table(store, "votes", experiment_id).to_pylist()
    if not votes:
        return None
    epoch = max(vote["epoch"] for vote in votes)
    votes = [vote for vote in votes if vote["epoch"] == epoch]  # figures of several checkpoints are not one figure
    majorities = _majorities(votes)
    decided = {pair: side for pair, side in majorities.items() if side}
    images = _images(store, experiment_id, epoch, {pair[1] for pair in decided})
    decision = decisions.get(epoch)
    floor = decision.floor if decision is not None else None
    return ReviewFacts(
        num_reviewers=len({vote["reviewer"] for vote in votes}),
        num_votes=len(votes),
        num_pairs=len(majorities),
        num_undecided=len(majorities) - len(decided),
        candidate=_share((pair[2], side > 0) for pair, side in decided.items()),
        judge_difference=decision.relative_difference if decision is not None else None,
        judge_share=_agreement(decided, images, metric, LESS, floor),
        metrics=_metrics(decided, images),
        reviewers_agree=_between_reviewers(votes),
    )


def wilson(share: float, number: float) -> tuple[float, float]:
    """The 95% score interval of a share of `number` independent trials (Wilson 1927, J. Am. Stat. Assoc. 22)."""
    squared = Z_95**2
    center = (share + squared / (2 * number)) / (1 + squared / number)
    half = Z_95 * math.sqrt(share * (1 - share) / number + squared / (4 * number**2)) / (1 + squared / number)
    return max(center - half, 0.0), min(center + half, 1.0)


def _share(outcomes: Iterable[tuple[str, bool]]) -> Share | None:
    """(prompt_id, it holds) of every pair."""
    found = list(outcomes)
    if not found:
        return None
    value = sum(holds for _, holds in found) / len(found)
    return Share(value, *wilson(value, len({prompt for prompt, _ in found})), len(found))


def _majorities(votes: list[Row]) -> dict[Pair, int]:
    """Pair -> 1: the candidate, -1: the baseline, 0: as many for both."""
    worth = {"candidate": 1, "baseline": -1, "equal": 0}
    sums: dict[Pair, int] = {}
    for vote in votes:
        pair = (vote["review_id"], vote["baseline"], vote["prompt_id"], vote["seed"])
        sums[pair] = sums.get(pair, 0) + worth[vote["choice"]]
    return {pair: (total > 0) - (total < 0) for pair, total in sums.items()}


def _between_reviewers(votes: list[Row]) -> Share | None:
    by_pair: dict[tuple[str, int], list[str]] = {}
    for vote in votes:
        by_pair.setdefault((vote["prompt_id"], vote["seed"]), []).append(vote["choice"])
    return _share(
        (prompt, first == second)
        for (prompt, _), choices in by_pair.items()
        for number, first in enumerate(choices)
        for second in choices[number + 1 :]
    )


def _images(store: Store, experiment_id: str, epoch: int, baselines: set[str]) -> dict[tuple[str, str, int], Row]:
    """(checkpoint, or "" for the candidate's; prompt_id; seed) -> the image's metrics."""
    images = {}
    for reference in ("", *sorted(baselines)):
        name, _, number = (reference or f"{experiment_id}@{epoch}").rpartition("@")
        columns = ["epoch", "prompt_id", "seed", *BETTER]
        for row in read_table(store, "samples", name, columns=columns).to_pylist():
            if row["epoch"] == int(number):
                images[reference, row["prompt_id"], row["seed"]] = row
    return images


def _metrics(decided: Mapping[Pair, int], images: Mapping[tuple[str, str, int], Row]) -> tuple[MetricAgreement, ...]:
    found = [
        MetricAgreement(metric, better, share)
        for metric, better in BETTER.items()
        if (share := _agreement(decided, images, metric, better, None)) is not None
    ]
    return tuple(sorted(found, key=lambda one: (-one.share.value, -one.share.num_pairs, one.metric)))


def _agreement(
    decided: Mapping[Pair, int],
    images: Mapping[tuple[str, str, int], Row],
    metric: str,
    better: str,
    floor: float | None,
) -> Share | None:
    """None where the metric tells no pair apart."""
    outcomes = []
    for (_, baseline, prompt_id, seed), side in decided.items():
        values = [_value(images.get((of, prompt_id, seed)), metric, floor) for of in ("", baseline)]
        ours, theirs = values
        if ours is None or theirs is None or ours == theirs:
            continue
        prefers_ours = (ours < theirs) == (better == LESS)
        outcomes.append((prompt_id, prefers_ours == (side > 0)))
    return _share(outcomes)


def _value(image: Mapping[str, Any] | None, metric: str, floor: float | None) -> float | None:
    value = None if image is None else image[metric]
    if value is None or not math.isfinite(value):
        return None
    return float(value) if floor is None else max(float(value), floor)
