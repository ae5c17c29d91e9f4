"""What the rule does with a plan, by true difference: chances, and the epoch at which it ends."""

import io
from typing import Protocol

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from pixelpipe.comparison.characteristics import Characteristics

BLUE, VERMILION, GRAY = "#0072B2", "#D55E00", "#6e7781"  # Okabe and Ito


class Rows(Protocol):
    """What is drawn of a forecast."""

    @property
    def rows(self) -> tuple[tuple[float, Characteristics], ...]: ...


def forecast_plot(forecast: Rows) -> bytes:
    """PNG: chance of being abandoned and promoted above, mean stop below, over the true difference in percent."""
    figure = Figure(figsize=(8.0, 5.0), dpi=160, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    chances, stops = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    differences = [100 * difference for difference, _ in forecast.rows]
    found = [each for _, each in forecast.rows]
    chances.plot(differences, [100 * each.abandoned for each in found], "X-", color=VERMILION, label="abandoned")
    chances.plot(differences, [100 * each.promoted for each in found], "*--", color=BLUE, label="promoted", ms=10)
    chances.set_ylabel("% of runs")
    chances.set_ylim(-4, 104)
    chances.legend(frameon=False)
    stops.plot(differences, [each.mean_stop for each in found], "o-", color=GRAY)
    stops.set_ylim(0, found[0].planned_epochs + 0.5)
    stops.set_ylabel("mean last epoch")
    stops.set_xlabel("true difference to the baseline, % of the metric (less is better)")
    for axes in (chances, stops):
        axes.spines[["top", "right"]].set_visible(False)
        axes.axvline(0, color=GRAY, lw=0.6)
    buffer = io.BytesIO()
    canvas.print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()
