"""Sprites degraded in known steps: who ranks them as a person would? The benchmark prints the whole table."""

import pytest

from benchmarks.analysis.pictures import portraits
from benchmarks.analysis.ranking import DEGRADATIONS, correlations

SEEN_BY_THE_DEFAULT = ["stray pixels", "bleeding", "gradient background", "dither, new colors"]


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, float]]:
    sprites = portraits(6, first_seed=40)
    return {name: correlations(degrade, sprites) for name, degrade in DEGRADATIONS.items()}


@pytest.mark.parametrize("degradation", SEEN_BY_THE_DEFAULT)
@pytest.mark.parametrize("metric", ["effective_colors", "visible_colors"])
def test_colors_that_the_eye_tells_apart_rank_them(found, degradation, metric):
    assert found[degradation][metric] > 0.85


def test_the_raw_count_does_not(found):
    raw = [found[name]["unique_colors"] for name in DEGRADATIONS]
    assert max(raw) < 0.85
    assert sum(raw) / len(raw) < 0.4


def test_disorder_without_a_new_color_is_seen_by_orphans_and_regions_only(found):
    dithered = found["dither, own colors"]
    assert abs(dithered["effective_colors"]) < 0.4
    assert min(dithered["orphan_ratio"], dithered["num_regions"]) > 0.9


def test_what_else_sees_what(found):
    assert found["bleeding"]["off_grid"] > 0.95
    assert found["gradient background"]["background_uniformity"] < -0.85
