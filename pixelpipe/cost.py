"""What GPU time costs."""

from collections.abc import Sequence
from dataclasses import dataclass

SECONDS_PER_HOUR = 3600.0


def cost_usd(seconds: float, usd_per_hour: float) -> float:
    """Dollars for `seconds` of a machine rented at `usd_per_hour`."""
    return seconds * usd_per_hour / SECONDS_PER_HOUR


@dataclass(frozen=True, slots=True)
class Spend:
    """Seconds by stage of one epoch, or of a whole run."""

    train: float = 0.0
    save: float = 0.0
    sample: float = 0.0
    analyze: float = 0.0
    judge: float = 0.0

    @property
    def seconds(self) -> float:
        return self.train + self.save + self.sample + self.analyze + self.judge

    @property
    def evaluation_share(self) -> float:
        """Share of the time spent on sampling, analysis and judging, 0 to 1 (0 when nothing was spent)."""
        return self.evaluation / self.seconds if self.seconds else 0.0

    @property
    def evaluation(self) -> float:
        return self.sample + self.analyze + self.judge

    def usd(self, usd_per_hour: float) -> float:
        return cost_usd(self.seconds, usd_per_hour)


@dataclass(frozen=True, slots=True)
class Savings:
    """The rest of a plan that was stopped, at the mean price of the epochs that were run."""

    epochs: int  # that were not run
    seconds: float  # that they would have taken, evaluation included
    training_usd: float  # of these: training and saving
    evaluation_usd: float  # and sampling, measuring, judging
    spent_on_evaluation_usd: float  # of the epochs that were run: what knowing when to stop has cost

    @property
    def cost_usd(self) -> float:
        return self.training_usd + self.evaluation_usd

    @property
    def net_usd(self) -> float:
        """Against training the plan to its end without looking: less than 0 where judging cost more than it saved."""
        return self.training_usd - self.spent_on_evaluation_usd


def savings(epochs_left: int, spends: Sequence[Spend], costs_usd: Sequence[float]) -> Savings:
    """What `epochs_left` would have cost; `spends` and `costs_usd` are those of the epochs that were run, at least one.

    Where no seconds are known (trained elsewhere), all of the cost is training's.
    """
    assert spends, "the price of an epoch is not known before one was run"
    seconds, usd = sum(spend.seconds for spend in spends), sum(costs_usd)
    share = sum(spend.evaluation for spend in spends) / seconds if seconds else 0.0
    times = epochs_left / len(spends)
    return Savings(
        epochs=epochs_left,
        seconds=times * seconds,
        training_usd=times * usd * (1 - share),
        evaluation_usd=times * usd * share,
        spent_on_evaluation_usd=usd * share,
    )
