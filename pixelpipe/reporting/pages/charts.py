"""The plot as SVG that stands in a page: its text is text, and its colors are the page's, in light and dark."""

import io
import re

from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG

from pixelpipe.reporting import plots
from pixelpipe.reporting.description import Description

WIDE_IN, NARROW_IN = (8.0, 5.0), (3.9, 5.4)
COLORS = {
    plots.BLUE: "candidate",
    plots.VERMILION: "baseline",
    plots.PURPLE: "limit",
    plots.GRAY: "soft",
    plots.INK: "ink",
    plots.SPINE: "edge",
    plots.LINE: "line",
    plots.BAND: "band",
    "#ffffff": "paper",
}
"""Color of the plot -> custom property of the page's style sheet."""


def metric_charts(description: Description) -> tuple[Markup, Markup]:
    """The same plot for a wide page and for a phone; the same description gives the same text."""
    return _svg(description, WIDE_IN, 2, "wide"), _svg(description, NARROW_IN, 1, "narrow")


def _svg(description: Description, size_in: tuple[float, float], legend_columns: int, name: str) -> Markup:
    figure = plots.metric_figure(description, size_in, legend_columns)
    figure.patch.set_visible(False)
    for axes in figure.axes:
        axes.patch.set_visible(False)
    buffer = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):  # no other way to say so
        FigureCanvasSVG(figure).print_svg(buffer, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'<g id="[^"]*">', "<g>", svg)  # the ids of two plots in one page would be the same
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = svg.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)
    for color, property_name in COLORS.items():
        svg = svg.replace(color, f"var(--{property_name})")
    return Markup(svg)  # matplotlib escapes every text of the plot
