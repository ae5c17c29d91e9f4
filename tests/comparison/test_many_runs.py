"""Many simulated runs at once end as the rule itself ends each of them."""

import dataclasses
import math

import numpy as np
import pytest

from pixelpipe.comparison.characteristics import ending, endings, pictures_of
from pixelpipe.comparison.decision import ReasonCode
from pixelpipe.comparison.many_runs import batch_endings, can_be_batched
from pixelpipe.comparison.run_deviation import RunDeviation
from pixelpipe.comparison.simulation import Design, Ending, Look, Noise, Truth

RUNS = range(12)
PLANS = {  # changes of the judge, the deviation between runs, prompts, noise
    "as it comes": ({}, None, 24, Noise()),
    "few prompts, every arrangement": ({"alpha": 0.2}, None, 10, Noise()),
    "patience and grace": ({"patience": 3, "grace": 1}, None, 24, Noise(image=0.5)),
    "known deviation": ({}, RunDeviation(0.05, None, "stated"), 24, Noise(run=0.05)),
    "known to be none": ({}, RunDeviation(0.0, None, "stated"), 24, Noise(heavy_tails=True, discrete=True)),
    "measured deviation": ({}, RunDeviation(0.03, 7, "measured"), 24, Noise(run=0.03)),
}


def designed(build, name) -> Design:
    judge, deviation, prompts, noise = PLANS[name]
    plan = build.plan(epochs=4, pairs=prompts * 4, **judge)
    limits = dataclasses.replace(build.guardrails, max_colors=math.inf)
    return Design(dataclasses.replace(plan, deviation=deviation), prompts, 4, limits, noise)


def adaptive(design) -> Design:
    return dataclasses.replace(design, plan=dataclasses.replace(design.plan, first_pairs=design.num_prompts))


@pytest.mark.parametrize("ratio", [0.3, 0.85, 1.0, 1.15, 1.4])
@pytest.mark.parametrize("name", PLANS)
def test_each_run_ends_as_the_rule_ends_it(build, name, ratio):
    design, truth = designed(build, name), Truth.constant(ratio, 4)
    alone = [ending(design, truth, *pictures_of(design, truth, run)) for run in RUNS]
    together = endings(design, truth, [pictures_of(design, truth, run) for run in RUNS])
    assert together == alone
    assert all(isinstance(each, Ending) for each in together)


@pytest.mark.parametrize("ratio", [0.85, 1.0, 1.15, 1.4])
@pytest.mark.parametrize("name", PLANS)
def test_an_adaptive_plan_ends_and_draws_as_the_rule_has_it(build, name, ratio):
    """Also where the baseline was adaptive itself, and has the first seeds alone at some epochs."""
    design, truth = adaptive(designed(build, name)), Truth.constant(ratio, 4)
    whole = np.random.default_rng(0).random((len(RUNS), 4)) < 0.6
    whole[:, -1] = True  # as every last epoch is

    def drawn():
        for run in RUNS:
            pictures, rng = pictures_of(design, truth, run)
            yield dataclasses.replace(pictures, baseline_whole=None if run % 2 else whole[run]), rng

    together = endings(design, truth, list(drawn()))
    assert together == [ending(design, truth, *run) for run in drawn()]
    assert all(each.epoch / 4 <= each.drawn <= each.epoch for each in together)
    if ratio == 0.85:
        assert np.mean([each.drawn / each.epoch for each in together]) < 0.6


def test_what_collapses_is_left_to_the_rule(build):
    design = designed(build, "as it comes")
    design = dataclasses.replace(design, guardrails=dataclasses.replace(design.guardrails, min_colors=50.0))
    truth = Truth.constant(1.0, 4)
    drawn = [pictures_of(design, truth, run) for run in RUNS]
    assert None in batch_endings(design, truth, drawn)
    assert ReasonCode.DEGENERATE in {each.reason_code for each in endings(design, truth, drawn)}
    assert not can_be_batched(design, dataclasses.replace(truth, look=Look(duplicate_rate=0.9)))


def test_most_runs_need_no_rule_of_their_own(build):
    """Else nothing would be gained."""
    design, truth = designed(build, "as it comes"), Truth.constant(1.4, 4)
    found = batch_endings(design, truth, [pictures_of(design, truth, run) for run in RUNS])
    assert None not in found
