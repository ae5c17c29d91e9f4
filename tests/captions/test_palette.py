import numpy as np
import pytest

from pixelpipe.captions.palette import background_mask, palette_caption
from pixelpipe.data.portraits import draw_traits, render

TEAL, RED, BLUE, BROWN, BLACK, WHITE = (
    (46, 150, 140), (220, 40, 45), (60, 100, 230), (124, 76, 46), (10, 8, 12), (255, 255, 255),
)  # fmt: skip


def bust(background=TEAL, top=BROWN, center=RED, bottom=BLUE) -> np.ndarray:
    sprite = np.empty((24, 24, 3), dtype=np.uint8)
    sprite[:] = background
    sprite[3:10, 6:18], sprite[10:17, 6:18], sprite[17:24, 6:18] = top, center, bottom
    return sprite


def test_parts_and_background_by_their_colors():
    assert palette_caption(bust()) == "brown top, red center, blue bottom, teal background"


def test_a_second_color_is_named_when_it_is_a_third():
    sprite = bust()
    sprite[3:7, 6:18] = WHITE
    assert palette_caption(sprite).startswith("white and brown top, ")


def test_an_outline_is_not_the_color_of_a_part():
    sprite = bust()
    sprite[3:10, 6:10] = BLACK  # 28 of 84 cells: more than a third, and still an outline
    assert palette_caption(sprite).startswith("brown top")
    assert palette_caption(bust(top=BLACK)).startswith("black top")


def test_the_background_is_what_the_border_floods():
    sprite = bust()
    sprite[12, 12] = TEAL  # the same color, not reached from the border
    mask = background_mask(sprite)
    assert not mask[12, 12]
    assert mask.sum() == 24 * 24 - 21 * 12


def test_pictures_without_background_or_without_anything_else():
    noise = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    assert "background" not in palette_caption(noise)
    assert palette_caption(np.full((24, 24, 3), 255, dtype=np.uint8)) == "white background"


@pytest.mark.parametrize("seed", range(8))
def test_synthetic_portraits_have_the_background_that_was_drawn(seed):
    traits = draw_traits(np.random.default_rng(seed))
    said = palette_caption(render(traits)).rsplit(", ", 1)[1].removesuffix(" background")
    near = {"blue": "light blue", "purple": "lavender", "gray": "light gray", "mint": "light green"}
    assert said == near.get(traits.background, traits.background)
