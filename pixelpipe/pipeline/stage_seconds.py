"""Where an epoch's time goes: seconds by stage, as the columns `seconds_STAGE` of `epochs` keep them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

PREFIX = "seconds_"


class StageSeconds(dict[str, float]):
    """Seconds by stage; one that comes twice, as in an adaptive evaluation, is added up."""

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> StageSeconds:
        return cls({name.removeprefix(PREFIX): row[name] for name in row if name.startswith(PREFIX)})

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self[stage] = self.get(stage, 0.0) + time.perf_counter() - started

    @property
    def total(self) -> float:
        return sum(self.values())

    def columns(self) -> dict[str, float]:
        return {PREFIX + stage: seconds for stage, seconds in self.items()}
