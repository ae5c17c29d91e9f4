"""The judged metric by epoch against the baseline's trajectory, and the validation loss beneath it.

Okabe and Ito's colors (https://jfly.uni-koeln.de/color/), and another marker and line style for every series: the
figure can be read without telling colors apart. Figures are made without pyplot, so nothing stays open.
"""

import io
import math

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from pixelpipe.comparison.decision import BaselineKind, Decision, Verdict
from pixelpipe.comparison.sentence import METRIC_NAMES
from pixelpipe.reporting.description import Description
from pixelpipe.reporting.figures import levels_text, number
from pixelpipe.reporting.lettering import drawable, font, shorten
from pixelpipe.reporting.markdown import visible
from pixelpipe.reporting.trajectory import PAIRED, EpochFacts

SIZE_IN, DPI, PAD_IN = (8.0, 5.8), 200, 0.1  # 1600 px wide, meant to be shown at 800
BLUE, VERMILION, PURPLE, GRAY, INK = "#0072b2", "#d55e00", "#8e4585", "#6e7781", "#1f2328"
SPINE, LINE, BAND = "#b6bdc5", "#e6e9ec", "#eef1f4"
MARKS = {Verdict.ABANDONED: ("X", 150), Verdict.PROMOTED: ("*", 260), Verdict.INCONCLUSIVE: ("D", 80)}
LONG_PLAN = 12  # epochs: no plan is shown with more than this many and more than half of them empty
TITLE_PX, TITLE_ROOM_PX = 33, 1100  # 12 pt at 200 dpi; what the status leaves of the width
CANDIDATE = "this experiment"

Points = list[tuple[int, float]]  # epoch, value


def metric_plot(description: Description) -> bytes:
    """PNG, 1600 x 1160 px."""
    figure = metric_figure(description)
    name = shorten(visible(description.name), font(TITLE_PX, bold=True), TITLE_ROOM_PX)
    title = _plain(drawable(f"{name}: {description.status.upper()}"))
    figure.axes[0].set_title(title, loc="left", fontsize=12, fontweight="bold", color=INK, pad=10)
    canvas = FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    canvas.print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()


def metric_figure(description: Description, size_in: tuple[float, float] = SIZE_IN, legend_columns: int = 2) -> Figure:
    """The two panels with their legend, without a title."""
    layout = ConstrainedLayoutEngine(w_pad=PAD_IN, h_pad=PAD_IN)  # no line ends at the picture's edge
    figure = Figure(figsize=size_in, dpi=DPI, layout=layout)
    metric_axes, loss_axes = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    for axes in (metric_axes, loss_axes):
        _style(axes)
    _draw_metric(metric_axes, description)
    _draw_loss(loss_axes, description)
    _legend(figure, metric_axes, legend_columns)
    return figure


def _legend(figure: Figure, axes: Axes, columns: int) -> None:
    """Beneath the panels, the experiment itself first."""
    handles, labels = axes.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda index: not labels[index].startswith(CANDIDATE))
    if order:
        figure.legend(
            [handles[index] for index in order],
            [labels[index] for index in order],
            loc="outside lower left",
            ncols=columns,
            frameon=False,
            fontsize=9,
            labelcolor=INK,
        )


def _style(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(SPINE)
    axes.grid(axis="y", color=LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, labelsize=9)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=16))


def _draw_metric(axes: Axes, description: Description) -> None:
    candidate = _finite([(facts.epoch, facts.judged) for facts in description.epochs])
    axes.set_ylabel(f"{METRIC_NAMES.get(description.metric, description.metric)}\n(less is better)", color=INK)
    axes.set_xlim(0.5, last_epoch_shown(description) + 0.5)
    if not candidate:
        axes.set_yticks([])
        axes.text(0.5, 0.5, "no epoch has been committed", transform=axes.transAxes, ha="center", color=GRAY)
        return
    reference, limit = baseline_points(description)
    _draw_candidate(axes, description, candidate)
    if reference:
        label = "baseline's summary" if _is_summary(description) else "baseline, comparable epoch"
        axes.plot(*zip(*reference, strict=True), "s--", color=VERMILION, markersize=5, linewidth=1.6, label=label)
    if limit:
        label = _limit_label(description)
        axes.plot(*zip(*limit, strict=True), "-.", color=PURPLE, linewidth=1.2, label=label)
    _draw_art(axes, description)


def last_epoch_shown(description: Description) -> int:
    """The plan's last epoch, unless a run of a long plan has been stopped or has just begun."""
    done = len(description.epochs)
    return min(description.planned_epochs, max(LONG_PLAN, 2 * done))


def baseline_points(description: Description) -> tuple[Points, Points]:
    """The baseline's judged value at the candidate's epochs, and the limit: that value plus the allowed margin.

    Where epochs are compared with the same epoch number, the rest of the baseline's trajectory is known too.
    """
    judged = [facts.decision for facts in description.epochs if facts.decision is not None]
    points = dict(_finite([(decision.epoch, decision.baseline_mean) for decision in judged]))
    margins = {decision.epoch: decision.margin for decision in judged}
    last_margin = judged[-1].margin if judged else None
    pairs = [(facts, description.baseline_of(facts)) for facts in description.epochs]
    if description.baseline and pairs and all(theirs and theirs.epoch == ours.epoch for ours, theirs in pairs):
        later = _finite([(facts.epoch, facts.judged) for facts in description.baseline.trajectory])
        points = {epoch: value for epoch, value in later if epoch <= last_epoch_shown(description)} | points
    limit = [
        (epoch, value * (1 + margin))
        for epoch, value in sorted(points.items())
        if (margin := margins.get(epoch, last_margin)) is not None
    ]
    return sorted(points.items()), limit


def _limit_label(description: Description) -> str:
    margins = {facts.decision.margin for facts in description.epochs if facts.decision} - {None}
    allowed = " or ".join(f"{margin:+.0%}" for margin in sorted(filter(None, margins)))
    return f"limit: baseline {allowed}".rstrip()


def _draw_art(axes: Axes, description: Description) -> None:
    """The training art: its median, and for effective colors the range of its 1st to 99th percentile."""
    decision = description.decision
    if decision is None or description.floor is None:
        return
    bottom, top = axes.get_ylim()
    hidden = "" if bottom <= description.floor <= top else ", outside this picture"
    label = f"training art: median {number(description.floor)}{hidden}"
    axes.axhline(description.floor, color=GRAY, linestyle=":", linewidth=1.4, label=label)
    low, high = decision.min_colors, decision.max_colors
    if description.metric == "effective_colors" and low is not None and high is not None:
        hidden = "" if bottom <= high and low <= top else ", outside this picture"
        label = f"training art: 98% lie in {number(low)} to {number(high)}{hidden}"
        axes.axhspan(low, high, color=BAND, zorder=0, label=label)


def _draw_candidate(axes: Axes, description: Description, candidate: Points) -> None:
    values = dict(candidate)
    ends = {facts.epoch: interval(facts) for facts in description.epochs if facts.epoch in values}
    below = [max(values[epoch] - end[0], 0) if end else 0 for epoch, end in ends.items()]
    above = [max(end[1] - values[epoch], 0) if end else 0 for epoch, end in ends.items()]
    axes.errorbar(
        list(values),
        list(values.values()),
        yerr=[below, above],
        fmt="o-",
        color=BLUE,
        ecolor=BLUE,
        elinewidth=1.3,
        capsize=4,
        markersize=6,
        linewidth=2,
        label=CANDIDATE if description.origin == "figures" else f"{CANDIDATE} ({_bars(description)})",
        zorder=4,
    )
    _mark_decisions(axes, description, values)
    _fit(axes, [*values.values(), *(end for pair in ends.values() if pair for end in pair)], description)


def _bars(description: Description) -> str:
    decision = description.decision
    if decision is None or decision.baseline_kind not in PAIRED:
        return "bars: middle half of its images"
    judged = [facts.decision for facts in description.epochs if facts.decision]
    return f"bars: {levels_text([each.interval_level for each in judged if each.baseline_kind in PAIRED])} interval"


def interval(facts: EpochFacts) -> tuple[float, float] | None:
    """The decision's interval of the difference, on the candidate's scale; without a baseline the quartiles.

    None where there is none to draw, also when one end is unbounded.
    """
    decision = facts.decision
    if decision is None or decision.baseline_kind not in PAIRED:
        return facts.quartiles
    low, high, baseline = decision.interval_low, decision.interval_high, decision.baseline_mean
    if low is None or high is None or baseline is None:
        return None
    return baseline * (1 + low), baseline * (1 + high)


def _mark_decisions(axes: Axes, description: Description, values: dict[int, float]) -> None:
    for facts in description.epochs:
        decision = facts.decision
        if decision is None or decision.verdict not in MARKS or facts.epoch not in values:
            continue
        marker, size = MARKS[decision.verdict]
        at = (facts.epoch, values[facts.epoch])
        axes.scatter(*at, marker=marker, s=size, color=INK, edgecolor="white", linewidth=0.8, zorder=6)
        if decision.ends_run and facts is description.last:
            _annotate(axes, decision, at, interval(facts) or (at[1], at[1]))


def _annotate(axes: Axes, decision: Decision, at: tuple[int, float], ends: tuple[float, float]) -> None:
    """The verdict beside its point, on the side away from the baseline and clear of the bar."""
    below = decision.baseline_mean is not None and decision.baseline_mean > at[1]
    left, right = axes.get_xlim()
    place = (at[0] - left) / (right - left)
    alignment, shift = ("right", 12) if place > 0.85 else ("left", -12) if place < 0.15 else ("center", 0)
    axes.annotate(
        decision.verdict.value,
        (at[0], min(at[1], ends[0]) if below else max(at[1], ends[1])),
        xytext=(shift, -11 if below else 10),
        textcoords="offset points",
        ha=alignment,
        va="top" if below else "bottom",
        fontsize=9,
        fontweight="bold",
        color=INK,
        zorder=7,
        bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.8},
    )


def _fit(axes: Axes, values: list[float], description: Description) -> None:
    """Limits that hold everything judged; the art's band may run out of the picture."""
    reference, limit = baseline_points(description)
    shown = [*values, *(value for _, value in [*reference, *limit])]
    if description.floor is not None and description.floor > 0.4 * min(shown):
        shown.append(description.floor)
    low, high = min(shown), max(shown)
    pad = 0.1 * (high - low) or max(0.1 * abs(high), 1)
    axes.set_ylim(max(low - pad, 0) if low >= 0 else low - pad, high + 1.4 * pad)


def _draw_loss(axes: Axes, description: Description) -> None:
    ours = _finite([(facts.epoch, facts.validation_loss) for facts in description.epochs])
    axes.set_xlabel("epoch", color=INK)
    axes.set_ylabel("validation loss\n(not judged)", color=INK)
    trajectory = description.baseline.trajectory if description.baseline else ()
    theirs = _finite([(facts.epoch, facts.validation_loss) for facts in trajectory])
    theirs = [point for point in theirs if point[0] <= last_epoch_shown(description)]
    if theirs:
        axes.plot(*zip(*theirs, strict=True), "s--", color=VERMILION, markersize=3.5, linewidth=1.2)
    if ours:
        axes.plot(*zip(*ours, strict=True), "o-", color=BLUE, markersize=4, linewidth=1.6)
    if not ours and not theirs:
        axes.set_yticks([])
        if description.epochs:
            axes.text(0.5, 0.5, "not known", transform=axes.transAxes, ha="center", va="center", color=GRAY)


def _is_summary(description: Description) -> bool:
    decision = description.decision
    return decision is not None and decision.baseline_kind is BaselineKind.SUMMARY


def _finite(points: list[tuple[int, float | None]]) -> Points:
    return [(epoch, value) for epoch, value in points if value is not None and math.isfinite(value)]


def _plain(text: str) -> str:
    """Text that matplotlib does not read as mathematics."""
    return text.replace("$", r"\$")
