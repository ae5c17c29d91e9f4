"""What is rented, and how much may be spent."""

from pydantic import Field, model_validator

from pixelpipe.config.strict import Strict
from pixelpipe.gpus import GPUS


class BudgetConfig(Strict):
    gpu: str = Field(default="A100-80GB", description="What is rented; docs/cost.md lists what has a price.")
    usd_per_hour: float | None = Field(default=None, ge=0, description="Its price; default: the list's.")
    max_usd: float = Field(default=5.0, gt=0, description="The run stops before an epoch that would cost more.")

    @model_validator(mode="after")
    def _has_a_price(self) -> "BudgetConfig":
        if self.usd_per_hour is None and self.gpu not in GPUS:
            raise ValueError(f"must give `usd_per_hour` for gpu {self.gpu}, or name one of {', '.join(GPUS)},")
        return self

    @property
    def price(self) -> float:
        """Dollars an hour."""
        return GPUS[self.gpu].usd_per_hour if self.usd_per_hour is None else self.usd_per_hour
