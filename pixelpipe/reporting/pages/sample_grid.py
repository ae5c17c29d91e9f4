"""The grid of samples: prompts across, epochs down, the baseline's same epoch beneath the candidate's, the same seed.

What was drawn before training stands above them, where that is known. The table stands in the page as it is, for
readers without scripts and for paper; the script enlarges what is pointed at, and steps through epochs, prompts and
seeds.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

from pixelpipe.comparison.sentence import METRIC_NAMES
from pixelpipe.keys import experiment_key, sample_key
from pixelpipe.reporting.before_training import BEFORE_TRAINING
from pixelpipe.reporting.contact_sheet import headings_of
from pixelpipe.reporting.description import Description
from pixelpipe.reporting.figures import UNKNOWN, number, percent
from pixelpipe.reporting.markdown import visible
from pixelpipe.reporting.pages.shown_images import BEFORE, Column, Images, ShownImages, read_shown_images, strip
from pixelpipe.reporting.trajectory import EpochFacts
from pixelpipe.store import Store

SPRITE_PX, MEDIUM_PX, ENLARGED_PX = 72, 150, 240  # about, in whole multiples of the grid
PRINTED_PX = 500  # all columns together: A4, beside their labels
SHARES = {
    "orphan_ratio": "stray pixels",
    "top10_share": "10 largest colors",
    "off_palette": "pixels off the art's palette",
    "background_uniformity": "evenness of the background",
    "named_color_agreement": "named colors shown",
}
DISTANCES = {"grid_error": "grid error", "nearest_train": "distance to nearest sprite"}
COUNTS = {name: METRIC_NAMES[name] for name in ("effective_colors", "unique_colors")}
CLEAN = {"clean": "clean"}


@dataclass(frozen=True, slots=True)
class Strip:
    """What one side drew at one epoch, or before there was one: a row of the table."""

    title: str
    detail: str
    sheet: str  # name of its picture
    is_baseline: bool
    images: tuple[tuple[Mapping[str, Any] | None, ...], ...]  # [prompt][seed]; None: there is none


@dataclass(frozen=True, slots=True)
class EpochRows:
    verdict: str | None
    difference: str
    strips: tuple[Strip, ...]


@dataclass(frozen=True, slots=True)
class SampleGrid:
    headings: tuple[str, ...]
    shared_words: str  # what all prompts begin and end with
    prompts: tuple[str, ...]
    metrics: tuple[str, ...]  # names of what is told of an image, the judged one first
    epochs: tuple[EpochRows, ...]
    sheets: Mapping[str, str]  # name -> data URI
    sprite_px: int  # side of a sprite in the table
    medium_px: int  # enlarged, on a phone
    enlarged_px: int
    printed_px: int
    num_seeds: int  # that are shown
    num_removed: int  # images that are shown, and whose full size the store no longer has
    shown: str  # what is shown, of how much

    @property
    def data(self) -> dict[str, Any]:
        """For the script."""
        rows = [
            {"title": strip.title, "sheet": strip.sheet, "baseline": strip.is_baseline, "images": strip.images}
            for epoch in self.epochs
            for strip in epoch.strips
        ]
        epochs = [len(epoch.strips) for epoch in self.epochs]
        return {"prompts": self.prompts, "metrics": self.metrics, "rows": rows, "epochs": epochs}


def sample_grid(store: Store, description: Description) -> SampleGrid | None:
    """None where there are no images."""
    metrics = tuple(dict.fromkeys([description.metric, *COUNTS, *SHARES, *DISTANCES, *CLEAN]))
    images = read_shown_images(store, description, metrics)
    if images is None:
        return None
    sheets: dict[str, str] = {}
    epochs = tuple(_epoch_rows(store, description, images, metrics, sheets))
    prompts = [column.prompt for column in images.columns]
    headings, shared_words = headings_of(prompts)
    return SampleGrid(
        headings=tuple(map(visible, headings)),
        shared_words=visible(shared_words),
        prompts=tuple(map(visible, prompts)),
        metrics=tuple(_label(metric) for metric in metrics),
        epochs=(*_before_training(images, sheets), *epochs),
        sheets=sheets,
        sprite_px=_multiple(images.grid, SPRITE_PX),
        medium_px=images.grid * max(1, MEDIUM_PX // images.grid),
        enlarged_px=_multiple(images.grid, ENLARGED_PX),
        printed_px=min(_multiple(images.grid, SPRITE_PX), PRINTED_PX // len(prompts)),
        num_seeds=images.seeds_shown,
        num_removed=sum(
            image is not None and image["href"] is None
            for epoch in epochs
            for strip in epoch.strips
            for seeds in strip.images
            for image in seeds
        ),
        shown=_shown(images),
    )


def _epoch_rows(
    store: Store, description: Description, images: ShownImages, metrics: tuple[str, ...], sheets: dict[str, str]
) -> list[EpochRows]:
    """Adds the picture of every strip to `sheets`."""
    baseline_id = description.baseline.experiment_id if description.baseline else None
    stored = _stored(store, description.experiment_id) | (_stored(store, baseline_id) if baseline_id else set())

    def row(experiment_id: str, drawn: Images, facts: EpochFacts, is_baseline: bool) -> Strip:
        sheet = f"sheet{len(sheets)}"
        sheets[sheet] = strip(drawn, facts.epoch, images.columns, images.grid)
        place = f"../{experiment_id}/" if is_baseline else ""
        return Strip(
            title=f"Baseline, epoch {facts.epoch}" if is_baseline else f"Epoch {facts.epoch}",
            detail="" if facts.judged is None else f"{number(facts.judged)} {_label(description.metric)}",
            sheet=sheet,
            is_baseline=is_baseline,
            images=_images(drawn, facts.epoch, images.columns, metrics, (experiment_id, place, stored)),
        )

    rows = []
    for shown in images.epochs:
        strips = [row(description.experiment_id, images.ours, shown.facts, is_baseline=False)]
        if shown.baseline is not None and baseline_id is not None:
            strips.append(row(baseline_id, images.theirs, shown.baseline, is_baseline=True))
        decision = shown.facts.decision
        difference = decision.relative_difference if decision else None
        rows.append(
            EpochRows(
                str(decision.verdict) if decision else None,
                "" if difference is None else percent(difference),
                tuple(strips),
            )
        )
    return rows


def _before_training(images: ShownImages, sheets: dict[str, str]) -> list[EpochRows]:
    """None, or one: its picture comes into `sheets`. Nobody has measured it, and there is no full size."""
    if not images.before:
        return []
    sheet = f"sheet{len(sheets)}"
    sheets[sheet] = strip(images.before, BEFORE, images.columns, images.grid)

    def image(column: Column, seed: int) -> dict[str, Any] | None:
        drawn = (BEFORE, column.prompt_id, seed) in images.before
        return {"seed": str(seed), "figures": [], "href": None} if drawn else None

    drawn = tuple(tuple(image(column, seed) for seed in column.seeds) for column in images.columns)
    num_prompts = sum(any(seeds) for seeds in drawn)
    detail = "" if all(map(all, drawn)) else f"first seed of {num_prompts} prompt{'s'[: num_prompts != 1]}"
    return [EpochRows(None, "", (Strip(BEFORE_TRAINING, detail, sheet, is_baseline=False, images=drawn),))]


def _images(
    drawn: Images,
    epoch: int,
    columns: tuple[Column, ...],
    metrics: tuple[str, ...],
    where: tuple[str, str, Set[str]],
) -> tuple[tuple[dict[str, Any] | None, ...], ...]:
    """[prompt][seed] -> seed, figures as text in the order of `metrics`, and the link to the full-size image.

    `where`: the experiment, its folder as the page sees it, and the keys that the store has.
    """
    experiment_id, place, stored = where

    def image(column: Column, seed: int) -> dict[str, Any] | None:
        row = drawn.get((epoch, column.prompt_id, seed))
        if row is None:
            return None
        key = sample_key(experiment_id, epoch, column.prompt_id, seed)
        href = place + key.removeprefix(f"{experiment_key(experiment_id)}/") if key in stored else None
        return {"seed": str(seed), "figures": [_figure(name, row[name]) for name in metrics], "href": href}

    return tuple(tuple(image(column, seed) for seed in column.seeds) for column in columns)


def _multiple(grid: int, about_px: int) -> int:
    return grid * max(1, round(about_px / grid))


def _stored(store: Store, experiment_id: str) -> set[str]:
    return set(store.list(experiment_key(experiment_id, "samples")))


def _label(metric: str) -> str:
    return {**METRIC_NAMES, **SHARES, **DISTANCES, **CLEAN}.get(metric, metric)


def _figure(metric: str, value: Any) -> str:
    if value is None:
        return UNKNOWN
    if metric in CLEAN:
        return "yes" if value else "no"
    return f"{value:.0%}" if metric in SHARES else number(value, 3 if metric in DISTANCES else 1)


def _shown(images: ShownImages) -> str:
    parts = [
        _of(len(images.columns), images.num_prompts, "prompt"),
        _of(images.seeds_shown, images.num_seeds, "seed"),
        _of(len(images.epochs), images.num_epochs, "epoch"),
    ]
    return ", ".join(parts)


def _of(shown: int, total: int, noun: str) -> str:
    return f"{shown} {noun}{'s'[: shown != 1]}" if shown == total else f"{shown} of {total} {noun}s"
