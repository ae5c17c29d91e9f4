"""Escaping and rounding."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pixelpipe.keys import experiment_key
from pixelpipe.reporting.documents import write_documents
from pixelpipe.reporting.figures import duration, epoch_range, interval, number, p_value, percent, span, usd
from pixelpipe.reporting.markdown import code, text
from tasks.reporting import _for_the_ui


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


def test_what_looks_like_a_link_stays_text_in_prefects_ui(store, fill, parse):
    """There the verdict's own links become places, and its pictures data URIs; a user's are neither."""
    name = "[x](evil/path) ![y](contact_sheet.png) <b>&amp;</b> שלום 🎨"
    experiment_id = fill.run(fill.config("one"), [30, 28, 26, 24])
    fill.experiment = fill.experiment.model_copy(update={"name": name})
    fill.status("promoted", "first_baseline", f"Because of {name}")
    write_documents(store, experiment_id)
    verdict = store.read(experiment_key(experiment_id, "verdict.md")).decode()
    found = parse(MarkdownIt("commonmark").enable("table").render(_for_the_ui(store, experiment_id, verdict)))
    assert found.text.startswith(f"{name}: PROMOTED")
    assert f"Because of {name}" in found.text
    assert [value[:21] for value in found.values("src", "href")] == ["data:image/png;base64"] * 2
    assert f"Configuration: {store.uri(experiment_key(experiment_id, 'config.yaml'))}" in found.text


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
