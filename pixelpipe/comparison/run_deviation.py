"""How much runs of one configuration differ by nothing but their training seed.

A verdict compares two checkpoints. Whether it also speaks of the two *configurations* depends on how far a run with
another seed would have ended elsewhere. Where that standard deviation is known, the test is widened by it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

MIN_DEGREES_OF_FREEDOM = 7
"""Eight runs of one configuration. With fewer the estimate is so uncertain that nothing could be abandoned any more:
Student's t at 0.05 / 8 is 3.4 with 7 degrees of freedom, 4.9 with 3 and 51 with 1."""


@dataclass(frozen=True, slots=True)
class RunDeviation:
    """Standard deviation between runs, of the logarithm of a run's mean: 0.05 is about 5%."""

    sd: float
    degrees_of_freedom: int | None  # of its estimate; None: it was stated, and is taken as known
    source: str  # for people: where the number comes from

    def spread(self, alpha: float) -> float:
        """Standard deviation of the log ratio of two runs, for a one-sided test at `alpha`.

        Both sides are runs, hence sqrt(2). An estimate is widened until the normal's quantile at alpha is that of
        Student's t: what the deviation itself may be off by is then counted, too.
        """
        widening = 1.0
        if self.degrees_of_freedom is not None:
            widening = float(special.stdtrit(self.degrees_of_freedom, 1 - alpha) / special.ndtri(1 - alpha))
        return math.sqrt(2) * self.sd * widening


@dataclass(frozen=True, slots=True)
class RunVariance:
    """The component of variance between runs, and the degrees of freedom behind it."""

    variance: float  # of the log mean; an unbiased estimate, so it may be below 0
    degrees_of_freedom: int


def run_variance(log_means: np.ndarray) -> RunVariance:
    """From (R, E, P) float64: ln of the mean judged value of each of R runs at E epochs for P prompts.

    Two-way analysis of variance, runs x prompts, random effects: the mean square between runs estimates
    P var(run) + var(run x prompt, noise of the images included), the residual one the second term alone
    (Searle, Casella & McCulloch 1992, "Variance Components", section 4.5). The test already accounts for what
    prompts and images show, so only the first is wanted. Averaged over epochs; those of a run are not independent,
    so they add no degrees of freedom.
    """
    num_runs, _, num_prompts = log_means.shape
    assert num_runs >= 2, "one run shows no deviation between runs"
    assert num_prompts >= 2, "one prompt cannot tell runs from noise"
    run_means = log_means.mean(axis=2)  # (R, E)
    prompt_means = log_means.mean(axis=0)  # (E, P)
    residuals = log_means - run_means[:, :, None] - (prompt_means - prompt_means.mean(axis=1, keepdims=True))
    between = num_prompts * run_means.var(axis=0, ddof=1)
    residual = (residuals**2).sum(axis=(0, 2)) / ((num_runs - 1) * (num_prompts - 1))
    return RunVariance(float(((between - residual) / num_prompts).mean()), num_runs - 1)


def pooled_deviation(variances: Sequence[RunVariance], source: str) -> RunDeviation | None:
    """Over several configurations, weighted by degrees of freedom; None while there are too few of them."""
    degrees = sum(each.degrees_of_freedom for each in variances)
    if degrees < MIN_DEGREES_OF_FREEDOM:
        return None
    variance = sum(each.variance * each.degrees_of_freedom for each in variances) / degrees
    return RunDeviation(math.sqrt(max(variance, 0.0)), degrees, source)
