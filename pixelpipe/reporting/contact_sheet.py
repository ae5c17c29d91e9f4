"""The contact sheet: what every epoch drew, the baseline's same epoch beneath it. Epochs down, prompts across.

What was drawn before training stands above them, where that is known. Sprites of epochs come from the `samples` table
(`sprite_png`). All are enlarged by a whole factor with nearest-neighbor, so every art pixel is a square of its own
color. Layout in px at the sheet's own size.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image, ImageDraw

from pixelpipe.comparison.decision import Verdict
from pixelpipe.comparison.sentence import METRIC_NAMES
from pixelpipe.data.png import decode_png
from pixelpipe.reporting.before_training import BEFORE_TRAINING, drawn_before_training
from pixelpipe.reporting.description import Description
from pixelpipe.reporting.figures import percent
from pixelpipe.reporting.lettering import CARD, FAINT, INK, PAPER, SOFT, common_ends, font, shorten, wrap
from pixelpipe.reporting.trajectory import EpochFacts
from pixelpipe.results.reader import read_table
from pixelpipe.sampling.evaluation import GLANCE_PROMPTS, at_a_glance
from pixelpipe.store import Store

MAX_WIDTH_PX = 1600
MAX_EPOCHS = 10
MIN_SPRITE_PX, MAX_SPRITE_PX = 64, 160  # narrower columns could not be headed by words
MARGIN, LABEL, GAP, ROW_GAP, GROUP_GAP = 28, 184, 8, 6, 22
HEADING_SIZE, HEADING_LINES = 12, 5
LABEL_PX = 62  # height of a label of three lines
VERDICT_COLORS = {
    Verdict.CONTINUE: "#6e7781",
    Verdict.ABANDONED: "#b3261e",
    Verdict.PROMOTED: "#1a6b3c",
    Verdict.INCONCLUSIVE: "#8a5a00",
}

Key = tuple[str, int]  # prompt_id, seed


@dataclass(frozen=True, slots=True)
class Strip:
    """One row of sprites and what stands left of it."""

    title: str
    detail: str
    sprites: tuple[Image.Image | None, ...]  # None: no such image
    verdict: Verdict | None = None
    difference: float | None = None  # judged, against the baseline: ratio - 1
    is_baseline: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    scale: int  # px of an art pixel
    sprite_px: int
    num_columns: int
    heading_px: int  # height of the column headings

    @property
    def strip_px(self) -> int:
        """Height of a strip: its label needs room beside the smallest sprites too."""
        return max(self.sprite_px, LABEL_PX)

    @property
    def width(self) -> int:
        return 2 * MARGIN + LABEL + self.num_columns * (self.sprite_px + GAP) - GAP

    def column_left(self, column: int) -> int:
        return MARGIN + LABEL + column * (self.sprite_px + GAP)


def contact_sheet(store: Store, description: Description, max_prompts: int = GLANCE_PROMPTS) -> bytes:
    """PNG, at most 1600 px wide: up to 10 evenly chosen epochs, the first seed of up to `max_prompts` prompts.

    Fewer prompts where so many would be too small to see; the footer says how many are shown. An experiment without
    images gets a small sheet that says so.
    """
    ours = _images(store, description.experiment_id)
    if not ours:
        return _png(_empty(description))
    keys, prompts = _columns(ours, max_prompts)
    grid = next(iter(ours.values()))["grid"]
    room = max(1, (MAX_WIDTH_PX - 2 * MARGIN - LABEL + GAP) // (_least_scale(grid) * grid + GAP))
    keys, prompts = keys[:room], prompts[:room]
    groups = _groups(store, description, ours, keys)
    headings, shared = headings_of(prompts)
    layout = _layout(grid, headings)
    footer = f"{_shown(len(keys), description.num_prompts, 'prompt')}, one seed each"
    footer += f"; {_shown(len(groups), len(description.epochs), 'epoch')}"
    footer += f"; every art pixel is {layout.scale} × {layout.scale} pixels. {shared}"
    groups = _before(store, description.experiment_id, keys) + groups
    return _png(_draw(description, groups, headings, footer, layout))


def _shown(shown: int, total: int, noun: str) -> str:
    return f"{shown} {noun}{'s'[: shown != 1]}" if shown == total else f"{shown} of {total} {noun}s"


def _least_scale(grid: int) -> int:
    return -(-MIN_SPRITE_PX // grid)


def choose_epochs(epochs: Sequence[int], at_most: int = MAX_EPOCHS) -> list[int]:
    """All, or `at_most` evenly spaced ones with the first and the last among them."""
    if len(epochs) <= at_most:
        return list(epochs)
    last = len(epochs) - 1
    return [epochs[round(position * last / (at_most - 1))] for position in range(at_most)]


def _images(store: Store, experiment_id: str) -> dict[tuple[int, str, int], dict[str, Any]]:
    """(epoch, prompt_id, seed) -> row, in the order of the table."""
    columns = ["epoch", "prompt_id", "seed", "prompt", "grid", "sprite_png"]
    rows = read_table(store, "samples", experiment_id, columns=columns).to_pylist()
    return {(row["epoch"], row["prompt_id"], row["seed"]): row for row in rows}


def _columns(images: dict[tuple[int, str, int], dict[str, Any]], max_prompts: int) -> tuple[list[Key], list[str]]:
    """What is shown of every epoch, and its prompts' texts."""
    texts: dict[str, str] = {}
    for (_, prompt_id, _), row in images.items():
        texts.setdefault(prompt_id, row["prompt"])
    keys = at_a_glance(((prompt_id, seed) for _, prompt_id, seed in images), max_prompts)
    return keys, [texts[prompt_id] for prompt_id, _ in keys]


def _before(store: Store, experiment_id: str, keys: Sequence[Key]) -> list[list[Strip]]:
    """The group above all epochs, if there is one."""
    drawn = drawn_before_training(store, experiment_id, keys)
    sprites = tuple(Image.fromarray(decode_png(drawn[key])) if key in drawn else None for key in keys)
    return [[Strip(BEFORE_TRAINING, "", sprites)]] if drawn else []


def _groups(
    store: Store, description: Description, ours: dict[tuple[int, str, int], dict[str, Any]], keys: Sequence[Key]
) -> list[list[Strip]]:
    """One group of strips an epoch: the candidate's, and the baseline's beneath it."""
    baseline = description.baseline
    theirs = _images(store, baseline.experiment_id) if baseline and baseline.experiment_id else {}
    by_epoch = {facts.epoch: facts for facts in description.epochs}
    groups = []
    for epoch in choose_epochs(sorted({epoch for epoch, _, _ in ours})):
        facts = by_epoch[epoch]
        strip = Strip(f"Epoch {epoch}", _detail(description.as_compared(facts)), _sprites(ours, epoch, keys))
        if (decision := facts.decision) is not None:
            strip = replace(strip, verdict=decision.verdict, difference=decision.relative_difference)
        group = [strip]
        compared = description.baseline_of(facts)
        if compared is not None:
            sprites = _sprites(theirs, compared.epoch, keys)
            title = f"Baseline, epoch {compared.epoch}"
            group.append(Strip(title, _detail(compared), sprites, is_baseline=True))
        groups.append(group)
    return groups


def _detail(facts: EpochFacts) -> str:
    mean = facts.mean_effective_colors
    return "" if mean is None else f"{mean:.1f} effective colors"


def _sprites(
    images: dict[tuple[int, str, int], dict[str, Any]], epoch: int, keys: Sequence[Key]
) -> tuple[Image.Image | None, ...]:
    rows = [images.get((epoch, *key)) for key in keys]
    return tuple(None if row is None else Image.fromarray(decode_png(row["sprite_png"])) for row in rows)


def headings_of(prompts: Sequence[str]) -> tuple[list[str], str]:
    """Prompts without the words that all of them share at either end, and a line that says which those are."""
    leading, trailing = common_ends(prompts)
    words = [prompt.split() for prompt in prompts]
    headings = [" ".join(each[leading : len(each) - trailing]).strip(" ,;") for each in words]
    before, after = " ".join(words[0][:leading]), " ".join(words[0][len(words[0]) - trailing :])
    shared = [f"begin with “{before.rstrip(' ,;')}”"] if before else []
    shared += [f"end with “{after.strip(' ,;')}”"] if trailing else []
    return headings, f"All prompts {' and '.join(shared)}." if shared else ""


def _layout(grid: int, headings: Sequence[str]) -> Layout:
    num_columns = len(headings)
    room = (MAX_WIDTH_PX - 2 * MARGIN - LABEL + GAP) // num_columns - GAP
    scale = max(_least_scale(grid), min(room, MAX_SPRITE_PX) // grid)
    lines = [wrap(text, font(HEADING_SIZE), scale * grid, HEADING_LINES) for text in headings]
    return Layout(scale, scale * grid, num_columns, max(len(each) for each in lines) * (HEADING_SIZE + 4) + 8)


def _draw(
    description: Description, groups: list[list[Strip]], headings: Sequence[str], footer: str, layout: Layout
) -> Image.Image:
    width = max(layout.width, 640)
    top = MARGIN + 64 + layout.heading_px
    group_px = [len(group) * (layout.strip_px + ROW_GAP) - ROW_GAP + GROUP_GAP for group in groups]
    height = top + sum(group_px) + 44
    image = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(image)
    _draw_title(draw, description, width)
    _draw_headings(draw, headings, top, layout)
    for group, group_height in zip(groups, group_px, strict=True):
        _draw_group(image, draw, group, top, layout, width)
        top += group_height
    draw.text((MARGIN, height - MARGIN - 12), shorten(footer, font(12), width - 2 * MARGIN), SOFT, font(12))
    return image


def _draw_title(draw: ImageDraw.ImageDraw, description: Description, width: int) -> None:
    room = width - 2 * MARGIN
    title = f"{description.name}: {description.status.upper()}"
    draw.text((MARGIN, MARGIN - 4), shorten(title, font(20, True), room), INK, font(20, True))
    parts = [description.line]
    if description.baseline is not None:
        parts.append(f"baseline {description.baseline.experiment_id or description.baseline.reference}")
    parts.append(f"judged by {METRIC_NAMES.get(description.metric, description.metric)}, less is better")
    draw.text((MARGIN, MARGIN + 24), shorten(" · ".join(parts), font(13), room), SOFT, font(13))


def _draw_headings(draw: ImageDraw.ImageDraw, headings: Sequence[str], bottom: int, layout: Layout) -> None:
    """Wrapped to the column, standing on the first row of sprites."""
    face = font(HEADING_SIZE)
    for column, text in enumerate(headings):
        lines = wrap(text, face, layout.sprite_px, HEADING_LINES)
        top = bottom - 8 - len(lines) * (HEADING_SIZE + 4)
        for number, line in enumerate(lines):
            draw.text((layout.column_left(column), top + number * (HEADING_SIZE + 4)), line, INK, face)


def _draw_group(
    image: Image.Image, draw: ImageDraw.ImageDraw, group: list[Strip], top: int, layout: Layout, width: int
) -> None:
    draw.line((MARGIN, top - GROUP_GAP // 2 + 3, width - MARGIN, top - GROUP_GAP // 2 + 3), FAINT)
    for strip in group:
        _draw_label(draw, strip, top)
        for column, sprite in enumerate(strip.sprites):
            _draw_sprite(image, draw, sprite, (layout.column_left(column), top), layout)
        top += layout.strip_px + ROW_GAP


def _draw_label(draw: ImageDraw.ImageDraw, strip: Strip, top: int) -> None:
    heavy = not strip.is_baseline
    room = LABEL - 12
    draw.text((MARGIN, top), shorten(strip.title, font(14, heavy), room), INK if heavy else SOFT, font(14, heavy))
    draw.text((MARGIN, top + 20), shorten(strip.detail, font(12), room), SOFT, font(12))
    if strip.verdict is not None:
        face = font(11, True)
        box = (MARGIN, top + 41, MARGIN + face.getlength(strip.verdict.value) + 14, top + 60)
        draw.rounded_rectangle(box, 4, VERDICT_COLORS[strip.verdict])
        draw.text((MARGIN + 7, top + 44), strip.verdict.value, PAPER, face)
        if strip.difference is not None:
            draw.text((box[2] + 8, top + 43), percent(strip.difference), INK, font(12))


def _draw_sprite(
    image: Image.Image, draw: ImageDraw.ImageDraw, sprite: Image.Image | None, at: tuple[int, int], layout: Layout
) -> None:
    left, top = at
    if sprite is None:
        box = (left, top, left + layout.sprite_px - 1, top + layout.sprite_px - 1)
        draw.rectangle(box, CARD, FAINT)
        middle = (left + layout.sprite_px // 2, top + layout.sprite_px // 2)
        draw.text(middle, "no image", SOFT, font(11), anchor="mm")
        return
    size = (sprite.width * layout.scale, sprite.height * layout.scale)
    image.paste(sprite.resize(size, Image.Resampling.NEAREST), at)


def _empty(description: Description) -> Image.Image:
    image = Image.new("RGB", (640, 140), PAPER)
    draw = ImageDraw.Draw(image)
    _draw_title(draw, description, 640)
    draw.text((MARGIN, MARGIN + 60), "No images yet: no epoch has been committed.", INK, font(14))
    return image


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
