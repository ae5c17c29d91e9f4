"""Escaping and rounding."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelpipe.reporting.figures import duration, epoch_range, interval, number, p_value, percent, span, usd
from pixelpipe.reporting.markdown import code, text


@given(st.text())
def test_no_text_can_leave_its_cell(value):
    for shown in (text(value), code(value)):
        assert "\n" not in shown
        assert "<" not in shown
        assert "|" not in shown.replace("\\|", "")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a_b*c", "a\\_b\\*c"),
        ("1. x", "\\1. x"),
        ("- x", "\\- x"),
        ("a & b", "a &amp; b"),
        ("back\\slash", "back\\\\slash"),
    ],
)
def test_signs(value, shown):
    assert text(value) == shown


def test_code_spans_only_where_they_are_safe():
    assert code("a-1@3") == "`a-1@3`"
    assert code("a`b|c") == "a\\`b\\|c"


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (number(20.44), "20.4"),
        (number(18.0), "18"),
        (number(None), "–"),
        (number(math.nan), "–"),
        (percent(0.833), "+83%"),
        (percent(-0.004), "-0.4%"),
        (percent(0.0996), "+10%"),
        (interval(None, 0.2), "unbounded to +20%"),
        (interval(None, None), "unbounded"),
        (p_value(0.00001), "< 0.0001"),
        (p_value(0.00625), "0.0063"),
        (span([395.7, 449.7, None], number), "395.7 - 449.7"),
        (span([216.6, 216.6], number), "216.6"),
        (span([], number), "–"),
        (epoch_range([1, 2, 3]), "epochs 1-3"),
        (epoch_range([2]), "epoch 2"),
        (usd(0), "$0.00"),
        (usd(0.0044), "$0.0044"),
        (usd(0.00001), "under $0.0001"),
        (usd(3.456), "$3.46"),
        (duration(3.2), "3.2 s"),
        (duration(1800), "30 min"),
        (duration(9000), "2.5 h"),
    ],
)
def test_figures(shown, expected):
    assert shown == expected
