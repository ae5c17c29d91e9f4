"""The deviation between runs, from experiments of a real store that differ by their seed."""

import pytest

from pixelpipe.comparison.decision import Verdict
from pixelpipe.pipeline.deviation import measured_deviation
from pixelpipe.pipeline.rejudge import rejudge

SHORT = {"training": {"epochs": 1}, "judge": {"patience": 1}}


@pytest.fixture
def line(painter):
    """Eight runs of one configuration: run-to-run 27, 30 or 33 colors."""
    for seed in range(8):
        painter.run(
            "repeated",
            lambda _, seed=seed: 30 + 3 * (seed % 3 - 1),
            seed=seed,
            **SHORT,
            fresh=dict.fromkeys(("candidate", "baseline"), 30.0),
        )
    return painter


def test_eight_runs_measure_it_and_the_next_experiment_is_judged_by_it(line):
    found = measured_deviation(line.store, "art-24", "effective_colors", 20.0)
    assert found is not None
    assert found.degrees_of_freedom == 7
    assert found.source == "measured: 8 runs of repeated"
    assert found.sd == pytest.approx(0.08, abs=0.02)
    candidate = line.run("candidate", lambda _: 36, training={"epochs": 2})
    [first, *_] = rejudge(line.store, candidate)
    assert first.stored.run_sd == pytest.approx(found.sd, rel=0.02)  # by the floor of the line's art
    assert first.stored.run_sd_source == "measured: 8 runs of repeated"
    assert first.stored.verdict is Verdict.CONTINUE  # a third more is no news where runs differ so much
    assert all(not each.differs_in for each in rejudge(line.store, candidate))


def test_what_is_no_repetition_is_not_counted(painter):
    fresh = dict.fromkeys(("candidate", "baseline"), 30.0)
    for seed in range(7):
        painter.run("repeated", lambda _: 30, seed=seed, fresh=fresh, **SHORT)
    painter.run("other", lambda _: 30, seed=8, fresh=fresh, dataset={"repeats": 2}, **SHORT)
    painter.run("renamed", lambda _: 30, seed=0, fresh=fresh, training={"epochs": 1}, judge={"alpha": 0.04})
    assert measured_deviation(painter.store, "art-24", "effective_colors", 20.0) is None
    painter.run("the-eighth", lambda _: 30, seed=7, fresh=fresh, **SHORT)
    found = measured_deviation(painter.store, "art-24", "effective_colors", 20.0)
    assert found is not None
    assert found.sd < 0.03
    assert measured_deviation(painter.store, "another-line", "effective_colors", 20.0) is None


def test_a_stated_deviation_needs_no_measurement(painter):
    painter.run("first", lambda _: 27)
    candidate = painter.run("candidate", lambda _: 42, judge={"run_sd": 0.01})
    [only] = rejudge(painter.store, candidate)
    assert only.stored.verdict is Verdict.ABANDONED
    assert (only.stored.run_sd, only.stored.run_sd_degrees, only.stored.run_sd_source) == (0.01, None, "judge.run_sd")
    assert only.differs_in == []
