"""What the lint says: findings of one caption each, terms over all captions, and the report that holds both."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pixelpipe.captions.evidence import Support

Rule = Literal[
    "budget", "size", "lexicon", "measured", "color", "color_bleed", "contradiction",
    "late", "trigger", "markup", "script",
]  # fmt: skip
Severity = Literal["error", "warning"]

RULES: dict[str, str] = {
    "budget": "the words after CLIP's 75 tokens are never read",
    "size": "smaller than half a cell, and the pixels do not support it",
    "lexicon": "a surface, effect or hidden thing, and the pixels do not support it",
    "measured": "the pixels cannot tell images with the term from images without it",
    "color": "no pixels of the claimed color where it should be",
    "color_bleed": "one color is claimed for two things, and only one of them has it",
    "contradiction": "a near-identical sprite says otherwise",
    "late": "words for what can be drawn stand where CLIP hardly listens",
    "trigger": "the trigger words do not stand first",
    "markup": "HTML, escapes or control signs are read as words",
    "script": "CLIP's vocabulary is English: other scripts are spelled out byte by byte",
}


@dataclass(frozen=True, slots=True)
class Finding:
    file_name: str
    rule: Rule
    severity: Severity
    term: str  # as counted over captions
    words: str  # as they stand in this caption
    reason: str
    spans: tuple[tuple[int, int], ...] = ()  # characters that a fixed caption goes without; none: nothing to cut
    size_px: float | None = None

    def row(self) -> dict[str, object]:
        return {
            "file_name": self.file_name,
            "rule": self.rule,
            "severity": self.severity,
            "term": self.term,
            "words": self.words,
            "size_px": None if self.size_px is None else round(self.size_px, 3),
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Term:
    """One term over all captions."""

    text: str
    num_captions: int
    num_flagged: int
    support: Support | None  # None: too few captions with it, or comparable ones without
    among: str  # what it was measured among

    @property
    def status(self) -> str:
        return "not measured" if self.support is None else self.support.status

    def row(self) -> dict[str, object]:
        s = self.support
        return {
            "term": self.text,
            "captions": self.num_captions,
            "flagged": self.num_flagged,
            "status": self.status,
            "auc": None if s is None else round(s.auc, 3),
            "auc_low": None if s is None else round(s.low, 3),
            "auc_high": None if s is None else round(s.high, 3),
            "measured_among": self.among,
        }


@dataclass(frozen=True, slots=True)
class LintReport:
    grid: int
    framing: str
    captions: dict[str, str]  # by file name
    findings: tuple[Finding, ...]  # in the order of `captions`
    terms: tuple[Term, ...]  # the most flagged first
    num_tokens: dict[str, int]

    @property
    def num_flagged(self) -> int:
        """Captions with a finding; words that only stand late are none."""
        return len({finding.file_name for finding in self.findings if finding.rule != "late"})

    def of(self, file_name: str) -> list[Finding]:
        return [finding for finding in self.findings if finding.file_name == file_name]

    def counts(self) -> dict[str, int]:
        """Findings by rule, in the order of `RULES`, without rules that found nothing."""
        return {rule: n for rule in RULES if (n := sum(finding.rule == rule for finding in self.findings))}


def without_parts(findings: Sequence[Finding]) -> list[Finding]:
    """Findings of one caption without those whose words are part of another's; of the same words the first stays."""
    return [
        finding
        for number, finding in enumerate(findings)
        if not any(_is_part(finding, other, earlier=n < number) for n, other in enumerate(findings) if n != number)
    ]


def _is_part(finding: Finding, other: Finding, earlier: bool) -> bool:
    inside = all(any(a <= start and end <= b for a, b in other.spans) for start, end in finding.spans)
    return inside and (earlier or other.spans != finding.spans)
