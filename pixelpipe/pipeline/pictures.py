"""Sample and measure: from weights to pictures in the store, from pictures to rows."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pixelpipe.analysis.duplicates import TrainSprites
from pixelpipe.analysis.gates import gates
from pixelpipe.analysis.metrics import DOWNSCALE_METHOD, METRIC_VERSION, measure_sprites, sprites
from pixelpipe.analysis.profile import Profile
from pixelpipe.analysis.sets import SetMetrics, measure_set
from pixelpipe.captions.agreement import named_color_agreement
from pixelpipe.data.png import decode_png, encode_png
from pixelpipe.progress import progress_bar
from pixelpipe.sampling.evaluation import ImagePlan
from pixelpipe.store import Store

if TYPE_CHECKING:  # measuring and judging need no torch
    from diffusers import UNet2DConditionModel

    from pixelpipe.sampling.sampler import Sampler

MEASURED_AT_ONCE = 32  # pictures in memory
PUT_THREADS = 2

KeyOf = Callable[[ImagePlan], str]


@dataclass(frozen=True, slots=True)
class Measured:
    """Rows of pictures, and what only the set of them has."""

    rows: pa.Table
    set_metrics: SetMetrics

    @property
    def duplicate_rate(self) -> float:
        return self.set_metrics.duplicate_rate


def sample_images(
    store: Store,
    sampler: Sampler,
    unet: UNet2DConditionModel,
    plans: Sequence[ImagePlan],
    key_of: KeyOf,
    description: str,
    grid: int | None = None,
) -> int:
    """Make every planned picture and put it as PNG; what an unfinished earlier try left is replaced.

    Pictures are compressed and put by threads while the next ones are drawn: the device does not wait for the disk.
    `grid`: a picture's sprite of that size is put in its place.
    """

    def put(plan: ImagePlan, image: np.ndarray) -> None:
        store.redraw(key_of(plan), encode_png(image if grid is None else sprites(image[None], grid)[0]))

    with ThreadPoolExecutor(PUT_THREADS, thread_name_prefix="pixelpipe-put") as writers:
        waiting: deque[Future[None]] = deque()
        for plan, image in sampler.sample(unet, plans, description):
            waiting.append(writers.submit(put, plan, image))
            if len(waiting) > MEASURED_AT_ONCE:
                waiting.popleft().result()
        for written in waiting:
            written.result()
    return len(plans)


def measure_images(
    store: Store,
    plans: Sequence[ImagePlan],
    key_of: KeyOf,
    grid: int,
    profile: Profile,
    train_sprites: TrainSprites | None,
    lineage: dict[str, Any],
) -> Measured:
    """Read pictures back and measure them at the grid: one row each, with `lineage` in every row.

    `train_sprites`: what a picture may have memorized; None where it is not known.
    """
    parts, all_sprites = [], []
    with progress_bar("measuring", len(plans)) as advance:
        for start in range(0, len(plans), MEASURED_AT_ONCE):
            batch = plans[start : start + MEASURED_AT_ONCE]
            images = np.stack([decode_png(store.read(key_of(plan))) for plan in batch])
            small = sprites(images, grid)
            metrics = measure_sprites(images, small, profile, train_sprites)
            uris = [store.uri(key_of(plan)) for plan in batch]
            columns = _columns(batch, uris, images.shape[1], small, profile, lineage)
            parts.append(_side_by_side(columns, metrics, gates(metrics, profile)))
            all_sprites.append(small)
            advance(len(batch))
    rows = pa.concat_tables(parts)
    return Measured(rows, measure_set(np.concatenate(all_sprites), train_sprites, profile))


def summaries(rows: pa.Table) -> dict[str, float | None]:
    """Columns of the `epochs` table that are means and medians over its images."""
    found: dict[str, float | None] = {
        "clean_rate": float(np.mean(rows["clean"].to_numpy(zero_copy_only=False))),
        "named_color_agreement": pc.mean(rows["named_color_agreement"]).as_py(),  # null: no prompt names a color
    }
    for metric in ("unique_colors", "effective_colors"):
        values = rows[metric].to_numpy()
        found |= {f"mean_{metric}": float(np.mean(values)), f"median_{metric}": float(np.median(values))}
    return found


def _columns(
    plans: Sequence[ImagePlan],
    uris: list[str],
    source_px: int,
    small: np.ndarray,
    profile: Profile,
    lineage: dict[str, Any],
) -> dict[str, list[Any]]:
    same = {
        **lineage,
        "source_px": source_px,
        "grid": small.shape[1],
        "downscale_method": DOWNSCALE_METHOD,
        "metric_version": METRIC_VERSION,
        "profile_hash": profile.profile_hash,
    }
    agreements = [named_color_agreement(plan.prompt, sprite) for plan, sprite in zip(plans, small, strict=True)]
    return {
        "prompt_id": [plan.prompt_id for plan in plans],
        "prompt": [plan.prompt for plan in plans],
        "seed": [plan.seed for plan in plans],
        "sample_uri": uris,
        "sprite_png": [encode_png(sprite) for sprite in small],
        "named_color_agreement": pa.array(agreements, pa.float64()),
        **{name: [value] * len(plans) for name, value in same.items()},
    }


def _side_by_side(columns: dict[str, list[Any]], *tables: pa.Table) -> pa.Table:
    result = pa.table(columns)
    for table in tables:
        for name in table.column_names:
            result = result.append_column(name, table[name])
    return result
