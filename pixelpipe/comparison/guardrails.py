"""Limits taken from the training art: below them a picture has collapsed, above them it is too busy."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

MAX_DUPLICATE_RATE = 0.5
"""Share of images that repeat another one of the set at which a generator has collapsed.

Distinct training sprites are by definition almost never near duplicates, and four seeds of a prompt that
give four pictures score near 0. A generator that ignores its seed scores at least 1 - 1/seeds (0.5 with two
seeds a prompt, 0.75 with four) even if only the surplus copies are counted; one that ignores its prompt
scores more. At 0.5 half of what the test counts as evidence is repetition. An overfitted but living
generator stays well below.
"""


@dataclass(frozen=True, slots=True)
class Guardrails:
    """Thresholds of the dataset's profile, as plain numbers."""

    floor: float  # colors: median of the training art in the judged metric
    min_colors: float  # effective colors: the art's 1st percentile
    max_colors: float  # effective colors: the art's 99th percentile
    max_largest_share: float  # share of an image's largest color: the art's 99th percentile
    max_duplicate_rate: float = MAX_DUPLICATE_RATE
    max_geary_c: float = math.inf  # Geary's C of a picture's cells: 1 is noise; inf: the profile does not have it
    max_coarse_grid: float = math.inf  # 1 is a picture of half or a third of the cells a side

    @classmethod
    def from_percentiles(cls, percentiles: Mapping[str, Mapping[str, float]], metric: str) -> "Guardrails":
        """From `Profile.percentiles`: metric -> {"p1", ..., "p50", ..., "p99"} -> value."""
        colors = percentiles["effective_colors"]
        return cls(
            floor=float(percentiles[metric]["p50"]),
            min_colors=float(colors["p1"]),
            max_colors=float(colors["p99"]),
            max_largest_share=float(percentiles["largest_share"]["p99"]),
            max_geary_c=_halfway_to_one(percentiles.get("geary_c"), "p95"),
            max_coarse_grid=_halfway_to_one(percentiles.get("coarse_grid"), "p99"),
        )

    def noisy(self, median_geary_c: float | None) -> bool:
        """Whether neighboring cells have nothing to do with each other: what a destroyed UNet paints."""
        return median_geary_c is not None and median_geary_c > self.max_geary_c

    def coarse(self, median_coarse_grid: float | None) -> bool:
        """Whether the pictures are coarser than their grid: fewer colors for no merit. Blocks a promotion only."""
        return median_coarse_grid is not None and median_coarse_grid > self.max_coarse_grid

    def collapsed(
        self, median_colors: float | None, median_largest_share: float | None, duplicate_rate: float | None
    ) -> bool:
        """Whether a set of images is blank, of one color, or repeats one picture; NaN and unknown are no collapse."""
        if median_colors is None or median_largest_share is None or duplicate_rate is None:
            return False
        return (
            median_colors < self.min_colors
            or median_largest_share > self.max_largest_share
            or duplicate_rate >= self.max_duplicate_rate
        )

    def too_many_colors(self, median_colors: float) -> bool:
        """Blocks a promotion, never abandons."""
        return median_colors > self.max_colors


def _halfway_to_one(percentiles: Mapping[str, float] | None, highest: str) -> float:
    """Halfway from a high percentile of the art to 1, what the metric is of noise, or of a coarser grid.

    The median over a set varies little (Geary's C of one noise picture by 1.4 / grid), so halfway is far from both.
    Art that is itself like that sets no limit.
    """
    if percentiles is None or percentiles[highest] >= 1:
        return math.inf
    return (float(percentiles[highest]) + 1) / 2
