"""The simulator: its pictures have the figures that are asked for, and the rule in it is the rule of a run."""

import dataclasses
import math

import numpy as np
import pytest

from pixelpipe.comparison.characteristics import (
    Characteristics,
    ending,
    net_saving,
    pictures_of,
    simulate,
)
from pixelpipe.comparison.decision import ReasonCode, Verdict
from pixelpipe.comparison.pairing import pair
from pixelpipe.comparison.run_deviation import RunDeviation
from pixelpipe.comparison.simulation import (
    Design,
    Ending,
    Look,
    Noise,
    Truth,
    decisions,
    draw_pictures,
    floored_pairing,
)


@pytest.fixture
def design(build) -> Design:
    limits = dataclasses.replace(build.guardrails, max_colors=math.inf)
    return Design(build.plan(epochs=4, pairs=96), 24, 4, limits, Noise())


def test_pictures_have_the_asked_figures():
    noise = Noise(image=0.3, interaction=0.2, prompt=0.0, epoch_correlation=0.5)
    rng = np.random.default_rng(0)
    pictures = draw_pictures(Truth.constant(1.4, 3), noise, 2_000, 4, rng)
    assert pictures.candidate.shape == (3, 2_000, 4)
    ours, theirs = np.log(pictures.candidate), np.log(pictures.baseline)
    assert pictures.candidate.mean() / pictures.baseline.mean() == pytest.approx(1.4, rel=0.02)
    within = (ours - ours.mean(axis=2, keepdims=True)).var() * 4 / 3
    assert np.sqrt(np.expm1(within)) == pytest.approx(0.3, rel=0.05)
    contrast = (ours.mean(axis=2) - theirs.mean(axis=2)).var(axis=1).mean() - 2 * within / 4
    assert np.sqrt(contrast) == pytest.approx(0.2, rel=0.1)
    first, second = (ours[epoch] - ours[epoch].mean(axis=1, keepdims=True) for epoch in (0, 1))
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] == pytest.approx(0.5, abs=0.05)


def test_runs_differ_by_the_asked_deviation_on_both_sides():
    truth, noise = Truth.constant(1.0, 1), Noise(image=0.01, interaction=0.0, prompt=0.0, run=0.1)
    ratios = []
    for seed in range(1500):
        pictures = draw_pictures(truth, noise, 2, 2, np.random.default_rng(seed))
        ratios.append(math.log(pictures.candidate.mean() / pictures.baseline.mean()))
    assert np.std(ratios) == pytest.approx(0.1 * math.sqrt(2), rel=0.08)


def test_discrete_pictures_have_whole_colors_and_heavy_tails_are_heavy():
    truth = Truth.constant(1.0, 2, mean=24.0)
    counts = draw_pictures(truth, Noise(discrete=True), 50, 4, np.random.default_rng(1)).candidate
    assert np.array_equal(counts, np.round(counts))
    assert counts.min() >= 1

    def kurtosis(noise):
        logs = np.log(draw_pictures(truth, noise, 5_000, 4, np.random.default_rng(1)).candidate)
        residuals = (logs - logs.mean(axis=2, keepdims=True)).ravel()
        return (residuals**4).mean() / (residuals**2).mean() ** 2

    assert kurtosis(Noise(heavy_tails=True)) > kurtosis(Noise()) + 1


def test_a_pairing_is_that_of_the_tables(build):
    rng = np.random.default_rng(2)
    ours, theirs = build.colors(rng, 30, 24, 4), build.colors(rng, 20, 24, 4)
    expected = pair(build.samples(ours), build.samples(theirs), "effective_colors", 18.0)
    found = floored_pairing(ours, theirs, 18.0, "set")
    assert found.candidate_means == pytest.approx(expected.candidate_means)
    assert found.baseline_means == pytest.approx(expected.baseline_means)
    same = {"candidate_means": (), "baseline_means": (), "prompt_ids": ()}
    assert dataclasses.replace(found, **same) == dataclasses.replace(expected, **same)


def test_a_simulated_run_is_decided_as_a_run_is(design):
    """The decisions are whole ones: sentence, interval, streak and all."""
    truth = Truth.constant(1.6, 4)
    pictures, rng = pictures_of(design, truth, 0)
    history = list(decisions(design.plan, pictures, design.guardrails, truth.look, rng))
    assert [each.verdict for each in history] == [Verdict.CONTINUE, Verdict.ABANDONED]
    assert history[-1].sentence.startswith("Epoch 2 shows ")
    assert history[-1].num_pairs == 96
    assert ending(design, truth, pictures, rng) == Ending(2, Verdict.ABANDONED, ReasonCode.WORSE)


def test_the_same_numbers_whatever_the_number_of_processes(design):
    truths = [Truth.constant(ratio, 4) for ratio in (1.0, 1.6)]
    steps = []
    alone = simulate(design, truths, 26, advance=steps.append)
    assert sum(steps) == 52
    assert simulate(design, truths, 26, processes=2) == alone
    null, worse = alone
    assert null.abandoned == 0
    assert worse.abandoned == 1
    assert worse.mean_stop < 2.5


def test_a_better_candidate_is_promoted_and_a_blank_one_never(design):
    blank = Truth("blank", (1.0,) * 4, (50.0,) * 4, Look(colors=1.0, largest_share=1.0, duplicate_rate=0.99))
    better, collapsed = simulate(design, [Truth.constant(0.75, 4), blank], 12)
    assert better.promoted > 0.4
    assert better.reasons.keys() <= {
        "better",
        "not_as_clean",
    }  # 96 pairs see a clean rate within 15 points 3 in 5 times
    assert (collapsed.promoted, collapsed.abandoned, collapsed.mean_stop) == (0.0, 1.0, 2.0)
    assert collapsed.reasons == {"degenerate": 12}


def test_a_known_deviation_keeps_false_abandons_down(design):
    """Runs that differ by 20%: unknown, many are abandoned though nothing is wrong with their configuration."""
    truth, noise = Truth.constant(1.0, 4), Noise(run=0.2)
    unknown = dataclasses.replace(design, noise=noise)
    plan = dataclasses.replace(design.plan, deviation=RunDeviation(0.2, None, "stated"))
    known = dataclasses.replace(unknown, plan=plan)
    (without,), (told,) = (simulate(each, [truth], 60) for each in (unknown, known))
    assert without.abandoned > 0.08
    assert told.abandoned < 0.05  # 60 runs; benchmarks/judge has thousands


def test_what_is_saved_is_net_of_judging():
    assert net_saving(2.0, 8, 0.2) == pytest.approx(1 - 2 / 8 / 0.8)
    assert net_saving(8.0, 8, 0.2) == pytest.approx(-0.25)  # every look was paid and nothing was saved
    found = Characteristics((Ending(2, Verdict.ABANDONED, ReasonCode.WORSE),) * 3, 8)
    assert found.saved(0.0) == 0.75
