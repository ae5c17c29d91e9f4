import numpy as np
import pytest
from pydantic import ValidationError

from pixelpipe.analysis.gates import GATE_SCHEMA, gates
from pixelpipe.analysis.metrics import METRIC_SCHEMA, METRIC_VERSION, measure
from pixelpipe.analysis.profile import OF_A_SET, Profile, build_profile
from pixelpipe.errors import BadInputError


def draw_art(num: int, grid: int = 24, first_seed: int = 0) -> np.ndarray:
    sprites = np.full((num, grid, grid, 3), 255, dtype=np.uint8)
    for index, sprite in enumerate(sprites):
        generator = np.random.default_rng(first_seed + index)
        for color in generator.integers(0, 8, (int(generator.integers(3, 20)), 3)) * 32:
            top, left = generator.integers(0, grid - 4, 2)
            sprite[top : top + 4, left : left + 4] = color
    return sprites


def roundtrip(sprites: np.ndarray) -> np.ndarray:
    large = sprites.repeat(8, axis=1).repeat(8, axis=2).astype(int)
    noise = np.random.default_rng(0).integers(-3, 4, large.shape)
    return (large + noise).clip(0, 255).astype(np.uint8)


def test_percentiles_are_those_of_the_art():
    art = draw_art(30)
    table = measure(art, 24)
    profile = build_profile(art, "hash")
    assert set(profile.percentiles) == set(METRIC_SCHEMA.names)
    for name in set(METRIC_SCHEMA.names) - set(OF_A_SET):
        values = table[name].to_numpy()
        assert profile.percentiles[name].p50 == pytest.approx(np.median(values))
        assert profile.percentiles[name].p99 == pytest.approx(np.percentile(values, 99))
    assert (profile.dataset_hash, profile.grid, profile.num_sprites) == ("hash", 24, 30)
    assert profile.metric_version == METRIC_VERSION


def test_palette_covers_the_art_and_sums_to_one():
    art = draw_art(20)
    profile = build_profile(art, "hash")
    assert sum(profile.palette_weights) == pytest.approx(1)
    assert list(profile.palette_weights) == sorted(profile.palette_weights, reverse=True)
    assert profile.palette[0] == (255, 255, 255)
    assert measure(art, 24, profile)["off_palette"].to_pylist() == [0] * 20


def test_a_sprite_is_held_against_the_others_only():
    art = draw_art(20)
    art[0, 4:20, 4:20] = (250, 0, 250)  # a color that no other sprite has
    profile = build_profile(art, "hash")
    assert profile.percentiles["off_palette"].p50 < 0.2
    assert profile.percentiles["off_palette"].p99 > 0.3
    assert profile.percentiles["nearest_train"] == profile.train_train
    alone = build_profile(art[:1], "hash")
    assert not set(OF_A_SET) & set(alone.percentiles)


def test_repeated_sprites_and_the_round_trip_are_in_it():
    art = np.concatenate([draw_art(9), draw_art(1)])
    profile = build_profile(art, "hash", roundtrip(art), "noise")
    assert profile.duplicate_rate == 0.1
    assert profile.roundtrip_percentiles is not None
    assert profile.roundtrip_percentiles["effective_colors"].p50 >= profile.percentiles["effective_colors"].p50
    assert profile.roundtrip_percentiles["grid_error"] == profile.roundtrip_grid_error


def test_a_profile_of_an_earlier_version_is_read_and_then_refused_in_words():
    old = build_profile(draw_art(2), "hash").model_dump(mode="json") | {"metric_version": "1"}
    del old["duplicate_rate"], old["roundtrip_percentiles"]
    with pytest.raises(BadInputError, match="must be of metric version 2 but is of 1"):
        Profile.model_validate(old).check(24)


def test_json_and_back_keeps_the_hash():
    art = draw_art(5)
    profile = build_profile(art, "hash", roundtrip(art), "vae at 192")
    again = Profile.model_validate_json(profile.model_dump_json())
    assert again == profile
    assert again.profile_hash == profile.profile_hash
    assert build_profile(art, "other").profile_hash != build_profile(art, "hash").profile_hash


def test_a_single_sprite_makes_a_profile_without_train_train():
    assert build_profile(draw_art(1), "hash").train_train is None
    both = build_profile(np.concatenate([draw_art(1), draw_art(1)[:, :, ::-1]]), "hash")
    assert both.train_train is not None
    assert both.train_train.p99 == 0


def test_profiles_are_strict_and_frozen():
    profile = build_profile(draw_art(2), "hash")
    with pytest.raises(ValidationError):
        Profile.model_validate(profile.model_dump() | {"extra": 1})
    with pytest.raises(ValidationError):
        profile.grid = 32  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("shape", [(0, 24, 24, 3), (24, 24, 3)])
def test_no_sprites_no_profile(shape):
    with pytest.raises(BadInputError, match="`sprites` must be"):
        build_profile(np.zeros(shape, np.uint8), "hash")


def test_without_a_profile_every_gate_is_null():
    table = gates(measure(draw_art(2), 24), None)
    assert table.schema.equals(GATE_SCHEMA)
    assert table.to_pylist() == [dict.fromkeys(GATE_SCHEMA.names)] * 2


def test_the_art_passes_at_its_percentiles():
    art = draw_art(40)
    profile = build_profile(art, "hash", roundtrip(art), "noise")
    metrics = measure(art, 24)
    table = gates(metrics, profile)
    for name in ("clean_effective_colors", "clean_orphan_ratio", "clean_top10_share"):
        assert 0.9 <= np.mean(table[name].to_pylist()) <= 1
    assert table["clean_grid_error"].to_pylist() == [True] * 40  # art has no error at its own size
    assert profile.thresholds.effective_colors_max == profile.percentiles["effective_colors"].p95
    assert profile.thresholds.orphan_ratio_max == profile.percentiles["orphan_ratio"].p95
    assert profile.thresholds.top10_share_min == profile.percentiles["top10_share"].p5
    assert profile.roundtrip_grid_error is not None
    assert profile.thresholds.grid_error_max == profile.roundtrip_grid_error.p95 > 0


def test_clean_is_the_and_of_the_gates_that_are_not_null():
    art = draw_art(40)
    images = np.concatenate([draw_art(10, first_seed=99), np.random.default_rng(1).integers(0, 256, (2, 24, 24, 3))])
    metrics = measure(images.astype(np.uint8), 24)
    for profile in (build_profile(art, "h"), build_profile(art, "h", roundtrip(art), "noise")):
        has_round_trip = profile.roundtrip_grid_error is not None
        for row in gates(metrics, profile).to_pylist():
            parts = [value for name, value in row.items() if name != "clean" and value is not None]
            assert len(parts) == 3 + has_round_trip
            assert row["clean"] is all(parts)
    assert gates(metrics, build_profile(art, "h"))["clean"].to_pylist()[-2:] == [False, False]


def test_noise_beyond_the_round_trip_fails_only_the_grid_gate():
    art = draw_art(30)
    profile = build_profile(art, "h", roundtrip(art), "noise of 3")
    image = art[:1].repeat(8, axis=1).repeat(8, axis=2).astype(int)
    image += np.random.default_rng(5).integers(-30, 31, image.shape)
    row = gates(measure(image.clip(0, 255).astype(np.uint8), 24), profile).to_pylist()[0]
    assert row["clean_grid_error"] is False
    assert row["clean"] is False
