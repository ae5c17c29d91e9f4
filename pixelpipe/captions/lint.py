"""The renderability lint: which words of which captions the sprites do not carry, each with its evidence."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pixelpipe.analysis.duplicates import near_duplicates
from pixelpipe.captions.claims import check_colors
from pixelpipe.captions.contradictions import contradictions
from pixelpipe.captions.evidence import MAX_SPRITES, PixelEvidence
from pixelpipe.captions.findings import Finding, LintReport, Term, without_parts
from pixelpipe.captions.phrases import phrases
from pixelpipe.captions.priors import Prior, find_priors
from pixelpipe.captions.sizes import Framing
from pixelpipe.captions.terms import Measured, Span, TermIndex, measure_terms
from pixelpipe.captions.tokens import ATTENDED, BUDGET, TokenBudget

_MARKUP = re.compile(r"<[a-zA-Z/!][^>]*>|&[a-zA-Z]{2,8};|&#\d+;")


@dataclass(frozen=True, slots=True)
class LintOptions:
    """What captions are checked against."""

    grid: int
    framing: Framing
    budget: TokenBudget
    trigger: str | None = None


def lint(
    sprites: npt.NDArray[np.uint8],
    captions: Mapping[str, str],
    options: LintOptions,
    advance: Callable[[int], None] = lambda _: None,
) -> LintReport:
    """`sprites` (N, g, g, 3) uint8, in the order of `captions` by file name. `advance` counts captions that are done.

    Deterministic. Of more than 2,000 sprites as many are measured on; every caption is checked.
    """
    names, texts = list(captions), list(captions.values())
    pairs = near_duplicates(sprites)
    index = TermIndex(texts)
    priors = [find_priors(text, options.grid, options.framing) for text in texts]
    chosen = _measured_on(len(texts))
    evidence = PixelEvidence(sprites[chosen], _groups(len(texts), pairs)[chosen])
    measured = measure_terms(index, priors, evidence, chosen)
    colors = check_colors(sprites, texts)
    can_tell = any(_is_supported(found) for found in measured.values())  # else the classifier is blind to this art
    findings: list[Finding] = []
    for row, (name, text) in enumerate(captions.items()):
        terms, shown = index.of(row), colors.shown[row]
        doubted = [
            *_prior_findings(name, text, priors[row], measured, colors.placed[row]),
            *(_unsupported(name, text, terms, measured, shown) if can_tell else ()),
            *colors.findings(row, name, text),
        ]
        findings += _text_findings(name, text, options)
        findings += without_parts(doubted)
        findings += _late(name, text, terms, measured, shown, options.budget)
        advance(1)
    findings += contradictions(names, texts, pairs)
    order = {name: position for position, name in enumerate(names)}
    findings.sort(key=lambda finding: order[finding.file_name])
    num_tokens = {name: options.budget.num_tokens(text) for name, text in captions.items()}
    terms = _terms(index, priors, measured, findings)
    return LintReport(options.grid, options.framing, dict(captions), tuple(findings), terms, num_tokens)


def _measured_on(num: int) -> npt.NDArray[np.int64]:
    """Rows that terms are measured on: all, or evenly spread ones."""
    return np.unique(np.linspace(0, num - 1, min(num, MAX_SPRITES)).round().astype(np.int64))


def _groups(num: int, pairs: Sequence[tuple[int, int]]) -> npt.NDArray[np.int64]:
    """(N,): near-identical sprites share a number."""
    group = np.arange(num)
    for first, second in pairs:
        group[second] = min(group[first], group[second])
    return group


def _text_findings(name: str, text: str, options: LintOptions) -> Iterator[Finding]:
    """What can be said without looking at a pixel."""
    cut = options.budget.cut(text)
    if cut:
        span = (len(text) - len(cut), len(text))
        shown = cut if len(cut) <= 200 else f"{cut[:200]}..."
        reason = f"{options.budget.num_tokens(text)} tokens, and CLIP reads {BUDGET}: these words are cut"
        yield Finding(name, "budget", "error", "over budget", shown, reason, (span,))
    if options.trigger is not None and not _begins_with(text, options.trigger):
        reason = f"{options.trigger!r} must come first: CLIP attends to the first words most"
        yield Finding(name, "trigger", "warning", options.trigger, phrases(text)[0] if phrases(text) else "", reason)
    if match := _MARKUP.search(text):
        spans = tuple(m.span() for m in _MARKUP.finditer(text))
        yield Finding(name, "markup", "warning", match[0], match[0], "markup is read as words", spans)
    if foreign := "".join(character for character in text if _is_foreign(character)):
        share = len(foreign) / max(sum(character.isalpha() for character in text), 1)
        reason = f"{share:.0%} of the letters are of a script that CLIP's English vocabulary spells out in bytes"
        yield Finding(name, "script", "warning", "other script", foreign[:40], reason)


def _is_foreign(character: str) -> bool:
    return character.isalpha() and not unicodedata.name(character, "LATIN").startswith(("LATIN", "MODIFIER"))


def _begins_with(text: str, trigger: str) -> bool:
    wanted = [phrase.casefold() for phrase in phrases(trigger)]
    return [phrase.casefold() for phrase in phrases(text)][: len(wanted)] == wanted


def _prior_findings(
    name: str, text: str, priors: Sequence[Prior], measured: Mapping[str, Measured], shown: frozenset[Span]
) -> Iterator[Finding]:
    """What the size table or the lexicon doubts, unless the pixels support it."""
    for prior in priors:
        found = measured.get(prior.term)
        if _is_supported(found):
            continue
        if prior.rule == "size" and any(start <= a and b <= end for start, end in shown for a, b in prior.spans):
            continue  # its claimed color has pixels where it should
        reason = prior.reason
        if found is not None and found.support is not None:
            reason += f"; pixels: {found.support} {found.among}"
        words = " … ".join(text[start:end] for start, end in prior.spans)
        yield Finding(name, prior.rule, "warning", prior.term, words, reason, prior.spans, prior.size_px)


def _unsupported(
    name: str,
    text: str,
    terms: Sequence[tuple[str, Span]],
    measured: Mapping[str, Measured],
    shown: frozenset[Span],
) -> Iterator[Finding]:
    """What enough images claim and the pixels cannot tell, whatever the lists say of it."""
    for term, span in terms:
        found = measured.get(term)
        if found is None or found.support is None or found.support.status != "unsupported":
            continue
        if any(start <= span[0] and span[1] <= end for start, end in shown):
            continue
        reason = f"the pixels cannot tell: {found.support} {found.among}"
        yield Finding(name, "measured", "warning", term, text[slice(*span)], reason, (span,))


def _late(
    name: str,
    text: str,
    terms: Sequence[tuple[str, Span]],
    measured: Mapping[str, Measured],
    shown: frozenset[Span],
    budget: TokenBudget,
) -> Iterator[Finding]:
    """Words that the pixels do carry, behind the tokens that CLIP attends to."""
    start = budget.late(text)
    renderable = {span for term, span in terms if _is_supported(measured.get(term))} | shown
    late = sorted(span for span in renderable if start <= span[0] < len(text))
    if late:
        widest = [s for s in late if not any(o[0] <= s[0] and s[1] <= o[1] and o != s for o in late)]
        words = ", ".join(text[first:end] for first, end in widest)
        reason = f"drawn by the sprite, but behind the first {ATTENDED} tokens, which CLIP mostly attends to"
        yield Finding(name, "late", "warning", "late words", words[:200], reason)


def _is_supported(found: Measured | None) -> bool:
    return found is not None and found.support is not None and found.support.status == "supported"


def _terms(
    index: TermIndex, priors: Sequence[Sequence[Prior]], measured: Mapping[str, Measured], findings: Sequence[Finding]
) -> tuple[Term, ...]:
    """Every term that was measured or flagged."""
    in_captions: dict[str, set[int]] = defaultdict(set)
    for row, own in enumerate(priors):
        for prior in own:
            in_captions[prior.term].add(row)
    for term in measured:
        in_captions[term] |= index.rows(term)
    flagged = Counter(term for term, _ in {(finding.term, finding.file_name) for finding in findings})
    for finding in findings:
        in_captions.setdefault(finding.term, set()).update(index.rows(finding.term))
    terms = [
        Term(
            text=term,
            num_captions=max(len(rows), flagged[term]),
            num_flagged=flagged[term],
            support=measured[term].support if term in measured else None,
            among=measured[term].among if term in measured else "",
        )
        for term, rows in in_captions.items()
    ]
    return tuple(sorted(terms, key=lambda term: (-term.num_flagged, -term.num_captions, term.text)))
