import numpy as np
import pytest
from scipy import stats

from pixelpipe.analysis.transport import earth_movers_distance, palette_emd


@pytest.mark.parametrize("seed", range(5))
def test_on_a_line_it_is_scipys_wasserstein_distance(seed):
    generator = np.random.default_rng(seed)
    first, second = generator.random(12), generator.random(9)
    weights, others = generator.random(12) + 0.1, generator.random(9) + 0.1
    expected = stats.wasserstein_distance(first, second, weights, others)
    assert earth_movers_distance(first[:, None], weights, second[:, None], others) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(3))
def test_in_three_dimensions_too(seed):
    generator = np.random.default_rng(seed)
    first, second = generator.random((10, 3)), generator.random((14, 3))
    weights, others = generator.random(10) + 0.1, generator.random(14) + 0.1
    expected = stats.wasserstein_distance_nd(first, second, weights, others)
    assert earth_movers_distance(first, weights, second, others) == pytest.approx(expected)


def test_black_to_white_is_one_and_half_of_it_is_half():
    black, white = np.zeros((2, 8, 8, 3), np.uint8), np.full((1, 12, 12, 3), 255, np.uint8)
    half = black.copy()
    half[0] = 255
    assert palette_emd(black, white) == pytest.approx(1, abs=1e-6)
    assert palette_emd(half, white) == pytest.approx(0.5, abs=1e-6)
    assert palette_emd(half, half[::-1]) == 0


def test_noise_of_thousands_of_colors_is_bounded_in_time_and_near_itself():
    generator = np.random.default_rng(1)
    first, second = generator.integers(0, 256, (2, 10, 24, 24, 3), dtype=np.uint8)
    assert palette_emd(first, second) < 0.05
