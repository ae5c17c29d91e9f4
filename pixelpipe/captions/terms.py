"""Which terms captions hold, and the support that the pixels give to those that occur often enough.

A noun is measured among all images, or, where it hangs on another ("glasses with nose pads"), among images with that
other one. A modifier is measured among images that have its noun.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pixelpipe.captions.evidence import MIN_IMAGES, PixelEvidence, Support
from pixelpipe.captions.grammar import Segment, segments
from pixelpipe.captions.priors import Prior

MAX_TERMS = 400  # the commonest; each takes a tenth of a second

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Measured:
    support: Support | None
    among: str  # "among images with glasses"


@dataclass(frozen=True, slots=True)
class _Question:
    """A term, the captions that have it, and the nouns it is compared among (none: all captions)."""

    rows: frozenset[int]
    nouns: frozenset[str]


class TermIndex:
    """Nouns ("earring") and modified nouns ("red hair") of every caption, and where they stand."""

    def __init__(self, captions: Sequence[str]) -> None:
        self.num_captions = len(captions)
        self._of_row: list[list[tuple[str, Span]]] = []
        self._rows: dict[str, set[int]] = defaultdict(set)
        self._nouns: dict[str, set[int]] = defaultdict(set)
        self._hosts: dict[str, Counter[str]] = defaultdict(Counter)
        self._head_of: dict[str, str] = {}
        for row, caption in enumerate(captions):
            self._of_row.append([])
            for segment in segments(caption):
                self._add(row, segment)

    def of(self, row: int) -> list[tuple[str, Span]]:
        """Terms of a caption with their characters."""
        return self._of_row[row]

    def rows(self, term: str) -> set[int]:
        return self._rows.get(term, set())

    def with_nouns(self, nouns: frozenset[str]) -> set[int]:
        return set().union(*(self._nouns.get(noun, set()) for noun in nouns))

    def questions(self) -> dict[str, _Question]:
        """Terms that enough captions have, and enough have not; the commonest first."""
        most = self.num_captions - MIN_IMAGES
        common = {term: rows for term, rows in self._rows.items() if MIN_IMAGES <= len(rows) <= most}
        ranked = sorted(common, key=lambda term: (-len(common[term]), term))[:MAX_TERMS]
        return {term: _Question(frozenset(common[term]), self._compared_among(term)) for term in ranked}

    def _compared_among(self, term: str) -> frozenset[str]:
        if (head := self._head_of[term]) != term:
            return frozenset([head])
        hosts = self._hosts[term]
        return frozenset(hosts) if sum(hosts.values()) > len(self._rows[term]) / 2 else frozenset()

    def _add(self, row: int, segment: Segment) -> None:
        head = segment.head
        self._nouns[head.text].add(row)
        self._put(row, head.text, head.text, (segment.words[0].start, head.end))
        if segment.host:
            self._hosts[head.text][segment.host] += 1
        for word in segment.modifiers:
            self._put(row, f"{word.text} {head.text}", head.text, (word.start, word.end))

    def _put(self, row: int, term: str, head: str, span: Span) -> None:
        self._of_row[row].append((term, span))
        self._rows[term].add(row)
        self._head_of[term] = head


def measure_terms(
    index: TermIndex, priors: Sequence[Sequence[Prior]], evidence: PixelEvidence, chosen: npt.NDArray[np.int64]
) -> dict[str, Measured]:
    """Support of every term that occurs often enough, by term; `chosen` are the rows that `evidence` holds."""
    questions = index.questions() | _of_priors(priors)
    measured: dict[str, Measured] = {}
    answers: dict[_Question, Measured] = {}  # "smooth gradient" and "atmospheric gradient" may be one
    for term, question in questions.items():
        if question in answers:
            measured[term] = answers[question]
            continue
        with_term = np.isin(chosen, list(question.rows))
        among = np.ones(len(chosen), dtype=bool)
        if question.nouns:
            among = np.isin(chosen, list(index.with_nouns(question.nouns))) | with_term
        measured[term] = answers[question] = Measured(evidence.measure(with_term, among), _among(question.nouns))
    return measured


def _of_priors(priors: Sequence[Sequence[Prior]]) -> dict[str, _Question]:
    """What a prior doubts is asked of the pixels under its own conditions."""
    rows: dict[str, set[int]] = defaultdict(set)
    nouns: dict[str, set[str]] = defaultdict(set)
    free: Counter[str] = Counter()
    for row, own in enumerate(priors):
        for prior in own:
            rows[prior.term].add(row)
            if prior.modifies:
                nouns[prior.term].add(prior.head)
            elif prior.host:
                nouns[prior.term].add(prior.host)
            else:
                free[prior.term] += 1
    mostly_free = {term for term in rows if free[term] > len(rows[term]) / 2}
    return {
        term: _Question(frozenset(own), frozenset() if term in mostly_free else frozenset(nouns[term]))
        for term, own in rows.items()
        if len(own) >= MIN_IMAGES
    }


def _among(nouns: frozenset[str]) -> str:
    if not nouns:
        return "among all images"
    listed = sorted(nouns)
    return f"among images with {', '.join(listed[:4])}" + (f" and {len(listed) - 4} more" if len(listed) > 4 else "")
