"""Near-identical sprites whose captions contradict each other: at least one of the two is wrong."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from pixelpipe.captions.color_words import COLOR_WORDS
from pixelpipe.captions.findings import Finding
from pixelpipe.captions.grammar import parse, segments
from pixelpipe.captions.regions import PLACES

MAX_PER_SPRITE = 1  # of a sprite that repeats often: the first says it

_OPPOSITES = (
    "long short", "open closed", "left right", "big small", "large small", "huge tiny", "old young", "male female",
    "man woman", "boy girl", "smile frown", "bald hair", "light dark", "pale dark", "happy sad", "up down",
    "front back", "curly straight", "clean bearded", "day night", "empty full", "standing sitting",
)  # fmt: skip
OPPOSITES = {frozenset(pair.split()) for pair in _OPPOSITES}


def contradictions(names: Sequence[str], captions: Sequence[str], pairs: Sequence[tuple[int, int]]) -> list[Finding]:
    """A finding for the later sprite of every near-identical pair (i, j) that contradicts the earlier one."""
    findings, seen = [], set()
    constant = _constant_phrases(captions)
    for first, second in pairs:
        if second in seen or (difference := contradiction(captions[first], captions[second], constant)) is None:
            continue
        seen.add(second)
        term, words, other = difference
        reason = f"{names[first]} is nearly the same picture and says {other!r}"
        findings.append(Finding(names[second], "contradiction", "warning", term, words, reason))
    return findings


def contradiction(first: str, second: str, constant: frozenset[str] = frozenset()) -> tuple[str, str, str] | None:
    """(what is contradicted, words of the second, words of the first), or None.

    Two colors of one thing; opposite words; or subjects that share no word at all.
    """
    ours, theirs = _colors(second), _colors(first)
    for noun in sorted(ours.keys() & theirs.keys()):
        if not _compatible(ours[noun], theirs[noun]):
            return noun, f"{' '.join(sorted(ours[noun]))} {noun}", f"{' '.join(sorted(theirs[noun]))} {noun}"
    our_words, their_words = _vocabulary(second, constant), _vocabulary(first, constant)
    for word in sorted(our_words - their_words):
        for other in sorted(their_words - our_words):
            if frozenset((word, other)) in OPPOSITES:
                return f"{word}/{other}", word, other
    if our_words and their_words and not our_words & their_words:
        subjects = [", ".join(_varying_phrases(caption, constant)) for caption in (second, first)]
        return "subject", subjects[0], subjects[1]
    return None


def _colors(caption: str) -> dict[str, set[str]]:
    """Thing -> colors that stand before it."""
    colors: dict[str, set[str]] = defaultdict(set)
    for segment in segments(caption):
        for word in segment.modifiers:
            if word.text in COLOR_WORDS:
                colors[PLACES.get(segment.head.text, segment.head.text)].add(word.text)
    return colors


def _compatible(ours: set[str], theirs: set[str]) -> bool:
    """Some color of each may look alike: "red" and "crimson" do not contradict each other."""
    if ours & theirs:
        return True
    return any(COLOR_WORDS[one] == COLOR_WORDS[other] for one in ours for other in theirs)


def _constant_phrases(captions: Sequence[str]) -> frozenset[str]:
    """Phrases of more than half of the captions: style and trigger, no subject."""
    counts: dict[str, int] = defaultdict(int)
    for caption in captions:
        for phrase in {_phrase_text(caption, phrase) for phrase in parse(caption)}:
            counts[phrase] += 1
    return frozenset(phrase for phrase, count in counts.items() if count > len(captions) / 2 and len(captions) > 2)


def _varying_phrases(caption: str, constant: frozenset[str]) -> Iterator[str]:
    for phrase in parse(caption):
        text = _phrase_text(caption, phrase)
        if text not in constant:
            yield text


def _phrase_text(caption: str, phrase: Sequence) -> str:
    return caption[phrase[0].words[0].start : phrase[-1].head.end].casefold()


def _vocabulary(caption: str, constant: frozenset[str]) -> set[str]:
    return {word.text for text in _varying_phrases(caption, constant) for s in segments(text) for word in s.words}
