import math

import numpy as np
import pytest

from pixelpipe.comparison.decision import BaselineKind
from pixelpipe.comparison.evidence import Plan, epoch_evidence, match_epoch
from pixelpipe.comparison.guardrails import Guardrails
from pixelpipe.config import parse_config
from pixelpipe.errors import BadInputError

PERCENTILES = {
    "effective_colors": {"p1": 8.0, "p50": 18.0, "p95": 32.0, "p99": 40.0},
    "unique_colors": {"p1": 9.0, "p50": 23.0, "p95": 50.0, "p99": 60.0},
    "largest_share": {"p1": 0.2, "p50": 0.4, "p95": 0.6, "p99": 0.7},
}


def test_plan_comes_from_the_configuration():
    values = {
        "name": "x",
        "line": "art",
        "dataset": {"path": "sprites"},
        "training": {"epochs": 6},
        "sampling": {"num_prompts": 13, "seeds_per_prompt": 3, "confirm_seeds": 5},
        "judge": {"grace": 2, "alpha": 0.04},
    }
    config = parse_config(values, "test")
    plan = Plan.from_config("x-12345678", config)
    assert (plan.experiment_id, plan.line, plan.epochs) == ("x-12345678", "art", 6)
    assert (plan.expected_pairs, plan.expected_confirmations) == (39, 65)
    assert plan.looks == 4
    spent = [plan.alpha_at(epoch) for epoch in range(3, 7)]
    assert spent == pytest.approx([spent[0] / look**0.5 for look in (1, 2, 3, 4)])
    assert sum(spent) == pytest.approx(0.04)


def test_guardrails_come_from_the_percentiles_of_the_art():
    guardrails = Guardrails.from_percentiles(PERCENTILES, "unique_colors")
    assert guardrails == Guardrails(floor=23.0, min_colors=8.0, max_colors=40.0, max_largest_share=0.7)


@pytest.mark.parametrize(
    ("colors", "share", "duplicates", "collapsed"),
    [
        (18.0, 0.4, 0.0, False),
        (8.0, 0.7, 0.49, False),  # at the limits
        (7.5, 0.4, 0.0, True),
        (18.0, 0.71, 0.0, True),
        (18.0, 0.4, 0.5, True),  # two seeds a prompt, one picture a prompt
        (math.nan, math.nan, math.nan, False),
    ],
)
def test_collapse(colors, share, duplicates, collapsed):
    guardrails = Guardrails.from_percentiles(PERCENTILES, "effective_colors")
    assert guardrails.collapsed(colors, share, duplicates) is collapsed


@pytest.mark.parametrize(
    ("p95", "p99", "limit"),
    [(0.7, 0.9, 0.85), (0.864, 1.007, 0.932), (1.0, 1.1, math.inf)],  # flat art; outlines on mid-gray; noise itself
)
def test_noise_has_a_limit_unless_the_art_is_noise(p95: float, p99: float, limit: float):
    art = PERCENTILES | {"geary_c": {"p95": p95, "p99": p99}}
    assert Guardrails.from_percentiles(art, "effective_colors").max_geary_c == pytest.approx(limit)


def test_too_many_colors_is_no_collapse():
    guardrails = Guardrails.from_percentiles(PERCENTILES, "effective_colors")
    assert guardrails.too_many_colors(41.0)
    assert not guardrails.too_many_colors(40.0)
    assert not guardrails.collapsed(500.0, 0.4, 0.0)


@pytest.mark.parametrize(
    ("images_seen", "trajectory", "epoch", "kind"),
    [
        (400, {1: 200, 2: 400, 3: 600}, 2, BaselineKind.MATCHED),
        (400, {1: 400, 2: 800}, 1, BaselineKind.MATCHED),  # an epoch means something else
        (400, {1: 210, 2: 420, 3: 630}, 2, BaselineKind.MATCHED),  # some sprites more
        (800, {1: 200, 2: 400}, 2, BaselineKind.UNMATCHED),  # the baseline is shorter
        (200, {8: 1600, 10: 2000}, 8, BaselineKind.UNMATCHED),
        (300, {1: 200, 2: 400}, 1, BaselineKind.UNMATCHED),  # a tie: the earlier
    ],
)
def test_match_is_by_images_seen(images_seen, trajectory, epoch, kind):
    found = match_epoch(images_seen, trajectory)
    assert found is not None
    assert (found.epoch, found.kind, found.images_seen) == (epoch, kind, trajectory[epoch])


def test_no_epochs_match_nothing():
    assert match_epoch(400, {}) is None


def evidence(build, values, **columns):
    samples = build.samples(values, largest_share=[0.5] * np.size(values), **columns)
    return epoch_evidence(
        samples,
        epoch=3,
        images_seen=552,
        dataset_hash="d",
        duplicate_rate=0.1,
        metric="effective_colors",
    )


def test_evidence_counts_and_averages(build):
    found = evidence(build, [[10.0, 20.0], [30.0, 60.0]], unique_colors=[100, 200, 300, 400])
    assert found.means == {"effective_colors": 30.0, "unique_colors": 250.0}
    assert (found.median_colors, found.median_largest_share, found.duplicate_rate) == (25.0, 0.5, 0.1)
    assert (found.num_images, found.non_finite, found.duplicate_rows) == (4, 0, 0)
    assert (found.epoch, found.images_seen, found.eval_set_id, found.dataset_hash) == (3, 552, "set", "d")


def test_evidence_reports_what_is_wrong(build):
    found = evidence(build, [[10.0, math.nan], [30.0, math.inf]], seed=[0, 0, 0, 1])
    assert (found.num_images, found.duplicate_rows, found.non_finite) == (3, 1, 2)
    assert math.isnan(found.median_colors)


def test_no_images_are_no_figures(build):
    found = evidence(build, np.empty((0, 1)))
    assert (found.num_images, found.eval_set_id) == (0, "")
    assert math.isnan(found.means["effective_colors"])


def test_an_absent_column_is_named(build):
    with pytest.raises(BadInputError, match="candidate images must have the column `largest_share`"):
        epoch_evidence(
            build.samples([[1.0]]),
            epoch=1,
            images_seen=1,
            dataset_hash="d",
            duplicate_rate=0.0,
            metric="effective_colors",
        )
