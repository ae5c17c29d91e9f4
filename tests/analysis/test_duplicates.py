import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelpipe.analysis import duplicates
from pixelpipe.analysis.color import srgb_to_oklab
from pixelpipe.analysis.duplicates import TrainSprites, duplicate_rate, near_duplicates, sprite_distances
from pixelpipe.errors import BadInputError


def draw(seed: int, num: int, grid: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (num, grid, grid, 3), dtype=np.uint8)


def loop_distance(first: np.ndarray, second: np.ndarray) -> float:
    difference = srgb_to_oklab(first) - srgb_to_oklab(second)
    return float(np.sqrt((difference**2).sum() / (first.shape[0] * first.shape[1])))


@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.005, 0.02, 0.3]))
def test_pairs_equal_a_plain_loop(seed, tolerance):
    generator = np.random.default_rng(seed)
    base = draw(seed, 4)[generator.integers(0, 4, 12)]
    amplitude = generator.integers(0, 8, (12, 1, 1, 1))
    noise = generator.integers(-1, 2, base.shape) * amplitude
    sprites = (base + noise).clip(0, 255).astype(np.uint8)
    expected = [
        (i, j) for i in range(12) for j in range(i + 1, 12) if loop_distance(sprites[i], sprites[j]) <= tolerance
    ]
    assert near_duplicates(sprites, tolerance) == expected
    assert duplicate_rate(sprites, tolerance) == pytest.approx(len({j for _, j in expected}) / 12)


def test_chunks_do_not_change_the_pairs(monkeypatch):
    sprites = draw(1, 5)[np.random.default_rng(2).integers(0, 5, 40)]
    whole = near_duplicates(sprites)
    monkeypatch.setattr(duplicates, "_CHUNK", 7)
    assert near_duplicates(sprites) == whole
    assert len(whole) > 40


def test_equal_sprites_at_tolerance_zero_and_no_mirror_images():
    sprites = np.concatenate([draw(3, 2), draw(3, 1), draw(3, 1)[:, :, ::-1]])
    assert near_duplicates(sprites, 0) == [(0, 2)]
    assert duplicate_rate(sprites, 0) == 0.25


def test_mode_collapse_and_empty_sets():
    assert duplicate_rate(np.repeat(draw(4, 1), 50, axis=0)) == 0.98
    assert duplicate_rate(draw(4, 0)) == 0
    assert near_duplicates(draw(4, 0)) == []
    assert near_duplicates(draw(4, 1)) == []


def test_nearest_equals_a_loop_with_flips():
    train, sprites = draw(5, 6), draw(6, 4)
    both = [*train, *train[:, :, ::-1]]
    expected = [min(loop_distance(sprite, other) for other in both) for sprite in sprites]
    np.testing.assert_allclose(TrainSprites(train).nearest(sprites), expected, rtol=1e-6)


def test_leave_one_out_ignores_the_sprite_and_its_mirror_image():
    train = draw(7, 4)
    train[3] = train[1]
    distances = TrainSprites(train).nearest(train, leave_one_out=True)
    assert (distances > 0).tolist() == [True, False, True, False]


def test_distance_is_exact_for_equal_sprites():
    assert sprite_distances(draw(8, 3), draw(8, 3)).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("sprites", "tolerance", "message"),
    [
        (np.zeros((2, 8, 9, 3), np.uint8), 0.02, r"must be \(N, grid, grid, 3\)"),
        (np.zeros((2, 8, 8, 3), np.float64), 0.02, "must be uint8"),
        (np.zeros((2, 8, 8, 3), np.uint8), -1, "`tolerance` must be at least 0 but got -1"),
        (np.zeros((2, 8, 8, 3), np.uint8), float("nan"), "`tolerance` must be at least 0 but got nan"),
    ],
)
def test_bad_input_is_refused(sprites, tolerance, message):
    with pytest.raises(BadInputError, match=message):
        near_duplicates(sprites, tolerance)
