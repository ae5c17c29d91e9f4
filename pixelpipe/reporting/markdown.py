"""Markdown from untrusted text: whatever a name or a caption holds, it stays text."""

import html
import re
from collections.abc import Sequence

_SPECIAL = re.compile(r"([\\`*_\[\]|~#$])")
_PLAIN_CODE = re.compile(r"[A-Za-z0-9 ._@:/+=,-]+")
_LINE_START = re.compile(r"^(\s*)([-+>]|\d+[.)])(?=\s)")


def text(value: object) -> str:
    """Inline text on one line; HTML and every Markdown sign in it is escaped."""
    folded = " ".join(str(value).split())
    escaped = _SPECIAL.sub(r"\\\1", html.escape(folded, quote=False))
    return _LINE_START.sub(r"\1\\\2", escaped)


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
