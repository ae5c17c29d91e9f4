"""What a base's VAE alone makes of the training art: the floor that no fine-tune of the UNet can beat.

The art is upscaled with NEAREST to a training size, encoded, decoded, and measured as any picture is. At a size whose
cells are whole latents the VAE can keep a cell flat; at any other it must mix neighbors, and no training helps.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pixelpipe.analysis.duplicates import TrainSprites
from pixelpipe.analysis.gates import gates
from pixelpipe.analysis.metrics import METRIC_SCHEMA, measure_sprites, sprites
from pixelpipe.analysis.profile import Profile
from pixelpipe.config import VAE_FACTOR
from pixelpipe.errors import BadInputError
from pixelpipe.models.encode import HasVae, round_trips

RANKS = {"p5": 5, "median": 50, "p95": 95}


@dataclass(frozen=True, slots=True)
class Floor:
    """The art at one size: METRIC_SCHEMA and gates, one row a sprite, in order."""

    resolution: int  # px; 0: the art itself, which went through no VAE
    grid: int
    rows: pa.Table

    @property
    def latents_per_cell(self) -> float:
        return self.resolution / (VAE_FACTOR * self.grid)

    @property
    def aligned(self) -> bool:
        """Whether a cell is a whole number of latents."""
        return self.resolution % (VAE_FACTOR * self.grid) == 0

    @property
    def clean_rate(self) -> float:
        """Share of the art that passes the gates of its own percentiles (color gates: there is no round trip yet)."""
        return float(np.mean(self.rows["clean"].to_numpy(zero_copy_only=False)))

    def figures(self, metric: str) -> dict[str, float]:
        """Mean, p5, median and p95 of one metric over the art."""
        values = self.rows[metric].to_numpy()
        percentiles = np.percentile(values, list(RANKS.values())).tolist()
        return {"mean": float(values.mean()), **dict(zip(RANKS, percentiles, strict=True))}


def measured_metrics(rows: pa.Table) -> list[str]:
    """Names of the numeric metrics that have values."""
    return [
        field.name for field in METRIC_SCHEMA if not pa.types.is_string(field.type) and rows[field.name].null_count == 0
    ]


def check_resolution(resolution: int, grid: int) -> None:
    """Raises `BadInputError` for a size that the VAE cannot take, or that cannot show the grid."""
    if resolution % VAE_FACTOR or resolution < grid:
        raise BadInputError(
            f"--resolution must be a multiple of {VAE_FACTOR} px, at least the grid ({grid}), but got {resolution}"
        )


def art_itself(art: npt.NDArray[np.uint8], profile: Profile, train: TrainSprites) -> Floor:
    """The figures of `art` (N, grid, grid, 3) uint8 sRGB as it is: what a floor is compared with."""
    return Floor(0, art.shape[1], _measured(art, profile, train))


def vae_floor(
    base: HasVae, art: npt.NDArray[np.uint8], resolution: int, profile: Profile, train: TrainSprites
) -> Floor:
    """The figures of `art` (N, grid, grid, 3) uint8 sRGB after the VAE at `resolution` px; a batch in memory."""
    check_resolution(resolution, art.shape[1])
    return floor_of(round_trips(base, art, resolution), resolution, profile, train)


def floor_of(
    round_trips: Iterable[npt.NDArray[np.uint8]], resolution: int, profile: Profile, train: TrainSprites
) -> Floor:
    """The figures of batches (n, resolution, resolution, 3) uint8 sRGB of art that went through the VAE."""
    parts = [_measured(images, profile, train) for images in round_trips]
    return Floor(resolution, profile.grid, pa.concat_tables(parts))


def floor_records(itself: Floor, floors: list[Floor]) -> Iterator[dict[str, Any]]:
    """One record a size and metric: the art's own figures, and those of the art after the VAE at that size."""
    for floor in floors:
        about = {"resolution": floor.resolution, "aligned": floor.aligned, "latents_per_cell": floor.latents_per_cell}
        for metric in measured_metrics(floor.rows):
            unit = (METRIC_SCHEMA.field(metric).metadata or {}).get(b"unit", b"").decode()
            own, after = itself.figures(metric), floor.figures(metric)
            yield {
                **about,
                "metric": metric,
                "unit": unit,
                **{f"art_{name}": value for name, value in own.items()},
                **{f"vae_{name}": value for name, value in after.items()},
            }
        rates = {"art": itself.clean_rate, "vae": floor.clean_rate}
        figures = {
            f"{side}_{name}": rates[side] if name == "mean" else None for side in rates for name in ("mean", *RANKS)
        }
        yield {**about, "metric": "clean", "unit": "share", **figures}


def _measured(images: npt.NDArray[np.uint8], profile: Profile, train: TrainSprites) -> pa.Table:
    metrics = measure_sprites(images, sprites(images, profile.grid), profile, train)
    judged = gates(metrics, profile)
    return pa.Table.from_arrays(
        [*metrics.columns, *judged.columns], names=[*metrics.column_names, *judged.column_names]
    )
