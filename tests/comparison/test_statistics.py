import itertools
import math

import numpy as np
import pytest
from scipy.stats import norm, permutation_test

from pixelpipe.comparison.pairing import pair
from pixelpipe.comparison.statistics import (
    detectable_difference,
    effect,
    flip_matrix,
    mean_above_zero_p,
    non_inferiority_p,
    num_resamples_for,
    sign_flips,
)


def random_pairing(build, num_prompts, seed=0, excess=1.2):
    rng = np.random.default_rng(seed)
    ours, theirs = (build.colors(rng, mean, num_prompts) for mean in (50 * excess, 50))
    return pair(build.samples(ours), build.samples(theirs), "effective_colors", 18.0)


def brute_force_p(differences, sign=1):
    """Share of all sign arrangements whose mean is at least the observed one."""
    d = sign * np.array(differences)
    means = [np.mean(np.array(signs) * d) for signs in itertools.product((1, -1), repeat=len(d))]
    return np.mean(np.array(means) >= d.mean() - 1e-9)


@pytest.mark.parametrize("num_prompts", [1, 2, 5, 8])
@pytest.mark.parametrize("ratio", [0.8, 0.95, 1.0, 1.1, 1.3, 1.5])
def test_exact_p_is_that_of_all_arrangements(build, num_prompts, ratio):
    pairing = random_pairing(build, num_prompts)
    differences = np.array(pairing.candidate_means) - ratio * np.array(pairing.baseline_means)
    flips = sign_flips(pairing, seed=1)
    assert flips.exact
    assert flips.num_arrangements == 2**num_prompts
    assert flips.p_greater(ratio) == pytest.approx(brute_force_p(differences))
    assert flips.p_less(ratio) == pytest.approx(brute_force_p(differences, sign=-1))


@pytest.mark.parametrize("num_prompts", [6, 12, 13, 14, 24])
@pytest.mark.parametrize("ratio", [1.0, 1.1, 1.25])
def test_p_is_scipys_on_the_same_signs(build, num_prompts, ratio):
    pairing = random_pairing(build, num_prompts)
    differences = np.array(pairing.candidate_means) - ratio * np.array(pairing.baseline_means)
    for alternative, p in (("greater", "p_greater"), ("less", "p_less")):
        expected = permutation_test(
            (differences,),
            lambda x, axis: x.mean(axis=axis),
            permutation_type="samples",
            vectorized=True,
            n_resamples=9_999,
            alternative=alternative,
            rng=np.random.default_rng(7),
        ).pvalue
        assert getattr(sign_flips(pairing, seed=7), p)(ratio) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("num_prompts", [8, 24])
@pytest.mark.parametrize("alpha", [0.05, 0.025, 0.05 / 8])
def test_interval_ends_where_the_test_turns(build, num_prompts, alpha):
    for seed in range(5):
        pairing = random_pairing(build, num_prompts, seed)
        flips = sign_flips(pairing, seed)
        found = effect(pairing, flips, alpha)
        assert found.low is not None
        assert found.high is not None
        assert found.low < found.difference < found.high
        assert flips.p_greater(1 + found.low - 1e-9) < alpha <= flips.p_greater(1 + found.low + 1e-9)
        assert flips.p_less(1 + found.high + 1e-9) < alpha <= flips.p_less(1 + found.high - 1e-9)


def test_interval_covers_the_true_ratio(build):
    covered = []
    for seed in range(200):
        pairing = random_pairing(build, 9, seed, excess=1.3)
        found = effect(pairing, sign_flips(pairing, seed), 0.025)
        assert found.low is not None
        assert found.high is not None
        covered.append(found.low <= 0.3 <= found.high)
    assert 0.92 <= np.mean(covered) <= 0.985


def test_one_prompt_can_show_nothing(build):
    pairing = build.scaled(3.0, num_prompts=1)
    flips = sign_flips(pairing, seed=0)
    found = effect(pairing, flips, 0.025)
    assert flips.p_greater(1.1) == 0.5
    assert (found.low, found.high) == (None, None)
    assert detectable_difference(pairing, 0.1, 0.025) is None


def test_no_difference_is_never_significant(build):
    pairing = build.scaled(1.0, noise=0.0)
    flips = sign_flips(pairing, seed=0)
    assert (flips.p_greater(1.0), flips.p_less(1.0)) == (1.0, 1.0)
    assert effect(pairing, flips, 0.025).difference == pytest.approx(0.0)


def test_zero_variance_gives_the_smallest_p_and_an_interval_of_a_point(build):
    pairing = build.scaled(1.3, noise=0.0)
    flips = sign_flips(pairing, seed=0)
    found = effect(pairing, flips, 0.025)
    assert flips.p_greater(1.1) == 2**-12
    assert (found.low, found.high) == (pytest.approx(0.3), pytest.approx(0.3))
    assert detectable_difference(pairing, 0.1, 0.025) == pytest.approx(0.1)


def test_the_seed_decides_the_arrangements_of_many_prompts(build):
    pairing = random_pairing(build, 24)
    first, again, other = (sign_flips(pairing, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.ratios, again.ratios)
    assert not np.array_equal(first.ratios, other.ratios)
    assert first.p_greater(1.1) == pytest.approx(other.p_greater(1.1), abs=0.03)


@pytest.mark.parametrize("num_prompts", [3, 13, 14, 24])
def test_the_arrangements_are_scipys_number_for_number(num_prompts):
    """Not only as many of them are as extreme: they are the same ones, so that every p-value is scipy's."""
    seen = []

    def keep(signs, axis):
        seen.append(np.moveaxis(signs, axis, -1))
        return signs.sum(axis=axis)

    permutation_test(
        (np.ones(num_prompts),),
        keep,
        permutation_type="samples",
        vectorized=True,
        n_resamples=9_999,
        rng=np.random.default_rng(5),
    )
    theirs, ours = seen[-1], 1 - 2 * flip_matrix(num_prompts, 5, 9_999)
    if 2**num_prompts <= 9_999:  # all of them, in whatever order
        theirs, ours = (np.unique(signs, axis=0) for signs in (theirs, ours))
    assert np.array_equal(theirs, ours)


@pytest.mark.parametrize("num_prompts", [8, 24])
@pytest.mark.parametrize("spread", [0.02, 0.07, 0.2])
def test_a_spread_is_the_mean_of_the_test_over_runs(build, num_prompts, spread):
    """Against its definition: p(r exp(U)) averaged over many U ~ N(0, spread^2)."""
    flips = sign_flips(random_pairing(build, num_prompts), seed=1)
    shifts = np.exp(spread * norm.ppf((np.arange(4000) + 0.5) / 4000))
    for ratio in (1.0, 1.1, 1.3):
        greater, less = (np.mean([p(ratio * shift) for shift in shifts]) for p in (flips.p_greater, flips.p_less))
        assert flips.widened(spread).p_greater(ratio) == pytest.approx(greater, abs=1e-3)
        assert flips.widened(spread).p_less(ratio) == pytest.approx(less, abs=1e-3)


@pytest.mark.parametrize("alpha", [0.05, 0.05 / 8])
def test_a_widened_interval_ends_where_the_widened_test_turns(build, alpha):
    pairing = random_pairing(build, 24)
    narrow = effect(pairing, sign_flips(pairing, 3), alpha)
    flips = sign_flips(pairing, 3).widened(0.07)
    found = effect(pairing, flips, alpha)
    assert found.low < narrow.low < found.difference < narrow.high < found.high
    assert flips.p_greater(1 + found.low) == pytest.approx(alpha)
    assert flips.p_less(1 + found.high) == pytest.approx(alpha)


def test_many_looks_get_enough_arrangements():
    assert num_resamples_for(0.05 / 8) == 9_999
    assert 1 / (num_resamples_for(0.05 / 1000) + 1) < 0.05 / 1000


@pytest.mark.parametrize("num_prompts", [10, 24])
def test_detectable_difference_is_found_with_80_percent_power(build, num_prompts):
    alpha, margin, num_runs = 0.05 / 8, 0.10, 120
    planned = [detectable_difference(random_pairing(build, num_prompts, s), margin, alpha) for s in range(20)]
    excess = 1 + float(np.median([value for value in planned if value is not None]))
    found = 0
    for seed in range(num_runs):
        pairing = random_pairing(build, num_prompts, seed + 1000, excess)
        found += sign_flips(pairing, seed, 1_999).p_greater(1 + margin) < alpha
    assert 0.65 <= found / num_runs <= 0.92


def test_non_inferiority_allows_a_loss_within_the_margin():
    baseline = [0.75, 0.5, 1.0, 0.75, 0.5, 0.75, 1.0, 0.5]
    assert non_inferiority_p(baseline, baseline, 0.15, seed=0) == 2**-8
    worse = [rate - 0.25 for rate in baseline]
    assert non_inferiority_p(worse, baseline, 0.15, seed=0) == 1.0


def test_mean_above_zero_is_brute_force():
    differences = np.random.default_rng(3).normal(0.5, 1, 9)
    assert mean_above_zero_p(differences, seed=0) == pytest.approx(brute_force_p(differences))
    assert math.isclose(mean_above_zero_p(np.zeros(4), seed=0), 1.0)
