"""What became of the simulated runs of one setting, truth and rule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.stats import beta
from settings import EPOCHS

from pixelpipe.comparison.characteristics import Design, Ending, net_saving

WHOLE, ADAPTIVE = "pixelpipe", "pixelpipe, adaptive"
OURS = (WHOLE, ADAPTIVE)
CHUNK = 100  # runs of a job


@dataclass
class Tally:
    """Epochs and whole evaluations are summed up over runs; a rule that is not adaptive draws one an epoch."""

    setting: str
    truth: str
    rule: str
    part: str = ""
    runs: int = 0
    abandoned: int = 0
    promoted: int = 0
    epochs: int = 0
    drawn: float = 0.0
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str, str]:
        return self.setting, self.truth, self.rule, self.part

    @property
    def abandoned_share(self) -> float:
        return self.abandoned / self.runs

    @property
    def abandoned_bound(self) -> float:
        """One-sided 95% upper bound (Clopper & Pearson 1934, Biometrika 26, 404-413)."""
        hits, runs = self.abandoned, self.runs
        return 1.0 if hits == runs else float(beta.ppf(0.95, hits + 1, runs - hits))

    @property
    def promoted_share(self) -> float:
        return self.promoted / self.runs

    @property
    def mean_stop(self) -> float:
        return self.epochs / self.runs

    @property
    def pictures(self) -> float:
        """Share of what the same epochs would draw whole."""
        return self.drawn / self.epochs

    def saved(self, evaluation_share: float) -> float:
        return net_saving(self.mean_stop, EPOCHS, evaluation_share, self.drawn / self.runs)

    def add_ending(self, end: Ending) -> None:
        self.add(end.epoch if end.verdict == "ABANDONED" else None, end.epoch if end.drawn is None else end.drawn)
        self.promoted += end.verdict == "PROMOTED"
        reason = str(end.reason_code)
        self.reasons[reason] = self.reasons.get(reason, 0) + 1

    def add(self, stop: int | None, drawn: float) -> None:
        self.runs += 1
        self.abandoned += stop is not None
        self.epochs += stop or EPOCHS
        self.drawn += drawn

    def add_stops(self, stops: np.ndarray) -> None:
        """(R,) epochs after which runs were abandoned; 0: never. Every epoch is drawn whole."""
        epochs = int(np.where(stops == 0, EPOCHS, stops).sum())
        self.runs += len(stops)
        self.abandoned += int(np.count_nonzero(stops))
        self.epochs += epochs
        self.drawn += epochs

    def merge(self, other: Tally) -> None:
        for name in ("runs", "abandoned", "promoted", "epochs", "drawn"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for reason, count in other.reasons.items():
            self.reasons[reason] = self.reasons.get(reason, 0) + count


def merged(parts: Iterable[Sequence[Tally]]) -> list[Tally]:
    """One a setting, truth, rule and part, in the order in which they first came."""
    totals: dict[tuple[str, ...], Tally] = {}
    for each in (tally for part in parts for tally in part):
        totals.setdefault(each.key, Tally(*each.key)).merge(each)
    return list(totals.values())


def adaptive(design: Design) -> Design:
    """The same plan, drawing one seed a prompt first."""
    return replace(design, plan=replace(design.plan, first_pairs=design.num_prompts))


def chunks(num_runs: int) -> list[range]:
    return [range(start, min(start + CHUNK, num_runs)) for start in range(0, num_runs, CHUNK)]
