"""Terms that a grid of this size should not carry: what size table and lexicon say, before a pixel is asked."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pixelpipe.captions.grammar import Segment, Word, parse
from pixelpipe.captions.lexicon import (
    COVERS,
    FINE,
    HIDDEN,
    HIDING,
    LIGHT,
    LIGHT_PHRASES,
    SHOWS_BEHIND,
    SMALL_SHAPES,
    SURFACES,
    VAGUE,
)
from pixelpipe.captions.regions import PLACES
from pixelpipe.captions.sizes import MIN_PX, SIZES, Framing, Size, cell_mm, in_px

MAX_WORDS = 3  # of an entry of the lists


@dataclass(frozen=True, slots=True)
class Prior:
    """One term of one caption that the grid should not carry."""

    term: str  # as it is counted over captions, e.g. "thin … frame"
    rule: Literal["size", "lexicon"]
    spans: tuple[tuple[int, int], ...]  # characters that a fixed caption goes without
    head: str  # the noun that the term stands with
    modifies: bool  # it is measured among images that have `head`; else among those that have `host`
    host: str
    reason: str
    size_px: float | None


def find_priors(caption: str, grid: int, framing: Framing) -> list[Prior]:
    """In the caption's order; no two of the same words."""
    found: list[Prior] = []
    for phrase in parse(caption):
        for index, segment in enumerate(phrase):
            before = phrase[index - 1] if index else None
            for prior in _of_segment(segment, before, grid, framing):
                found.append(prior)
    return [p for i, p in enumerate(found) if not any(_covers(q, p, j < i) for j, q in enumerate(found) if j != i)]


def _of_segment(segment: Segment, before: Segment | None, grid: int, framing: Framing) -> Iterator[Prior]:
    """The widest first: what hides, parts by size, then single words."""
    yield from _hidden(segment, before, grid, framing)
    units = _units(segment)
    yield from _parts(segment, units, grid, framing)
    yield from _fine(segment, units, grid, framing)
    yield from _words(segment, units, grid, framing)


def _units(segment: Segment) -> list[tuple[tuple[Word, ...], Size]]:
    """The longest entries of the size table in a segment, left to right."""
    units, index = [], 0
    while index < len(segment.words):
        for length in range(min(MAX_WORDS, len(segment.words) - index), 0, -1):
            words = segment.words[index : index + length]
            size = SIZES.get(" ".join(word.text for word in words))
            if size is not None:
                units.append((words, size))
                index += length - 1
                break
        index += 1
    return units


def _hidden(segment: Segment, before: Segment | None, grid: int, framing: Framing) -> Iterator[Prior]:
    head = segment.head
    if (
        before is not None
        and segment.connector in HIDING
        and head.text in COVERS
        and before.head.text not in SHOWS_BEHIND
    ):
        size = SIZES.get(before.head.text)
        px = None if size is None else in_px(size.mm, grid, framing)
        yield Prior(
            term=f"{before.head.text} {segment.connector} {head.text}",
            rule="lexicon",
            spans=((before.words[0].start, head.end),),
            head=before.head.text,
            modifies=False,
            host=before.host or head.text,
            reason=f"what is {segment.connector} a {head.text} is not in the picture{_and_size(size, px)}",
            size_px=px,
        )
    for word in segment.words:
        if word.text in HIDDEN:
            yield _word(segment, word, f"{word.text!r} is what a picture does not show", None)


def _parts(
    segment: Segment, units: list[tuple[tuple[Word, ...], Size]], grid: int, framing: Framing
) -> Iterator[Prior]:
    for words, size in units:
        px = in_px(size.mm, grid, framing)
        if px is None or px >= MIN_PX or _is_rim_of_glasses(words):
            continue
        if framing == "figure" and (not segment.host or segment.connector == "of"):  # "orb of eyes" is the subject
            continue
        is_head = words[-1] is segment.head
        yield Prior(
            term=" ".join(word.text for word in words),
            rule="size",
            spans=((segment.words[0].start if is_head else words[0].start, words[-1].end),),
            head=segment.head.text,
            modifies=not is_head,
            host=segment.host,
            reason=_size_reason(size, px, grid, framing),
            size_px=px,
        )


def _is_rim_of_glasses(words: tuple[Word, ...]) -> bool:
    """ "frames" by itself is another word for glasses, which are drawn; only thin ones ask for the rim."""
    return words[-1].text in ("frame", "rim", "wire")


def _fine(segment: Segment, units: list[tuple[tuple[Word, ...], Size]], grid: int, framing: Framing) -> Iterator[Prior]:
    for word in segment.modifiers:
        if word.text not in FINE:
            continue
        size = next((size for words, size in units if words[-1] is segment.head), None)
        if size is None:
            if framing != "none":
                yield _word(segment, word, f"{word.text!r} asks for less than a cell", None)
            continue
        px = in_px(size.mm, grid, framing)
        thinner = None if px is None else px if px < MIN_PX else px / 2
        if thinner is not None and thinner < MIN_PX:
            yield _word(segment, word, _size_reason(size, thinner, grid, framing), thinner, "size")


def _words(
    segment: Segment, units: list[tuple[tuple[Word, ...], Size]], grid: int, framing: Framing
) -> Iterator[Prior]:
    text = segment.text
    for phrase in LIGHT_PHRASES:
        if phrase in text:
            yield _whole(segment, phrase, "a light or lens effect needs finer steps than a sprite's palette has")
    for word in segment.words:
        if word.text in SURFACES:
            size = next((size for words, size in units if words[-1] is segment.head and word is not segment.head), None)
            small = size is not None and size.mm < 10
            mm = size.mm if size is not None and small else SURFACES[word.text]
            px = in_px(mm, grid, framing)
            what = f"on {size.what}" if size is not None and small else "as a texture"
            yield _word(segment, word, f"a surface shows {what} of {mm:g} mm{_px(px)}", px)
        elif word.text in LIGHT:
            yield _whole(segment, word.text, "a light or lens effect needs finer steps than a sprite's palette has")
        elif segment.host and word.text in SMALL_SHAPES and segment.head.text not in PLACES:
            yield _word(segment, word, SMALL_SHAPES[word.text], None)


def _word(
    segment: Segment, word: Word, reason: str, px: float | None, rule: Literal["size", "lexicon"] = "lexicon"
) -> Prior:
    """A word, with the noun that it describes; the whole segment where it is, or leaves, nothing that can be drawn."""
    head = segment.head
    if word is head or head.text in VAGUE:
        return _whole(segment, segment.text if word is not head else word.text, reason, px)
    follows = segment.words.index(word) + 1 < len(segment.words) - 1
    term = f"{word.text} … {head.text}" if follows else f"{word.text} {head.text}"
    return Prior(term, rule, ((word.start, word.end),), head.text, True, segment.host, reason, px)


def _whole(segment: Segment, term: str, reason: str, px: float | None = None) -> Prior:
    span = (segment.words[0].start, segment.head.end)
    return Prior(term, "lexicon", (span,), segment.head.text, False, segment.host, reason, px)


def _covers(one: Prior, other: Prior, is_earlier: bool) -> bool:
    """The words of `other` are among those of `one`; of two with the same words the earlier stays."""
    inside = all(any(a <= start and end <= b for a, b in one.spans) for start, end in other.spans)
    return inside and (is_earlier or one.spans != other.spans)


def _size_reason(size: Size, px: float, grid: int, framing: Framing) -> str:
    cell = cell_mm(grid, framing)
    return f"{size.what} is about {size.mm:g} mm: {px:.2f} px where a pixel is {cell:.1f} mm ({size.source})"


def _and_size(size: Size | None, px: float | None) -> str:
    return "" if size is None else f"; {size.what} is about {size.mm:g} mm{_px(px)}"


def _px(px: float | None) -> str:
    return "" if px is None else f" ({px:.2f} px)"
