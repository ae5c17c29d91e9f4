"""What a generated text needs before it is a caption: repetition taken out, a length that CLIP reads, never empty."""

import re
from collections.abc import Callable

from pixelpipe.captions.phrases import phrases
from pixelpipe.captions.tokens import TokenBudget

EMPTY, REPEATED, CUT = "empty", "repeated", "cut"
MAX_LOOP = 8  # words of a phrase that a model may run on with
_PREAMBLE = re.compile(
    r"^(?:(?:sure|certainly|okay)[,.!:]?\s*)?(?:here(?:'s| is| are)[^:]{0,60}:\s*)?"
    r"(?:(?:the|this) (?:image|picture|sprite|pixel art)(?: sprite| image)? (?:shows|depicts|features|is of|is)\s+)?",
    re.IGNORECASE,
)


def mend(
    text: str, instead: Callable[[], str], trigger: str | None, budget: TokenBudget
) -> tuple[str, tuple[str, ...]]:
    """The caption, and what had to be mended: of "empty", "repeated", "cut".

    `instead` gives the caption where the model said nothing that has a letter in it.
    """
    notes = []
    said = _PREAMBLE.sub("", " ".join(text.split())).strip(" .\"'")
    without_loop = _without_loops(said)
    distinct = ", ".join(dict.fromkeys(phrase.rstrip(".") for phrase in phrases(without_loop)))
    if len(distinct) < len(", ".join(phrase.rstrip(".") for phrase in phrases(said))):
        notes.append(REPEATED)
    if not any(character.isalpha() for character in distinct):
        distinct, notes = instead(), [EMPTY]
    room = distinct if trigger is None else f"{trigger}, {distinct}"
    short = budget.shortened(room)
    if short != room:
        notes.append(CUT)
    return (short if trigger is None else short[len(trigger) :].lstrip(" ,")), tuple(notes)


def _without_loops(text: str) -> str:
    """Words that are said again right away ("a red a red a red"), once."""
    words = text.split(" ")
    kept: list[str] = []
    for word in words:
        kept.append(word)
        for length in range(1, min(MAX_LOOP, len(kept) // 2) + 1):
            if [w.casefold() for w in kept[-length:]] == [w.casefold() for w in kept[-2 * length : -length]]:
                del kept[-length:]
                break
    return " ".join(kept)
