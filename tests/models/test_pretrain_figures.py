"""What the tiny base is taught figures with: every body plan is one figure before a ground, at any grid."""

import numpy as np
import pytest

from pixelpipe.config import BACKGROUND
from pixelpipe.data.images import parse_color
from pixelpipe.models.pretrain_tiny.bodies import BODIES, Body
from pixelpipe.models.pretrain_tiny.easel import Easel, Manner
from pixelpipe.models.pretrain_tiny.figures import draw_figure

COLOR = np.array([190, 50, 46], np.float32)


def paint(body: Body, grid: int, seed: int) -> Easel:
    rng = np.random.default_rng(seed)
    easel = Easel(grid, rng, Manner.draw(rng))
    body.paint(easel, COLOR)
    easel.finish(flipped=False)
    return easel


@pytest.mark.parametrize("grid", [24, 32])
@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.paint.__name__)
def test_a_body_is_neither_missing_nor_all_of_the_picture(body: Body, grid: int):
    shares = [paint(body, grid, seed).mask.mean() for seed in range(6)]
    assert 0.04 < np.mean(shares) < 0.8


def test_a_figure_is_lit_from_the_upper_left():
    rng = np.random.default_rng(0)
    easel = Easel(32, rng, Manner(num_tones=8, contrast=1.2, dither=0, grain=0, detail=0, rim=1, outline=1))
    easel.paint(easel.shape().ellipse(16, 16, 10, 10), COLOR)
    lightness = easel.image.sum(axis=-1)
    assert lightness[10, 10] > lightness[16, 16] > lightness[22, 22] > 0


def test_an_outline_is_darker_and_lies_around_the_figure():
    rng = np.random.default_rng(0)
    easel = Easel(32, rng, Manner(num_tones=8, contrast=1.2, dither=0, grain=0, detail=0, rim=1, outline=0.1))
    easel.paint(easel.shape().ellipse(16, 16, 8, 8), COLOR)
    inside = easel.mask.copy()
    easel.finish(flipped=False)
    outline = easel.mask & ~inside
    assert outline.any()
    assert easel.image[outline].max() < 0.2 * easel.image[inside].max()


def test_most_grounds_are_what_transparency_is_shown_on():
    corners = [draw_figure(np.random.default_rng(seed), 32)[0][0, 0] for seed in range(40)]
    assert np.mean([(corner == parse_color(BACKGROUND)).all() for corner in corners]) > 0.5


def test_the_same_seed_draws_the_same_figure_and_says_what_it_is():
    first, caption = draw_figure(np.random.default_rng(5), 32)
    again, same = draw_figure(np.random.default_rng(5), 32)
    assert np.array_equal(first, again)
    assert caption == same
    assert caption.startswith("pixel art, 32x32, ")
    assert caption.endswith(" background")
