"""Text on pictures: the DejaVu fonts that matplotlib brings along, so that every machine draws the same pixels."""

import bisect
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import matplotlib
from matplotlib.ft2font import FT2Font
from PIL.ImageFont import FreeTypeFont, Layout, truetype

ELLIPSIS, MISSING = "…", "□"
INK, SOFT, FAINT, PAPER, CARD = "#1f2328", "#59636e", "#d8dde3", "#ffffff", "#f4f6f8"


def drawable(text: str) -> str:
    """The text with a box for every character that the font lacks, such as emoji: matplotlib warns of them."""
    return "".join(character if ord(character) in _glyphs() else MISSING for character in text)


@lru_cache(maxsize=1)
def _glyphs() -> frozenset[int]:
    """Code points of the bold font, which has fewer than the regular one."""
    return frozenset(FT2Font(str(_path(bold=True))).get_charmap())


@lru_cache(maxsize=32)
def font(size_px: int, bold: bool = False) -> FreeTypeFont:
    return truetype(str(_path(bold)), size_px, layout_engine=Layout.BASIC)


def _path(bold: bool) -> Path:
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name


def wrap(text: str, face: FreeTypeFont, width_px: int, max_lines: int) -> list[str]:
    """Lines of at most `width_px`: a word too long for one is cut, a text too long for all gets an ellipsis."""
    lines: list[str] = []
    words = [piece for word in text.split() for piece in _pieces(word, face, width_px)]
    for word in words:
        if lines and face.getlength(f"{lines[-1]} {word}") <= width_px:
            lines[-1] = f"{lines[-1]} {word}"
        else:
            lines.append(word)
    if len(lines) <= max_lines:
        return lines
    return [*lines[: max_lines - 1], shorten(" ".join(lines[max_lines - 1 :]), face, width_px)]


def shorten(text: str, face: FreeTypeFont, width_px: int) -> str:
    """The text, or as many of its words (of one word: letters) as fit with an ellipsis."""
    if face.getlength(text) <= width_px:
        return text
    cut = text[: _fitting(text, face, width_px - face.getlength(ELLIPSIS))]
    whole_words = cut if text[len(cut)] == " " else cut.rpartition(" ")[0]
    return (whole_words or cut).rstrip(" ,;") + ELLIPSIS


def common_ends(texts: Sequence[str]) -> tuple[int, int]:
    """Number of leading and of trailing words that all texts share; every text keeps at least one word between."""
    words = [text.split() for text in texts]
    room = min((len(each) for each in words), default=0) - 1
    if len(set(texts)) < 2:
        return 0, 0
    leading = 0
    while leading < room and len({each[leading] for each in words}) == 1:
        leading += 1
    trailing = 0
    while leading + trailing < room and len({each[-1 - trailing] for each in words}) == 1:
        trailing += 1
    return leading, trailing


def _pieces(word: str, face: FreeTypeFont, width_px: int) -> list[str]:
    pieces = []
    while face.getlength(word) > width_px and len(word) > 1:
        end = max(_fitting(word, face, width_px), 1)
        pieces.append(word[:end])
        word = word[end:]
    return [*pieces, word] if word else pieces


def _fitting(text: str, face: FreeTypeFont, width_px: float) -> int:
    """Number of leading characters that are at most `width_px` wide together."""
    return bisect.bisect_right(range(len(text)), width_px, lo=1, key=lambda end: face.getlength(text[:end])) - 1
