"""The one test behind every verdict: prompt-clustered sign flips, and the interval that inverts it.

Seeds of one prompt are not independent, so the prompt is the unit. With per-prompt means c_p and b_p and a
ratio r, d_p = c_p - r b_p. Under the null its sign is arbitrary, and p is the share of sign arrangements s
whose mean(s d) is at least the observed mean(d), the observed arrangement included.

Write F for the prompts that an arrangement flips. Then mean(s d) >= mean(d) is the same as
sum_F c - r sum_F b <= 0, that is, as b > 0, sum_F c / sum_F b <= r. So the ratios of the subset sums,
computed once, answer the test for *every* r: p(r) is the share of them that are <= r. Inverting the test is
then reading off their quantiles (Hartigan 1969, "Using subsample values as typical values", JASA 64,
1303-1317), and the interval, the bound and the p-value cannot disagree.

The arrangements are those of `scipy.stats.permutation_test(permutation_type="samples")`, number for number; a
test holds them equal. They are drawn here because scipy takes 60 ms to apply them, and a product takes 1.

Two runs of one configuration with different training seeds differ, too. Where the standard deviation of that
is known, `SignFlips.spread` adds it: the observed ratio is then the true one times exp(U), U ~ N(0, spread^2),
and p(r) becomes the mean of the test's own p(r exp(U)) over U. As p is a share of ratios, that mean is the mean
of Phi((ln r - ln ratio) / spread) over them: the sign-flip distribution convolved with the normal, exactly.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import special
from scipy.optimize import brentq

from pixelpipe.comparison.pairing import Pairing

NUM_RESAMPLES = 9_999
"""Random arrangements when there are more than these (from 14 prompts on: 2^14); below, all are counted."""
TIE = 1e-12
"""Relative tolerance within which ratios are equal, hence as extreme: rounding never lowers a p-value."""
POWER = 0.80
_TAIL = 9.0  # standard deviations beyond which a normal has nothing left


@dataclass(frozen=True, slots=True)
class SignFlips:
    """The reference set of one pairing: subset ratios, and what stands beside them."""

    ratios: np.ndarray  # (K,) float64, in no order: sum_F c / sum_F b of every arrangement that flips something
    num_identity: int  # arrangements that flip nothing: always as extreme as the observed one
    exact: bool
    spread: float = 0.0  # standard deviation of the log ratio between runs, besides what the prompts show

    @property
    def num_arrangements(self) -> int:
        return len(self.ratios) + self.num_identity

    def widened(self, spread: float) -> "SignFlips":
        """The same test of a ratio that also varies from run to run; positive ratios only."""
        assert spread >= 0, f"a standard deviation is not {spread}"
        assert spread == 0 or self.ratios.min() > 0, "the logarithm needs positive ratios: pair() with a floor"
        return replace(self, spread=spread)

    def p_greater(self, ratio: float) -> float:
        """One-sided p-value of mean(c - ratio b) > 0."""
        if self.spread:
            return self._convolved(np.log(self.ratios), np.log(ratio))
        as_extreme = np.count_nonzero(self.ratios <= ratio * (1 + TIE))
        return float(as_extreme + self.num_identity) / self.num_arrangements

    def p_less(self, ratio: float) -> float:
        """One-sided p-value of mean(c - ratio b) < 0."""
        if self.spread:
            return self._convolved(-np.log(self.ratios), -np.log(ratio))
        as_extreme = np.count_nonzero(self.ratios >= ratio * (1 - TIE))
        return float(as_extreme + self.num_identity) / self.num_arrangements

    def lower(self, alpha: float) -> float | None:
        """Largest ratio below which every ratio is rejected by p_greater < alpha; None: none is rejected."""
        if self.spread:
            end = self._convolved_end(np.log(self.ratios), alpha)
            return None if end is None else float(np.exp(end))
        rank = self._rank(alpha)
        return None if rank is None else float(np.partition(self.ratios, rank)[rank])

    def upper(self, alpha: float) -> float | None:
        """Smallest ratio above which every ratio is rejected by p_less < alpha; None: none is rejected."""
        if self.spread:
            end = self._convolved_end(-np.log(self.ratios), alpha)
            return None if end is None else float(np.exp(-end))
        rank = self._rank(alpha)
        return None if rank is None else float(np.partition(self.ratios, -1 - rank)[-1 - rank])

    def _rank(self, alpha: float) -> int | None:
        """Most ratios that may lie beyond an end while (they + identity) / arrangements stays below alpha."""
        rank = int(np.ceil(alpha * self.num_arrangements * (1 - TIE))) - 1 - self.num_identity
        return rank if 0 <= rank < len(self.ratios) else None

    def _convolved(self, logs: np.ndarray, log_ratio: float) -> float:
        as_extreme = special.ndtr((log_ratio - logs) / self.spread).sum()
        return float(as_extreme + self.num_identity) / self.num_arrangements

    def _convolved_end(self, logs: np.ndarray, alpha: float) -> float | None:
        """Where the convolved p is alpha, in ln; sought on the probit scale, where p is nearly a straight line."""
        if self.num_identity / self.num_arrangements >= alpha:
            return None
        target, deviation = special.ndtri(alpha), np.hypot(logs.std(), self.spread)

        def above(log_ratio: float) -> float:
            return max(float(special.ndtri(self._convolved(logs, log_ratio))), -_TAIL) - target

        near = logs.mean() + target * deviation + np.array([-0.5, 0.5]) * deviation
        wide = np.array([logs.min(), logs.max()]) + np.array([-_TAIL, _TAIL]) * self.spread
        ends = near if above(near[0]) < 0 < above(near[1]) else wide
        root: Any = brentq(above, *ends, xtol=1e-12)
        return root


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
    flipped = flip_matrix(c.size, seed, num_resamples)
    ours, theirs = flipped @ c, flipped @ b
    some = theirs > 0
    if not some.all():
        ours, theirs = ours[some], theirs[some]
    exact = _is_exact(c.size, num_resamples)
    total = 2**c.size if exact else num_resamples + 1
    return SignFlips(ours / theirs, num_identity=total - len(ours), exact=exact)


@lru_cache(maxsize=16)  # the looks of a simulated run share theirs, and so do the two questions of a last epoch
def flip_matrix(num_prompts: int, seed: int, num_resamples: int) -> np.ndarray:
    """(K, P) float64: 1 where an arrangement flips a prompt, else 0; read-only.

    All 2^P of them, or `num_resamples` random ones: scipy's way to draw a sign is to permute (+, -).
    """
    if _is_exact(num_prompts, num_resamples):
        flipped = (np.arange(2**num_prompts)[:, None] >> np.arange(num_prompts)) & 1
    else:
        pairs = np.tile(np.arange(2), (num_resamples, num_prompts, 1))
        flipped = np.random.default_rng(seed).permuted(pairs, axis=-1)[:, :, 0]
    flipped = flipped.astype(np.float64)
    flipped.setflags(write=False)
    return flipped


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


def mean_above_zero_p(differences: np.ndarray, seed: int) -> float:
    """One-sided sign-flip p-value of mean(differences) > 0; (P,) float64."""
    null = (1 - 2 * flip_matrix(differences.size, seed, NUM_RESAMPLES)) @ differences
    as_extreme = int((null >= differences.sum() - TIE * np.abs(differences).sum()).sum())
    if _is_exact(differences.size, NUM_RESAMPLES):
        return as_extreme / null.size
    return (as_extreme + 1) / (null.size + 1)


def num_resamples_for(alpha: float) -> int:
    """Enough random arrangements that a p-value can be well below alpha, however many looks share it."""
    return max(NUM_RESAMPLES, int(np.ceil(10 / alpha)))


def detectable_difference(pairing: Pairing, margin: float, alpha: float, spread: float = 0.0) -> float | None:
    """Smallest true relative difference that this look would find to exceed `margin`, with 80% power.

    Approximation: the sign-flip test has nearly the power of the one-sided paired t-test. Scale the candidate by x,
    noise included, until mean(x c - (1 + margin) b) is t_{1-alpha} + t_{power} standard errors (P - 1 degrees of
    freedom): a quadratic in x, as in Fieller's theorem. With a `spread` between runs, which is one of the log
    ratio, the errors are added there: x = (1 + margin) exp(quantiles sqrt(var ln(c / b) + spread^2)), the variance
    by the delta method. None where no difference can be found: one prompt, 2^-P >= alpha, or noise that grows as
    fast as the difference.
    """
    c, b = np.array(pairing.candidate_means), np.array(pairing.baseline_means)
    if c.size < 2 or 2.0**-c.size >= alpha:
        return None
    quantiles = float(special.stdtrit(c.size - 1, 1 - alpha) + special.stdtrit(c.size - 1, POWER))
    if spread:
        variance = np.var(c / c.mean() - b / b.mean(), ddof=1) / c.size
        return float((1 + margin) * np.exp(quantiles * np.sqrt(variance + spread**2)) - 1)
    return _fieller(c, (1 + margin) * b, quantiles, margin)


def _fieller(c: np.ndarray, b: np.ndarray, quantiles: float, margin: float) -> float | None:
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
