"""What GPU time costs."""

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
        return (self.sample + self.analyze + self.judge) / self.seconds if self.seconds else 0.0

    def usd(self, usd_per_hour: float) -> float:
        return cost_usd(self.seconds, usd_per_hour)
