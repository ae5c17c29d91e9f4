"""The deviation between runs: its estimate from known data, and what it does to the test."""

import math

import numpy as np
import pytest
from scipy import stats

from pixelpipe.comparison.decision import ReasonCode, Verdict
from pixelpipe.comparison.rule import decide
from pixelpipe.comparison.run_deviation import RunDeviation, RunVariance, pooled_deviation, run_variance


def log_means(rng, sd, num_runs=8, num_epochs=3, num_prompts=24, noise=0.15):
    """(R, E, P): prompts differ, runs differ by `sd`, and every mean has its own noise."""
    prompts, runs = rng.normal(3, 0.3, (1, 1, num_prompts)), rng.normal(0, sd, (num_runs, 1, 1))
    return prompts + runs + rng.normal(0, noise, (num_runs, num_epochs, num_prompts))


@pytest.mark.parametrize("sd", [0.0, 0.05, 0.15])
def test_the_estimate_is_unbiased_and_free_of_the_noise_of_images(sd):
    rng = np.random.default_rng(1)
    found = [run_variance(log_means(rng, sd)) for _ in range(400)]
    variances = np.array([each.variance for each in found])
    assert variances.mean() == pytest.approx(sd**2, abs=4 * variances.std() / 20)
    assert {each.degrees_of_freedom for each in found} == {7}
    if sd == 0:
        assert (variances < 0).any()  # it is not clipped before it is averaged


def test_the_estimate_is_that_of_an_analysis_of_variance():
    """By hand, from sums of squares over one epoch."""
    data = log_means(np.random.default_rng(2), 0.1, num_epochs=1)
    table = data[:, 0]
    grand, runs, prompts = table.mean(), table.mean(1), table.mean(0)
    between = 24 * ((runs - grand) ** 2).sum() / 7
    total = ((table - grand) ** 2).sum()
    residual = (total - 24 * ((runs - grand) ** 2).sum() - 8 * ((prompts - grand) ** 2).sum()) / (7 * 23)
    assert run_variance(data).variance == pytest.approx((between - residual) / 24)


def test_configurations_are_pooled_by_degrees_of_freedom_and_too_few_are_not_known():
    assert pooled_deviation([], "") is None
    assert pooled_deviation([RunVariance(0.01, 6)], "") is None
    found = pooled_deviation([RunVariance(0.01, 6), RunVariance(0.04, 2)], "measured: x")
    assert found == RunDeviation(pytest.approx(math.sqrt(0.0175)), 8, "measured: x")
    nothing = pooled_deviation([RunVariance(-0.01, 9)], "")
    assert nothing is not None
    assert nothing.sd == 0


def test_a_stated_deviation_is_of_two_runs_and_an_estimate_is_widened_to_students_t():
    alpha = 0.05 / 8
    assert RunDeviation(0.05, None, "").spread(alpha) == pytest.approx(0.05 * math.sqrt(2))
    widened = RunDeviation(0.05, 7, "").spread(alpha)
    expected = 0.05 * math.sqrt(2) * stats.t.ppf(1 - alpha, 7)
    assert widened * stats.norm.ppf(1 - alpha) == pytest.approx(expected)


def test_a_known_deviation_makes_one_epoch_enough_and_asks_for_more(build):
    def first(sd, ratio=1.4, **changes):
        plan = build.plan()
        deviation = None if sd is None else RunDeviation(sd, None, "judge.run_sd")
        plan = type(plan)(plan.experiment_id, plan.line, 8, 24, 24, plan.judge, deviation)
        return decide(
            build.context(plan=plan, evidence=build.evidence(1), baseline=build.matched(build.scaled(ratio), 1))
        )

    unknown, none, some, much = first(None), first(0.0), first(0.02), first(0.15)
    assert (unknown.verdict, unknown.reason_code) == (Verdict.CONTINUE, ReasonCode.PATIENCE)
    assert (none.verdict, none.reason_code) == (Verdict.ABANDONED, ReasonCode.WORSE)
    assert none.p_value == unknown.p_value
    assert some.verdict is Verdict.ABANDONED
    assert (much.verdict, much.reason_code) == (Verdict.CONTINUE, ReasonCode.WITHIN_MARGIN)
    assert none.p_value < some.p_value < much.p_value
    assert none.interval_low > some.interval_low > much.interval_low
    assert none.detectable_difference < some.detectable_difference < much.detectable_difference
    assert first(0.15, ratio=2.5).verdict is Verdict.ABANDONED
    assert (some.run_sd, some.run_sd_degrees, some.run_sd_source) == (0.02, None, "judge.run_sd")
    assert some.run_spread == pytest.approx(0.02 * math.sqrt(2))
