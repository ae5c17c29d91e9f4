import numpy as np
import pytest

from pixelpipe.analysis.color import delta_e_ok, srgb_to_oklab
from pixelpipe.analysis.texture import coarse_grid, geary_c
from pixelpipe.data.portraits.drawing import render
from pixelpipe.data.portraits.traits import draw_traits


@pytest.fixture(scope="module")
def art() -> np.ndarray:
    return np.stack([render(draw_traits(np.random.default_rng(seed))) for seed in range(40)])


def test_geary_equals_its_formula_pair_by_pair():
    sprite = np.random.default_rng(1).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    oklab = srgb_to_oklab(sprite)
    pairs = [
        float(delta_e_ok(oklab[y, x], oklab[y + dy, x + dx])) ** 2
        for y, x in np.ndindex(9, 9)
        for dy, dx in ((0, 1), (1, 0))
        if y + dy < 9 and x + dx < 9
    ]
    spread = np.square(delta_e_ok(oklab, oklab.mean(axis=(0, 1)))).sum()
    assert geary_c(oklab[None])[0] == pytest.approx(80 * sum(pairs) / (2 * len(pairs) * spread))


def test_noise_and_art_lie_on_two_sides_whatever_the_colors(art):
    noise = art.reshape(len(art), -1, 3).copy()
    for index, pixels in enumerate(noise):
        np.random.default_rng(index).shuffle(pixels)  # the same colors, in no order
    assert geary_c(srgb_to_oklab(noise.reshape(art.shape))).min() > 0.85 > geary_c(srgb_to_oklab(art)).max()


def test_a_checkerboard_is_rougher_than_noise_and_a_flat_sprite_has_none():
    board = np.where(np.indices((8, 8)).sum(axis=0)[..., None] % 2, 255, 0).repeat(3, axis=2).astype(np.uint8)
    assert 1.9 < geary_c(srgb_to_oklab(board[None]))[0] <= 2 * 9 / 8
    assert geary_c(srgb_to_oklab(np.full((1, 8, 8, 3), 9, np.uint8))).tolist() == [0]


@pytest.mark.parametrize("factor", [2, 3, 4, 6])
@pytest.mark.parametrize("offset", [0, 1])
def test_a_coarser_picture_is_known_wherever_its_blocks_begin(art, factor, offset):
    coarse = art[:, ::factor, ::factor].repeat(factor, axis=1).repeat(factor, axis=2)
    coarse = np.roll(coarse, offset, axis=(1, 2))[:, 1:, 1:]  # without the seam
    assert coarse_grid(srgb_to_oklab(coarse)).min() > 0.99
    assert coarse_grid(srgb_to_oklab(art)).max() < 0.4


def test_one_edge_is_coarse_and_no_edge_is_not():
    sprite = np.zeros((1, 24, 24, 3), np.uint8)
    assert coarse_grid(srgb_to_oklab(sprite)).tolist() == [0]
    sprite[:, 7:] = 200
    assert coarse_grid(srgb_to_oklab(sprite)).tolist() == [pytest.approx(1)]
