"""The lint as one HTML file that loads nothing: terms, and the worst captions beside their sprites."""

import base64
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from jinja2 import Environment, FileSystemLoader, select_autoescape

from pixelpipe.captions.findings import RULES, Finding, LintReport, Term
from pixelpipe.data.png import encode_png

WORST = 60  # captions that are shown
TERMS = 80


def lint_page(report: LintReport, sprites: Mapping[str, npt.NDArray[np.uint8]], title: str) -> str:
    """`sprites` by file name, (g, g, 3) uint8. Every text of the user's is escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=select_autoescape(default=True), trim_blocks=True
    )
    by_file: dict[str, list[Finding]] = {}
    for finding in report.findings:
        by_file.setdefault(finding.file_name, []).append(finding)
    ranked = sorted(by_file, key=lambda name: (-_weight(by_file[name]), name))
    worst = [name for name in ranked if _weight(by_file[name])]
    cards = [_card(name, report.captions[name], by_file[name], sprites[name]) for name in worst[:WORST]]
    flagged = [term for term in report.terms if term.num_flagged and term.text != "late words"]
    examples = {f.term: f for f in reversed(report.findings)}
    return environment.get_template("lint_page.html").render(
        title=title,
        report=report,
        num_captions=len(report.captions),
        rules=[(rule, count, RULES[rule]) for rule, count in report.counts().items()],
        terms=[_term(term, examples, sprites) for term in flagged[:TERMS]],
        supported=[_interval(term) for term in report.terms if term.status == "supported"][:TERMS],
        cards=cards,
        num_worst=len(worst),
    )


def _weight(findings: list[Finding]) -> float:
    """What is worst stands first; words that only stand late are no reason to look."""
    weights = {"error": 5.0, "warning": 1.0}
    return sum(weights[finding.severity] for finding in findings if finding.rule != "late")


def _card(name: str, caption: str, findings: list[Finding], sprite: npt.NDArray[np.uint8]) -> dict[str, Any]:
    return {"name": name, "png": _png(sprite), "pieces": list(_pieces(caption, findings)), "findings": findings}


def _pieces(caption: str, findings: list[Finding]) -> Iterator[tuple[str, str]]:
    """(text, rule) of the caption in order; "" for what nothing is said of."""
    rule_at = [""] * len(caption)
    for finding in findings:
        for start, end in finding.spans:
            rule_at[start:end] = [finding.rule] * (min(end, len(caption)) - start)
    start = 0
    for position in range(1, len(caption) + 1):
        if position == len(caption) or rule_at[position] != rule_at[start]:
            yield caption[start:position], rule_at[start]
            start = position


def _term(term: Term, examples: Mapping[str, Finding], sprites: Mapping[str, npt.NDArray[np.uint8]]) -> dict[str, Any]:
    finding = examples[term.text]
    return _interval(term) | {"reason": finding.reason, "rule": finding.rule, "size_px": finding.size_px,
                              "png": _png(sprites[finding.file_name])}  # fmt: skip


def _interval(term: Term) -> dict[str, Any]:
    """A term with its AUC's interval as left and width in percent of the scale from 0 to 1."""
    support = term.support
    bar = (
        None if support is None else (100 * support.low, max(100 * (support.high - support.low), 1), 100 * support.auc)
    )
    return {"term": term, "support": support, "bar": bar}


def _png(sprite: npt.NDArray[np.uint8]) -> str:
    return "data:image/png;base64," + base64.b64encode(encode_png(sprite)).decode()
