"""Pages from templates and from Markdown. Whatever a text of the user's holds, it stays text: escaping is the default.

Markdown is that of `reporting.markdown`, whose texts are escaped already; HTML in it is never passed through.
"""

import base64
import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from pixelpipe.reporting.figures import number, share, usd

TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, **values: Any) -> str:
    """A page of `templates/`; a value that the template names and nobody gives is an error."""
    return _environment().get_template(template).render(**values)


def html_of(markdown: str) -> Markup:
    """Markdown (CommonMark with tables) as HTML; wide tables scroll by themselves, by keyboard too."""
    found = _markdown().render(markdown).replace("<table>", '<div class="scroll"><table>')
    return Markup(found.replace("</table>", "</table></div>"))  # the renderer passes no HTML through


def script_source(script: str) -> str:
    """What the page's policy must name, so that this script runs and no other."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def section(markdown: str) -> tuple[str, Markup]:
    """(heading, HTML of the rest) of a section that begins with "## heading"."""
    heading, _, body = markdown.partition("\n")
    assert heading.startswith("## "), f"a section begins with its heading, not {heading!r}"
    return heading.removeprefix("## "), html_of(body)


def inline(markdown: str) -> Markup:
    """One line of Markdown as HTML without a paragraph around it."""
    return Markup(_markdown().renderInline(markdown))


def asset(name: str) -> Markup:
    """A style sheet or script of ours, to stand inside the page."""
    source = (TEMPLATES / name).read_text(encoding="utf-8")
    assert not re.search(r"</(script|style)", source, re.IGNORECASE), f"{name} would end its own element"
    return Markup(source)  # a file of this package


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset"] = asset
    environment.filters |= {"number": number, "usd": usd, "share": share}
    return environment


@lru_cache(maxsize=1)
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table")
