import numpy as np
import pytest

from pixelpipe.captions.agreement import named_color_agreement, named_colors
from pixelpipe.data.portraits.captions import plain_caption
from pixelpipe.data.portraits.drawing import render
from pixelpipe.data.portraits.traits import draw_traits


@pytest.mark.parametrize(
    ("caption", "colors"),
    [
        ("pixel art, RED cap, blue background, red lips", ("red", "blue")),
        ("a redhead with a bored look", ()),
        ("", ()),
        ("blue-green robe", ("blue", "green")),
    ],
)
def test_whole_words_count_once_in_order(caption, colors):
    assert named_colors(caption) == colors


def test_a_color_needs_a_hundredth_of_the_pixels():
    sprite = np.full((24, 24, 3), (40, 60, 200), np.uint8)
    sprite[0, :5] = (220, 20, 30)
    assert named_color_agreement("red cap, blue background", sprite) == 0.5
    sprite[0, :6] = (220, 20, 30)
    assert named_color_agreement("red cap, blue background", sprite) == 1
    assert named_color_agreement("a man with a hat", sprite) is None


def test_portraits_agree_with_their_own_captions_more_than_with_each_others():
    traits = [draw_traits(np.random.default_rng(seed)) for seed in range(80)]
    sprites, captions = [render(each) for each in traits], [plain_caption(each) for each in traits]

    def mean(texts: list[str]) -> float:
        found = [named_color_agreement(text, sprite) for text, sprite in zip(texts, sprites, strict=True)]
        return float(np.mean([value for value in found if value is not None]))

    assert mean(captions) > 0.9
    assert mean(captions) > mean(captions[1:] + captions[:1]) + 0.1
