"""The little grammar of captions: phrases between commas, segments between connecting words, heads, modifiers.

"black glasses with thin temples behind ears" is one phrase of three segments: *glasses* modified by *black*; *temples*
by *thin*, hosted by the glasses; *ears*, introduced by *behind*.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

_PHRASE = re.compile(r"[^,;.!?\n]+")
_DEPTH_OF_FIELD = re.compile("depth of field", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")


def word_set(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


CONNECTORS = word_set("""
    and with without of in on behind under underneath beneath below inside over above at near toward towards from
    for by through between around against into onto along across wearing holding having featuring has is are has-a
    plus or to as showing that which
""")
NOT_CONTENT = word_set("""
    a an the his her its their this these some few several many one two three four pair very quite rather slightly
    lightly really more most
""")
_KEEP_S = word_set("""
    glasses sunglasses overalls lens iris dress cross brass glass moss canvas grass compass cyclops harness mattress
    boss princess goddess countess hibiscus cactus octopus walrus virus gas bus plus chess abyss crosshatch trellis
    ibis us this is always shoes eyeglasses headdress sorceress lioness tigress jess bias pants trousers shorts
    jeans
""")


@dataclass(frozen=True, slots=True)
class Word:
    text: str  # lower case, singular
    start: int  # characters of the caption
    end: int


@dataclass(frozen=True, slots=True)
class Segment:
    words: tuple[Word, ...]  # content words; the last one is the head
    connector: str  # the word that introduces it, "" at the beginning of a phrase
    host: str  # head of the phrase's first segment, "" for that one

    @property
    def head(self) -> Word:
        return self.words[-1]

    @property
    def modifiers(self) -> tuple[Word, ...]:
        return self.words[:-1]

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


def parse(caption: str) -> list[tuple[Segment, ...]]:
    """The segments of every phrase of a caption."""
    caption = _DEPTH_OF_FIELD.sub("depth-of-field", caption)  # one thing, and of the same length
    phrases = (tuple(_segments(caption, match.start(), match.end())) for match in _PHRASE.finditer(caption))
    return [phrase for phrase in phrases if phrase]


def segments(caption: str) -> list[Segment]:
    return [segment for phrase in parse(caption) for segment in phrase]


@cache
def singular(word: str) -> str:
    """ "temples" -> "temple"; only what English nouns in captions need."""
    if (
        word in _KEEP_S
        or len(word) < 4
        or "'" in word
        or "’" in word
        or not word.endswith("s")
        or word.endswith(("ss", "us", "is"))
    ):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("shes", "ches", "xes", "sses", "zes")):
        return word[:-2]
    return {"scarves": "scarf", "wolves": "wolf", "leaves": "leaf", "knives": "knife"}.get(word, word[:-1])


def _segments(caption: str, start: int, end: int) -> Iterator[Segment]:
    connector, host = "", ""
    words: list[Word] = []
    for match in _WORD.finditer(caption, start, end):
        text = match[0].lower()
        if text in CONNECTORS:
            if words:
                yield Segment(tuple(words), connector, host)
                host = host or words[-1].text
                words = []
            connector = text
        elif text not in NOT_CONTENT:
            words.append(Word(singular(text), match.start(), match.end()))
    if words:
        yield Segment(tuple(words), connector, host)
