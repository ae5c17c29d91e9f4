"""The profile of the training art: what every threshold of a verdict is taken from."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from pixelpipe.analysis.color import JUST_NOTICEABLE
from pixelpipe.analysis.columns import METRIC_VERSION
from pixelpipe.analysis.duplicates import TrainSprites, duplicate_rate
from pixelpipe.config import content_id
from pixelpipe.errors import BadInputError

OF_A_SET = ("off_palette", "palette_distance", "nearest_train")  # need the rest of the art; absent for a single sprite


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Percentiles(_Frozen):
    """Of one metric over sprites, linearly interpolated."""

    p1: float
    p5: float
    p25: float
    p50: float
    p75: float
    p95: float
    p99: float


class GateThresholds(_Frozen):
    """An image is clean when it keeps to all of them; the comparisons include the threshold."""

    effective_colors_max: float  # p95 of the art
    orphan_ratio_max: float  # p95 of the art
    top10_share_min: float  # p5 of the art
    grid_error_max: float | None  # p95 of the VAE-round-tripped art; null without a round trip


class Profile(_Frozen):
    """The training art on its own grid, as figures; JSON in and out by pydantic."""

    dataset_hash: str
    grid: int
    metric_version: str
    num_sprites: int
    percentiles: dict[str, Percentiles]  # of every metric; those of OF_A_SET against the other sprites
    palette: tuple[tuple[int, int, int], ...]  # sRGB, merged at Delta E_OK 0.02, the commonest first
    palette_weights: tuple[float, ...]  # shares of the art's pixels, sum 1
    train_train: Percentiles | None  # Delta E_OK to the nearest other sprite; null for a single sprite
    duplicate_rate: float = 0.0  # sprites that nearly repeat an earlier one
    roundtrip_percentiles: dict[str, Percentiles] | None = None  # of the art through the VAE and back, full size
    roundtrip_grid_error: Percentiles | None
    roundtrip_source: str | None  # which VAE at which size
    thresholds: GateThresholds

    @property
    def profile_hash(self) -> str:
        """SHA-256 (hex) of everything in it."""
        return content_id(self.model_dump(mode="json"))

    def palette_colors(self) -> npt.NDArray[np.uint8]:
        """(k, 3) uint8 sRGB."""
        return np.array(self.palette, dtype=np.uint8)

    def check(self, grid: int) -> None:
        """Raises `BadInputError` unless this profile speaks of the same grid and the same metrics."""
        if self.grid != grid:
            raise BadInputError(f"`profile` must be of grid {grid} but is of grid {self.grid}")
        self.check_version()

    def check_version(self) -> None:
        if self.metric_version != METRIC_VERSION:
            raise BadInputError(f"`profile` must be of metric version {METRIC_VERSION} but is of {self.metric_version}")


def build_profile(
    sprites: npt.NDArray[np.uint8],
    dataset_hash: str,
    roundtrip_images: npt.NDArray[np.uint8] | None = None,
    roundtrip_source: str | None = None,
) -> Profile:
    """The profile of `sprites` (N, grid, grid, 3) uint8, N at least 1.

    `roundtrip_images` (M, H, W, 3) uint8: the art at training size through the VAE and back, and
    `roundtrip_source` says by what. Without them there is no gate on `grid_error`.
    """
    if sprites.ndim != 4 or len(sprites) == 0:
        raise BadInputError(f"`sprites` must be (N, grid, grid, 3) with N at least 1 but got {sprites.shape}")
    from pixelpipe.analysis.metrics import measure  # here, so that reading a profile does not pay for numba
    from pixelpipe.analysis.palette import pooled_palette

    grid = sprites.shape[1]
    percentiles = _of_table(measure(sprites, grid)) | _of_a_set(sprites)
    colors, weights = pooled_palette(sprites, JUST_NOTICEABLE)
    roundtrip = None if roundtrip_images is None else _of_table(measure(roundtrip_images, grid))
    return Profile(
        dataset_hash=dataset_hash,
        grid=grid,
        metric_version=METRIC_VERSION,
        num_sprites=len(sprites),
        percentiles=percentiles,
        palette=tuple((int(r), int(g), int(b)) for r, g, b in colors),
        palette_weights=tuple(weights.tolist()),
        train_train=percentiles.get("nearest_train"),
        duplicate_rate=duplicate_rate(sprites),
        roundtrip_percentiles=roundtrip,
        roundtrip_grid_error=None if roundtrip is None else roundtrip["grid_error"],
        roundtrip_source=roundtrip_source,
        thresholds=GateThresholds(
            effective_colors_max=percentiles["effective_colors"].p95,
            orphan_ratio_max=percentiles["orphan_ratio"].p95,
            top10_share_min=percentiles["top10_share"].p5,
            grid_error_max=None if roundtrip is None else roundtrip["grid_error"].p95,
        ),
    )


def _of_table(table: pa.Table) -> dict[str, Percentiles]:
    """Of every column that is not null."""
    return {name: _percentiles(table[name]) for name in table.column_names if table[name].null_count == 0}


def _of_a_set(sprites: npt.NDArray[np.uint8]) -> dict[str, Percentiles]:
    """`OF_A_SET`: each sprite against the others, or against the palette of the half that it is not in.

    A palette that includes the sprite would be 0 away; one for each sprite would take minutes.
    """
    if len(sprites) < 2:
        return {}
    from pixelpipe.analysis.merging import MergedColors  # here, so that reading a profile does not pay for numba
    from pixelpipe.analysis.palette import Palette, pooled_palette

    distances = np.empty((len(sprites), 2))
    for half in range(2):
        others = Palette(pooled_palette(sprites[1 - half :: 2], JUST_NOTICEABLE)[0])
        distances[half::2] = [others.distances(MergedColors(sprite)) for sprite in sprites[half::2]]
    nearest = TrainSprites(sprites).nearest(sprites, leave_one_out=True)
    columns = (distances[:, 0], distances[:, 1], nearest)
    return {name: _percentiles(values) for name, values in zip(OF_A_SET, columns, strict=True)}


def _percentiles(values: pa.ChunkedArray | npt.NDArray[np.float64]) -> Percentiles:
    ranks = {name: int(name[1:]) for name in Percentiles.model_fields}
    figures: Any = np.percentile(np.asarray(values, dtype=np.float64), list(ranks.values()))
    return Percentiles(**dict(zip(ranks, figures.tolist(), strict=True)))
