"""Color names against the xkcd color survey, which matplotlib ships: 949 colors that people named."""

import numpy as np
import pytest
from matplotlib.colors import XKCD_COLORS

from pixelpipe.captions.color_words import COLOR_WORDS
from pixelpipe.captions.colors import NAMES, color_name, name_indices

SURVEY = {
    name.removeprefix("xkcd:").replace("grey", "gray"): tuple(bytes.fromhex(hexes[1:]))
    for name, hexes in XKCD_COLORS.items()
}
SHADES_OF = {"navy": "blue", "lavender": "purple", "maroon": "red", "tan": "brown", "olive": "green", "teal": "green"}


def family(name: str) -> str:
    hue = name.removeprefix("light ").removeprefix("dark ")
    return SHADES_OF.get(hue, hue)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_names_the_color_that_people_give_it_to(name):
    assert family(color_name(SURVEY[name])) == family(name)


def test_names_agree_with_the_survey():
    hues = {family(name) for name in NAMES}
    named = [(name.split()[-1], rgb) for name, rgb in SURVEY.items() if name.split()[-1] in hues | set(SHADES_OF)]
    agree = [family(color_name(rgb)) == family(word) for word, rgb in named]
    assert len(named) > 500
    assert np.mean(agree) > 0.75  # people themselves overlap: "green blue", "purple pink"


def test_names_come_in_any_shape():
    rgb = np.array([[[0, 0, 0], [255, 255, 255]], [[229, 0, 0], [21, 176, 26]]], dtype=np.uint8)
    assert [[NAMES[i] for i in row] for row in name_indices(rgb)] == [["black", "white"], ["red", "green"]]


def test_a_word_may_look_like_the_color_that_the_survey_gives_it():
    """Every word that the survey knows, by the nearest coarse name of its color."""
    assert set().union(*COLOR_WORDS.values()) <= set(NAMES)
    known = {word: color_name(SURVEY[word]) for word in COLOR_WORDS if word in SURVEY}
    assert len(known) > 50
    assert {word: name for word, name in known.items() if name not in COLOR_WORDS[word]} == {}
