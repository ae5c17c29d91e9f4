import numpy as np
import pytest
from scipy.spatial.distance import cdist

from pixelpipe.analysis.color import srgb_to_oklab
from pixelpipe.analysis.merging import MergedColors, merge_colors
from pixelpipe.analysis.palette import Palette, nearest_distances, pooled_palette


def test_nearest_distances_are_scipys():
    generator = np.random.default_rng(0)
    colors, palette = (srgb_to_oklab(generator.integers(0, 256, (num, 3), dtype=np.uint8)) for num in (300, 40))
    np.testing.assert_allclose(nearest_distances(colors, palette), cdist(colors, palette).min(axis=1), rtol=1e-9)


def test_off_palette_and_distance_are_weighted_by_pixels():
    sprite = np.full((8, 8, 3), 255, np.uint8)
    sprite[0, :4] = 0  # a sixteenth is black, 1 away from white
    assert Palette(np.full((1, 3), 255, np.uint8)).distances(MergedColors(sprite)) == pytest.approx((1 / 16, 1 / 16))


def test_a_pooled_palette_is_the_merged_colors_of_all_pixels():
    sprites = np.random.default_rng(1).integers(0, 4, (5, 8, 8, 3)).astype(np.uint8) * 80
    colors, shares = pooled_palette(sprites, 0.02)
    assert shares.sum() == pytest.approx(1)
    assert shares.tolist() == sorted(shares, reverse=True)
    leaders = merge_colors(srgb_to_oklab(colors), 0.02)
    assert leaders.tolist() == list(range(len(colors)))  # nothing in it is within the tolerance of anything else
    assert nearest_distances(srgb_to_oklab(sprites).reshape(-1, 3), srgb_to_oklab(colors)).max() <= 0.02
