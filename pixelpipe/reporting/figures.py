"""Figures as people read them: one rounding, one sign, one dash for what is not known."""

import math
from collections.abc import Callable, Sequence

UNKNOWN = "–"


def number(value: float | None, digits: int = 1) -> str:
    """Shortest where it is whole: 18, 20.4."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{value:.{digits}f}".removesuffix("." + "0" * digits)


def percent(ratio: float) -> str:
    """A signed share: +83%; less than 10% with one decimal, so that +0.4% is not 0."""
    if not math.isfinite(ratio):
        return UNKNOWN
    return f"{ratio:+.0%}" if abs(ratio) >= 0.0995 else f"{ratio:+.1%}"


def share(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.0%}"


def difference(ratio: float | None) -> str:
    return UNKNOWN if ratio is None else percent(ratio)


def interval(low: float | None, high: float | None) -> str:
    """Ends of a relative difference; an end that the test cannot bound is said to be so."""
    ends = ["unbounded" if end is None else percent(end) for end in (low, high)]
    return " to ".join(ends) if ends != ["unbounded", "unbounded"] else "unbounded"


def p_value(p: float | None) -> str:
    if p is None or not math.isfinite(p):
        return UNKNOWN
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}"


def span(values: Sequence[float | None], shown: Callable[[float], str], between: str = " - ") -> str:
    """Lowest to highest, once when they read the same: "216.6", "395.7 - 449.7"."""
    known = sorted(value for value in values if value is not None and math.isfinite(value))
    if not known:
        return UNKNOWN
    ends = list(dict.fromkeys([shown(known[0]), shown(known[-1])]))
    return between.join(ends)


def epoch_range(epochs: Sequence[int]) -> str:
    if not epochs:
        return "no judged epoch"
    return f"epoch {epochs[0]}" if len(epochs) == 1 else f"epochs {min(epochs)}-{max(epochs)}"


def usd(value: float) -> str:
    """Cents, and more digits for less than a cent."""
    return f"${value:.2f}" if value >= 0.01 or value == 0 else f"${value:.2g}" if value >= 0.0001 else "under $0.0001"


def duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def levels_text(shares: Sequence[float]) -> str:
    """Of the epochs' intervals, each at its look's own level: 96-99.5%."""
    lowest, highest = level(min(shares)), level(max(shares))
    return lowest if lowest == highest else f"{lowest.removesuffix('%')}-{highest}"


def level(share: float) -> str:
    """A confidence level: 95%, 98.75%."""
    return f"{100 * share:.4g}%"
