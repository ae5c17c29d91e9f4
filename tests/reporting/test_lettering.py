"""Text that must fit into a column."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelpipe.reporting.lettering import common_ends, font, shorten, wrap


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["pixel art, red hair", "pixel art, blue hair"], (2, 1)),
        (["a b", "a b"], (0, 0)),
        (["only one"], (0, 0)),
        ([], (0, 0)),
        (["a", "a b"], (0, 0)),
        (["a x b", "a y b", "a y c"], (1, 0)),
    ],
)
def test_words_that_all_share(texts, expected):
    assert common_ends(texts) == expected


@given(st.text(max_size=200), st.integers(40, 200), st.integers(1, 5))
def test_lines_fit(text, width_px, max_lines):
    face = font(12)
    lines = wrap(text, face, width_px, max_lines)
    assert len(lines) <= max_lines
    assert all(face.getlength(line) <= width_px or len(line) == 1 for line in lines)


def test_shortening_ends_at_a_word():
    face = font(12)
    assert shorten("red hair, blue shirt", face, 70) == "red hair…"
    assert shorten("red", face, 70) == "red"
