"""The real VAE of the tiny base, at an aligned size and at one that is not."""

import numpy as np
import pytest

from pixelpipe.analysis.duplicates import TrainSprites
from pixelpipe.analysis.metrics import METRIC_SCHEMA, measure
from pixelpipe.analysis.profile import build_profile
from pixelpipe.analysis.vae_floor import art_itself, check_resolution, floor_records, vae_floor
from pixelpipe.data.sprites import load_sprites, stack
from pixelpipe.errors import BadInputError
from pixelpipe.models import encode
from pixelpipe.models.encode import round_trip
from pixelpipe.models.layout import TINY
from pixelpipe.models.load import load_vae


@pytest.fixture(scope="module")
def vae():
    return load_vae(TINY)


@pytest.fixture(scope="module")
def art(portraits):
    return stack(load_sprites(portraits, 24))[:4]


@pytest.fixture(scope="module")
def measured(vae, art):
    """The art itself, and its floors at 96 and 192 px."""
    profile, train = build_profile(art, "x"), TrainSprites(art)
    return art_itself(art, profile, train), [vae_floor(vae, art, size, profile, train) for size in (96, 192)]


def test_the_floor_is_the_measure_of_the_round_trip(vae, art, measured):
    profile = build_profile(art, "x")
    _, floors = measured
    for floor in floors:
        expected = measure(round_trip(vae, art, floor.resolution), 24, profile, art)
        assert floor.rows.select(METRIC_SCHEMA.names).to_pylist() == expected.to_pylist()
        values = expected["effective_colors"].to_numpy()
        assert floor.figures("effective_colors") == {
            "mean": pytest.approx(values.mean()),
            "p5": pytest.approx(np.percentile(values, 5)),
            "median": pytest.approx(np.median(values)),
            "p95": pytest.approx(np.percentile(values, 95)),
        }


def test_half_a_latent_a_cell_costs_colors_and_a_whole_one_does_not(measured):
    itself, (half, whole) = measured
    assert (half.aligned, whole.aligned) == (False, True)
    assert (half.latents_per_cell, whole.latents_per_cell) == (0.5, 1.0)
    own, after_half, after_whole = (side.figures("effective_colors")["median"] for side in (itself, half, whole))
    assert after_half > 1.5 * own
    assert after_whole == pytest.approx(own, abs=1)
    assert half.clean_rate < whole.clean_rate <= 1
    assert itself.figures("nearest_train")["mean"] == 0 < half.figures("nearest_train")["median"]


def test_records_hold_every_metric_of_every_size(measured):
    itself, floors = measured
    records = list(floor_records(itself, floors))
    sizes = {record["resolution"] for record in records}
    assert sizes == {96, 192}
    for size in sizes:
        assert {record["metric"] for record in records if record["resolution"] == size} == {
            *METRIC_SCHEMA.names,
            "clean",
        }
    clean = next(record for record in records if (record["resolution"], record["metric"]) == (96, "clean"))
    assert (clean["art_mean"], clean["vae_mean"]) == (itself.clean_rate, floors[0].clean_rate)
    assert len({tuple(record) for record in records}) == 1  # the same columns in the same order


def test_batches_change_no_pixel(vae, art, monkeypatch):
    whole = round_trip(vae, art, 96)
    monkeypatch.setattr(encode, "BATCH_PX", 96 * 96)
    np.testing.assert_array_equal(round_trip(vae, art, 96), whole)


@pytest.mark.parametrize("resolution", [0, -192, 100, 16])
def test_sizes_that_cannot_be(resolution):
    with pytest.raises(
        BadInputError, match=rf"--resolution must be a multiple of 8 px, .* \(24\), but got {resolution}$"
    ):
        check_resolution(resolution, 24)
