"""The one test behind every verdict: prompt-clustered sign flips, and the interval that inverts it.

Seeds of one prompt are not independent, so the prompt is the unit. With per-prompt means c_p and b_p and a
ratio r, d_p = c_p - r b_p. Under the null its sign is arbitrary, and p is the share of sign arrangements s
whose mean(s d) is at least the observed mean(d), the observed arrangement included.

Write F for the prompts that an arrangement flips. Then mean(s d) >= mean(d) is the same as
sum_F c - r sum_F b <= 0, that is, as b > 0, sum_F c / sum_F b <= r. So the ratios of the subset sums,
computed once, answer the test for *every* r: p(r) is the share of them that are <= r. Inverting the test is
then reading off their quantiles (Hartigan 1969, "Using subsample values as typical values", JASA 64,
1303-1317), and the interval, the bound and the p-value cannot disagree. `scipy.stats.permutation_test`
draws the arrangements.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from pixelpipe.comparison.pairing import Pairing

NUM_RESAMPLES = 9_999
"""Random arrangements when there are more than these (from 14 prompts on: 2^14); below, all are counted."""
TIE = 1e-12
"""Relative tolerance within which ratios are equal, hence as extreme: rounding never lowers a p-value."""
POWER = 0.80


@dataclass(frozen=True, slots=True)
class SignFlips:
    """The reference set of one pairing: subset ratios, sorted, and what stands beside them."""

    ratios: np.ndarray  # (K,) float64, ascending: sum_F c / sum_F b of every arrangement that flips something
    num_identity: int  # arrangements that flip nothing: always as extreme as the observed one
    exact: bool

    @property
    def num_arrangements(self) -> int:
        return len(self.ratios) + self.num_identity

    def p_greater(self, ratio: float) -> float:
        """One-sided p-value of mean(c - ratio b) > 0."""
        as_extreme = np.searchsorted(self.ratios, ratio * (1 + TIE), side="right")
        return float(as_extreme + self.num_identity) / self.num_arrangements

    def p_less(self, ratio: float) -> float:
        """One-sided p-value of mean(c - ratio b) < 0."""
        as_extreme = len(self.ratios) - np.searchsorted(self.ratios, ratio * (1 - TIE), side="left")
        return float(as_extreme + self.num_identity) / self.num_arrangements

    def lower(self, alpha: float) -> float | None:
        """Largest ratio below which every ratio is rejected by p_greater < alpha; None: none is rejected."""
        rank = self._rank(alpha)
        return None if rank is None else float(self.ratios[rank])

    def upper(self, alpha: float) -> float | None:
        """Smallest ratio above which every ratio is rejected by p_less < alpha; None: none is rejected."""
        rank = self._rank(alpha)
        return None if rank is None else float(self.ratios[-1 - rank])

    def _rank(self, alpha: float) -> int | None:
        """Most ratios that may lie beyond an end while (they + identity) / arrangements stays below alpha."""
        rank = int(np.ceil(alpha * self.num_arrangements * (1 - TIE))) - 1 - self.num_identity
        return rank if 0 <= rank < len(self.ratios) else None


@dataclass(frozen=True, slots=True)
class Effect:
    """How much the candidate differs: ratio of means - 1, and its interval (None: unbounded)."""

    difference: float
    low: float | None
    high: float | None


def sign_flips(pairing: Pairing, seed: int, num_resamples: int = NUM_RESAMPLES) -> SignFlips:
    """The reference set of a pairing with at least one prompt and positive baseline means.

    Exact when 2^prompts <= `num_resamples`, else that many random arrangements and the observed one.
    """
    c, b = np.array(pairing.candidate_means), np.array(pairing.baseline_means)
    assert c.size > 0, "a pairing without prompts cannot be tested"
    assert (b > 0).all(), "ratios need positive baseline means: pair() with a floor"

    def subset_ratio(signs: np.ndarray, axis: int) -> np.ndarray:  # (..., P) of +-1, P last
        flipped = (1 - np.moveaxis(signs, axis, -1)) / 2
        total = flipped @ b
        return np.divide(flipped @ c, total, out=np.full(np.shape(total), np.nan), where=total > 0)

    null = _arrangements(c.size, subset_ratio, seed, num_resamples)
    exact = _is_exact(c.size, num_resamples)
    ratios = null[np.isfinite(null)]
    return SignFlips(np.sort(ratios), num_identity=len(null) - len(ratios) + (0 if exact else 1), exact=exact)


def _arrangements(num_prompts: int, statistic: Callable[..., np.ndarray], seed: int, num_resamples: int) -> np.ndarray:
    """(2^P,) or (num_resamples,): the statistic of every arrangement of signs that scipy makes.

    Data of ones become the signs themselves, so that one call serves every ratio. scipy refuses a sample of one.
    """
    if num_prompts == 1:
        return statistic(np.array([[1.0], [-1.0]]), axis=-1)
    result = stats.permutation_test(
        (np.ones(num_prompts),),
        statistic,
        permutation_type="samples",
        vectorized=True,
        n_resamples=num_resamples,
        rng=np.random.default_rng(seed),
    )
    return result.null_distribution


def effect(pairing: Pairing, flips: SignFlips, alpha: float) -> Effect:
    """Ratio of means - 1 with its two-sided 1 - 2 alpha interval: each end inverts a one-sided test at alpha.

    So `low` is above a margin exactly when p_greater(1 + margin) < alpha, and `high` below one exactly when
    p_less(1 + margin) < alpha.
    """
    ratio = float(np.mean(pairing.candidate_means) / np.mean(pairing.baseline_means))
    return Effect(ratio - 1, _relative(flips.lower(alpha)), _relative(flips.upper(alpha)))


def non_inferiority_p(candidate: Sequence[float], baseline: Sequence[float], margin: float, seed: int) -> float:
    """One-sided sign-flip p-value of mean(c_p - b_p) > -margin, for rates where more is better."""
    differences = np.array(candidate) - np.array(baseline) + margin
    assert differences.size > 0, "a pairing without prompts cannot be tested"
    return mean_above_zero_p(differences, seed)


def mean_above_zero_p(differences: np.ndarray, seed: int, num_resamples: int = NUM_RESAMPLES) -> float:
    """One-sided sign-flip p-value of mean(differences) > 0; (P,) float64."""

    def total(signs: np.ndarray, axis: int) -> np.ndarray:
        return np.moveaxis(signs, axis, -1) @ differences

    null = _arrangements(differences.size, total, seed, num_resamples)
    observed = differences.sum()
    as_extreme = int((null >= observed - TIE * np.abs(differences).sum()).sum())
    if _is_exact(differences.size, num_resamples):
        return as_extreme / null.size
    return (as_extreme + 1) / (null.size + 1)


def num_resamples_for(alpha: float) -> int:
    """Enough random arrangements that a p-value can be well below alpha, however many looks share it."""
    return max(NUM_RESAMPLES, int(np.ceil(10 / alpha)))


def detectable_difference(pairing: Pairing, margin: float, alpha: float, power: float = POWER) -> float | None:
    """Smallest true relative difference that this look would find to exceed `margin`, with that power.

    Approximation: the sign-flip test has nearly the power of the one-sided paired t-test. Scale the candidate by x,
    noise included, until mean(x c - (1 + margin) b) is t_{1-alpha} + t_{power} standard errors (P - 1 degrees of
    freedom): a quadratic in x, as in Fieller's theorem. None where no difference can be found: one prompt,
    2^-P >= alpha, or noise that grows as fast as the difference.
    """
    c, b = np.array(pairing.candidate_means), (1 + margin) * np.array(pairing.baseline_means)
    if c.size < 2 or 2.0**-c.size >= alpha:
        return None
    quantiles = float(stats.t.ppf(1 - alpha, c.size - 1) + stats.t.ppf(power, c.size - 1))
    means = np.array([c.mean(), b.mean()])
    (cc, cb), (_, bb) = np.outer(means, means) - quantiles**2 / c.size * np.cov(c, b)
    discriminant = max(cb**2 - cc * bb, 0.0)  # rounding alone can make it negative
    if cc <= 0:
        return None
    scale = (cb + np.sqrt(discriminant)) / cc
    return float(scale * c.mean() / b.mean() * (1 + margin) - 1)


def _is_exact(num_prompts: int, num_resamples: int) -> bool:
    return 2**num_prompts <= num_resamples


def _relative(ratio: float | None) -> float | None:
    return None if ratio is None else ratio - 1
