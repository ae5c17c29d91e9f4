from dataclasses import asdict

import numpy as np
import pytest

from pixelpipe.analysis.columns import SET_SCHEMA
from pixelpipe.analysis.duplicates import TrainSprites
from pixelpipe.analysis.profile import build_profile
from pixelpipe.analysis.sets import SetMetrics, measure_set
from pixelpipe.data.portraits.drawing import render
from pixelpipe.data.portraits.traits import draw_traits

PORTRAITS = np.stack([render(draw_traits(np.random.default_rng(seed))) for seed in range(80)])
ART, UNSEEN = PORTRAITS[:50], PORTRAITS[50:]
PROFILE = build_profile(ART, "hash")


def measured(sprites: np.ndarray) -> SetMetrics:
    return measure_set(sprites, TrainSprites(ART), PROFILE)


def test_unseen_art_is_new_and_alike():
    found = measured(UNSEEN)
    assert found.duplicate_rate == 0
    assert found.memorized_rate is not None
    assert found.memorized_rate < 0.2
    assert found.mmd_p_value is not None
    assert found.mmd_p_value > 0.01
    assert found.palette_emd < 0.05


def test_copies_and_mirror_images_are_memorized():
    found = measured(np.concatenate([ART[:10], ART[10:20, :, ::-1]]))
    assert (found.median_nearest_train, found.memorized_rate) == (0, 1)


def test_noise_differs_in_everything():
    found = measured(np.random.default_rng(0).integers(0, 256, UNSEEN.shape, dtype=np.uint8))
    assert found.mmd_p_value == 1 / 1000
    assert found.palette_emd > 0.1
    assert found.memorized_rate == 0


def test_one_image_has_no_discrepancy_and_one_sprite_of_art_no_threshold():
    assert (measured(UNSEEN[:1]).mmd2, measured(UNSEEN[:1]).mmd_p_value) == (None, None)
    single = measure_set(UNSEEN[:3], TrainSprites(ART[:1]), build_profile(ART[:1], "hash"))
    assert single.memorized_rate is None


@pytest.mark.parametrize("sprites", [UNSEEN, UNSEEN[:1], np.zeros((3, 24, 24, 3), np.uint8)])
def test_every_figure_is_a_column_and_within_its_range(sprites):
    found = asdict(measured(sprites))
    assert set(SET_SCHEMA.names) - set(found) == {"named_color_agreement"}  # which needs the prompts
    for name, value in found.items():
        low, high = (float(limit) for limit in SET_SCHEMA.field(name).metadata[b"range"].strip(b"[]").split(b","))
        assert value is None or low <= value <= high, name
