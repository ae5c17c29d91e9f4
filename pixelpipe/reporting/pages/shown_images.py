"""Which images a page shows, within a budget of bytes, and each strip of them as one picture.

A strip is what one side drew at one epoch: prompts across, seeds down, at the grid's true size. The page enlarges it.
"""

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from pixelpipe.data.png import decode_png
from pixelpipe.reporting.before_training import drawn_before_training
from pixelpipe.reporting.contact_sheet import choose_epochs
from pixelpipe.reporting.description import Description
from pixelpipe.reporting.trajectory import EpochFacts
from pixelpipe.results.reader import read_table
from pixelpipe.store import Store

BUDGET_BYTES = 4_300_000  # of all images of a page with what is said of them; the page may have 5 MB
BASE64_OF_PNG = 1.3  # a strip as lossless WebP in base64, to its sprites as PNG: of pure noise, the worst, measured
BYTES_SAID = 400  # of an image, beside its prompt: its cell, figures and link
MAX_SIDE_PX = 16_383  # of a WebP picture
BEFORE = 0  # the epoch that stands for what was drawn before training

Key = tuple[int, str, int]  # epoch, prompt_id, seed
Images = Mapping[Key, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Column:
    """A prompt, and the seeds that are shown of it."""

    prompt_id: str
    prompt: str
    seeds: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ShownEpoch:
    facts: EpochFacts
    baseline: EpochFacts | None  # what it was compared with


@dataclass(frozen=True, slots=True)
class ShownImages:
    """What is shown of an experiment and of its baseline; `before`: of epoch `BEFORE`, without figures."""

    columns: tuple[Column, ...]
    epochs: tuple[ShownEpoch, ...]
    ours: Images
    theirs: Images
    before: Images
    grid: int
    num_prompts: int  # of all, as `num_seeds` and `num_epochs`
    num_seeds: int
    num_epochs: int

    @property
    def seeds_shown(self) -> int:
        return max(len(column.seeds) for column in self.columns)


def read_shown_images(store: Store, description: Description, metrics: Iterable[str]) -> ShownImages | None:
    """None for an experiment without images. Fewer seeds are shown first, then fewer epochs, then fewer prompts."""
    ours = _read(store, description.experiment_id, metrics)
    if not ours:
        return None
    baseline = description.baseline
    theirs = _read(store, baseline.experiment_id, metrics) if baseline and baseline.experiment_id else {}
    columns = _columns(ours)
    before = _before(store, description.experiment_id, columns)
    epochs = [
        ShownEpoch(description.as_compared(facts), description.baseline_of(facts)) for facts in description.epochs
    ]
    num_seeds, grid = max(len(column.seeds) for column in columns), next(iter(ours.values()))["grid"]
    room = int((BUDGET_BYTES - _bytes(before)) / (_bytes(ours) / len(ours)))  # images
    per_epoch = 2 if theirs else 1
    seeds = max(1, min(num_seeds, room // (len(epochs) * per_epoch * len(columns))))
    most_epochs = max(2, room // (per_epoch * len(columns)))
    chosen = choose_epochs([shown.facts.epoch for shown in epochs], most_epochs)
    most_columns = max(1, min(MAX_SIDE_PX // grid, room // (len(chosen) * per_epoch)))
    return ShownImages(
        columns=tuple(Column(one.prompt_id, one.prompt, one.seeds[:seeds]) for one in columns[:most_columns]),
        epochs=tuple(shown for shown in epochs if shown.facts.epoch in chosen),
        ours=ours,
        theirs=theirs,
        before=before,
        grid=grid,
        num_prompts=len(columns),
        num_seeds=num_seeds,
        num_epochs=len(epochs),
    )


def strip(images: Images, epoch: int, columns: Sequence[Column], grid: int) -> str:
    """A data URI: lossless WebP, prompts across, seeds down; transparent where there is no image."""
    rows = max(len(column.seeds) for column in columns)
    picture = Image.new("RGBA", (len(columns) * grid, rows * grid))
    for left, column in enumerate(columns):
        for top, seed in enumerate(column.seeds):
            row = images.get((epoch, column.prompt_id, seed))
            if row is not None:
                sprite = Image.fromarray(decode_png(row["sprite_png"]))
                picture.paste(sprite, (left * grid, top * grid))
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", lossless=True, quality=50, exact=True)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def _read(store: Store, experiment_id: str, metrics: Iterable[str]) -> dict[Key, dict[str, Any]]:
    columns = dict.fromkeys(["epoch", "prompt_id", "seed", "prompt", "grid", "sprite_png", *metrics])
    rows = read_table(store, "samples", experiment_id, columns=list(columns)).to_pylist()
    return {(row["epoch"], row["prompt_id"], row["seed"]): row for row in rows}


def _columns(images: Images) -> list[Column]:
    """Prompts by id, each with its seeds in the order of the table."""
    prompts: dict[str, str] = {}
    seeds: dict[str, dict[int, None]] = {}
    for (_, prompt_id, seed), row in images.items():
        prompts.setdefault(prompt_id, row["prompt"])
        seeds.setdefault(prompt_id, {})[seed] = None
    return [Column(prompt_id, prompts[prompt_id], tuple(seeds[prompt_id])) for prompt_id in sorted(prompts)]


def _before(store: Store, experiment_id: str, columns: Iterable[Column]) -> dict[Key, dict[str, Any]]:
    prompts = {(column.prompt_id, seed): column.prompt for column in columns for seed in column.seeds}
    drawn = drawn_before_training(store, experiment_id, prompts)
    return {(BEFORE, *image): {"prompt": prompts[image], "sprite_png": png} for image, png in drawn.items()}


def _bytes(images: Images) -> float:
    """What images take in the page, at most."""
    sprites = sum(len(row["sprite_png"]) for row in images.values())
    words = sum(len(row["prompt"].encode()) for row in images.values())
    return len(images) * BYTES_SAID + BASE64_OF_PNG * sprites + words
