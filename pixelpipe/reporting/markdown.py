"""Markdown from untrusted text: whatever a name or a caption holds, it stays text."""

import html
import re
from collections.abc import Sequence
from unicodedata import category

_SPECIAL = re.compile(r"([\\`*_\[\]|~#$])")
_UNSEEN = re.compile("[\\u202a-\\u202e\\u2066-\\u2069]")  # they would turn around the text that follows
_PLAIN_CODE = re.compile(r"[A-Za-z0-9 ._@:/+=,-]+")
_LINE_START = re.compile(r"^(\s*)([-+>]|\d+[.)])(?=\s)")


def text(value: object) -> str:
    """Inline text on one line; HTML and every Markdown sign in it is escaped."""
    folded = visible(str(value))
    escaped = _SPECIAL.sub(r"\\\1", html.escape(folded, quote=False))
    return _LINE_START.sub(r"\1\\\2", escaped)


def visible(value: str) -> str:
    """On one line, what cannot be seen as its escape: controls, broken UTF-8, what overrides the writing direction."""
    folded = " ".join(value.split())
    unseen = {character for character in folded if category(character) in ("Cc", "Cs") or _UNSEEN.match(character)}
    return folded.translate({ord(character): character.encode("unicode_escape").decode() for character in unseen})


def code(value: object) -> str:
    """A code span where that is safe: ids, hashes, commands; else escaped text."""
    folded = " ".join(str(value).split())
    return f"`{folded}`" if _PLAIN_CODE.fullmatch(folded) else text(folded)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """A pipe table of cells that are Markdown already; columns in `right` are aligned to the right."""
    rule = ["---:" if column in right else "---" for column in range(len(header))]
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, rule, *rows])


def bullets(items: Sequence[str]) -> str:
    return "\n".join(f"- {item}" for item in items)
