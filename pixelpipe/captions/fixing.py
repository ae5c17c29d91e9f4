"""A caption without the words that the lint found, in the order that CLIP reads best."""

from collections.abc import Sequence

from pixelpipe.captions.findings import Finding
from pixelpipe.captions.grammar import CONNECTORS, NOT_CONTENT
from pixelpipe.captions.phrases import phrases, put_first
from pixelpipe.captions.tokens import TokenBudget

_LOOSE = CONNECTORS | NOT_CONTENT
CUT_RULES = frozenset({"size", "lexicon", "measured", "color", "color_bleed", "markup"})  # what is false or unseen


def fixed_caption(
    caption: str, findings: Sequence[Finding], budget: TokenBudget, trigger: str | None = None, keep_tokens: int = 0
) -> str:
    """The caption without what cannot be drawn, the trigger first, within CLIP's tokens; never empty.

    The first `keep_tokens` phrases stay as they are (sd-scripts' `keep_tokens`). Nothing else moves: without the
    words that are cut, those that can be drawn stand earlier.
    """
    kept, rest = _split(caption, keep_tokens)
    spans = [span for finding in findings if finding.rule in CUT_RULES for span in finding.spans]
    remaining = [_without(phrase, start, spans) for phrase, start in rest]
    fixed = put_first(", ".join([*kept, *filter(None, remaining)]), trigger)
    return budget.shortened(fixed or trigger or phrases(caption)[0])


def _split(caption: str, keep_tokens: int) -> tuple[list[str], list[tuple[str, int]]]:
    """The phrases that stay, and the others with the character at which each begins."""
    located, position = [], 0
    for phrase in phrases(caption):
        position = caption.index(phrase, position)
        located.append((phrase, position))
        position += len(phrase)
    return [phrase for phrase, _ in located[:keep_tokens]], located[keep_tokens:]


def _without(phrase: str, start: int, spans: Sequence[tuple[int, int]]) -> str:
    """A phrase, which begins at `start`, without the characters of the caption in `spans`."""
    end = start + len(phrase)
    inside = [(max(a, start) - start, min(b, end) - start) for a, b in spans if a < end and b > start]
    if not inside:
        return phrase
    letters = list(phrase)
    for a, b in inside:
        letters[a:b] = " " * (b - a)
    return " ".join(_tidy("".join(letters).split())).strip(" .")


def _tidy(words: Sequence[str]) -> list[str]:
    """Without connecting words and articles that have nothing behind them, or nothing before them."""
    tidy: list[str] = []
    for word in words:
        if _is_connector(word):
            while tidy and _is_loose(tidy[-1]):
                tidy.pop()
        tidy.append(word)
    while tidy and _is_loose(tidy[-1]):
        tidy.pop()
    while tidy and _is_connector(tidy[0]):
        tidy.pop(0)
    return tidy


def _is_loose(word: str) -> bool:
    return word.strip(".!?").lower() in _LOOSE or not word.strip(".!?")


def _is_connector(word: str) -> bool:
    return word.lower() in CONNECTORS
