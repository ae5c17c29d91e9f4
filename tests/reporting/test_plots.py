"""The plot: its size, its lines, and that it leaves nothing behind. Its looks were judged by eye."""

import io
import sys

import pytest
from PIL import Image

from pixelpipe.reporting.description import describe
from pixelpipe.reporting.plots import baseline_points, interval, metric_plot


def size(png):
    with Image.open(io.BytesIO(png)) as image:
        assert image.format == "PNG"
        return image.size


def test_limit_and_interval_are_the_decisions(store, story):
    found = describe(store, story[1])
    reference, limit = baseline_points(found)
    assert [epoch for epoch, _ in reference] == [1, 2, 3, 4]  # the rest of the trajectory is known as well
    for facts, (_, value), (_, allowed) in zip(found.epochs, reference, limit, strict=False):
        assert value == facts.decision.baseline_mean
        assert allowed == pytest.approx(1.10 * value)
        low, high = interval(facts)
        assert low <= facts.judged <= high
        assert (low > allowed) == facts.decision.exceeds_margin


def test_unmatched_epochs_have_their_own_limit(store, fill):
    baseline_id = fill.run(fill.config("baseline", training={"epochs": 1}), [30])
    found = describe(store, fill.run(fill.config(), [30, 30], baseline_id))
    (first, second), (matched, unmatched) = baseline_points(found)
    assert matched[1] == pytest.approx(1.1 * first[1])
    assert unmatched[1] == pytest.approx(1.5 * second[1])


def test_every_state_gives_a_picture_of_one_size(store, fill, story):
    running = fill.start(fill.config("running"))
    one = fill.start(fill.config("one"))
    fill.epoch(1, fill.colors(30))
    summary = fill.run(fill.config("summary"), [40, 45], fill.summary(216.6))
    for experiment_id in (*story, running, one, summary):
        assert size(metric_plot(describe(store, experiment_id))) == (1600, 1160)


def test_no_global_figures(store, story):
    before = sys.modules.get("matplotlib.pyplot")
    metric_plot(describe(store, story[1]))
    assert sys.modules.get("matplotlib.pyplot") is before


@pytest.mark.parametrize("name", ["$\\frac$ _x^", "🎨 漢字 שלום", "x" * 500, "a\u202eb\x07"])
def test_any_name_can_be_drawn(store, fill, name):
    """It is no mathematics, and a character that the font lacks is no warning."""
    fill.start(fill.config())
    fill.experiment = fill.experiment.model_copy(update={"name": name})
    fill.status("failed")
    assert size(metric_plot(describe(store, "candidate-0a1b2c3d"))) == (1600, 1160)


def test_the_same_tables_give_the_same_bytes(store, story):
    found = describe(store, story[1])
    assert metric_plot(found) == metric_plot(found)
