import numpy as np
import pytest

from pixelpipe.analysis import discrepancy
from pixelpipe.analysis.discrepancy import maximum_mean_discrepancy
from pixelpipe.analysis.duplicates import sprite_distances
from pixelpipe.data.portraits.drawing import render
from pixelpipe.data.portraits.traits import draw_traits


def art(num: int, first_seed: int = 0) -> np.ndarray:
    return np.stack([render(draw_traits(np.random.default_rng(first_seed + index))) for index in range(num)])


def noise(num: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (num, 24, 24, 3), dtype=np.uint8)


def loop_mmd2(first: np.ndarray, second: np.ndarray) -> float:
    """Gretton et al. 2012, equation 3, term by term."""
    pooled = [*first, *second]
    distance = np.array([[sprite_distances(a[None], b[None])[0] for b in pooled] for a in pooled])
    width = np.median(distance[np.triu_indices(len(pooled), 1)] ** 2)
    kernel = np.exp(-(distance**2) / (2 * width))
    n, m = len(first), len(second)
    within_first = sum(kernel[i, j] for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    within_second = sum(kernel[n + i, n + j] for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return within_first + within_second - 2 * kernel[:n, n:].mean()


def test_equals_the_published_sum():
    first, second = art(6), art(9, first_seed=50)
    found = maximum_mean_discrepancy(first, second)
    assert found is not None
    assert found.mmd2 == pytest.approx(loop_mmd2(first, second), abs=1e-4)


def test_without_a_difference_p_is_uniform_and_the_estimate_unbiased(monkeypatch):
    monkeypatch.setattr(discrepancy, "NUM_PERMUTATIONS", 99)
    pool = art(600)
    found = [maximum_mean_discrepancy(pool[k : k + 15], pool[k + 15 : k + 30]) for k in range(0, 600, 30)]
    p_values = [each.p_value for each in found if each is not None]
    assert 0.3 < np.mean(p_values) < 0.7
    assert abs(np.mean([each.mmd2 for each in found if each is not None])) < 0.01


def test_noise_and_collapse_are_seen():
    for other in (noise(20), np.repeat(art(1), 20, axis=0)):
        found = maximum_mean_discrepancy(other, art(40, first_seed=100))
        assert found is not None
        assert found.p_value == 1 / 1000
        assert found.mmd2 > 0.05


def test_the_same_sets_give_the_same_figures_and_the_same_sprites_no_difference():
    first, second = art(12), art(20, first_seed=30)
    assert maximum_mean_discrepancy(first, second) == maximum_mean_discrepancy(first, second)
    same = maximum_mean_discrepancy(first, first)
    assert same is not None
    assert same.p_value > 0.95
    assert same.mmd2 < 0
    flat = np.zeros((3, 24, 24, 3), np.uint8)
    constant = maximum_mean_discrepancy(flat, flat)
    assert constant is not None
    assert (constant.mmd2, constant.p_value) == (0, 1)


def test_one_sprite_is_no_set_and_a_large_set_is_thinned(monkeypatch):
    assert maximum_mean_discrepancy(art(1), art(5)) is None
    monkeypatch.setattr(discrepancy, "MAX_SPRITES", 10)
    thinned = art(25)[[0, 2, 5, 8, 10, 13, 16, 18, 21, 24]]
    assert maximum_mean_discrepancy(art(25), art(25)) == maximum_mean_discrepancy(thinned, thinned)
