"""What a whole folder comes to: percentiles of every metric, and its worst and best sprites."""

from array import array
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pixelpipe.analysis.gates import GATE_SCHEMA
from pixelpipe.analysis.metrics import METRIC_SCHEMA

RANKS = {"min": 0, "p5": 5, "p25": 25, "median": 50, "p75": 75, "p95": 95, "max": 100}
BLANK_SHARE = 0.98  # of one color: an empty picture, or the corner of a tile, is no art
RANKED_BY = ("effective_colors", "orphan_ratio", "unique_colors")  # the judge's metric; ties by the next

Sprites = npt.NDArray[np.uint8]


class Summary:
    """Exact percentiles of rows that come in parts: 8 bytes a metric and image are kept, and nothing else."""

    def __init__(self) -> None:
        self._values = {field.name: array("d") for field in METRIC_SCHEMA if not pa.types.is_string(field.type)}
        self._passed = dict.fromkeys(GATE_SCHEMA.names, 0)
        self._judged = dict.fromkeys(GATE_SCHEMA.names, 0)
        self.num_images = 0

    def add(self, rows: pa.Table) -> None:
        """`rows` with the columns of METRIC_SCHEMA and GATE_SCHEMA."""
        self.num_images += len(rows)
        for name, values in self._values.items():
            column = rows[name].drop_null()
            values.frombytes(column.to_numpy().astype(np.float64).tobytes())
        for name in GATE_SCHEMA.names:
            gate = rows[name].drop_null()
            self._judged[name] += len(gate)
            self._passed[name] += sum(gate.to_pylist())

    def values(self, metric: str) -> npt.NDArray[np.float64]:
        """(images,) of one metric, in order."""
        return np.array(self._values[metric])

    def percentiles(self) -> list[dict[str, Any]]:
        """One record a metric: its unit, mean and percentiles, linearly interpolated; without those that are null."""
        records = []
        for name, values in self._values.items():
            if values:
                numbers = np.frombuffer(values)
                ranks = zip(RANKS, np.percentile(numbers, list(RANKS.values())).tolist(), strict=True)
                unit = (METRIC_SCHEMA.field(name).metadata or {}).get(b"unit", b"").decode()
                records.append({"metric": name, "unit": unit, "mean": float(numbers.mean()), **dict(ranks)})
        return records

    def gates(self) -> dict[str, float]:
        """Gate -> share of the images that pass it; empty without a profile."""
        return {name: self._passed[name] / judged for name, judged in self._judged.items() if judged}


@dataclass(frozen=True, slots=True)
class RankedSprite:
    """One image of a ranking."""

    row: dict[str, Any]
    sprite: Sprites  # (grid, grid, 3) uint8 sRGB

    @property
    def key(self) -> tuple[Any, ...]:
        return (*(self.row[name] for name in RANKED_BY), self.row["file"])


class Extremes:
    """The `count` images with the least colors and the `count` with the most, of rows that come in parts.

    Equal sprites count once: fifty copies of one image would hide the others. Neither list holds a blank image,
    over `BLANK_SHARE` of one color; these are counted.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self.num_blank = 0
        self.least: list[RankedSprite] = []  # the least first
        self.most: list[RankedSprite] = []  # the most first

    def add(self, rows: pa.Table, sprites: Sprites) -> None:
        """`rows` and their sprites (N, grid, grid, 3) uint8."""
        for row, sprite in zip(rows.to_pylist(), sprites, strict=True):
            if row["largest_share"] > BLANK_SHARE:
                self.num_blank += 1
                continue
            image = RankedSprite(row, sprite.copy())
            self.least = self._best([*self.least, image], descending=False)
            self.most = self._best([*self.most, image], descending=True)

    def _best(self, images: list[RankedSprite], descending: bool) -> list[RankedSprite]:
        ranked = sorted(images, key=lambda image: image.key, reverse=descending)
        distinct = {image.sprite.tobytes(): image for image in reversed(ranked)}
        return sorted(distinct.values(), key=lambda image: image.key, reverse=descending)[: self._count]
