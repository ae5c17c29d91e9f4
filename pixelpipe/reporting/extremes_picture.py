"""The picture of an analysis: the cleanest and the muddiest sprites, and how the colors of all images spread.

Sprites are enlarged by a whole factor with nearest-neighbor, so every art pixel is a square of its own color.
"""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from pixelpipe.analysis.profile import Profile
from pixelpipe.analysis.summary import RANKED_BY, Extremes, RankedSprite, Summary
from pixelpipe.reporting.lettering import FAINT, INK, PAPER, SOFT, font, shorten

COLUMNS = 8
MARGIN, GAP = 28, 14
SPRITE_PX = 144  # at most, but for grids that are larger
LABEL_PX = 58  # three lines beneath a sprite
HEADING_PX, ROW_HEADING_PX = 66, 34
CHART_PX, AXIS_PX = 84, 34
BAR, ART, ART_INK = "#57606a", "#dcefe2", "#1a6b3c"
METRIC = RANKED_BY[0]


def extremes_picture(title: str, extremes: Extremes, summary: Summary, profile: Profile | None) -> bytes:
    """PNG, about 1,200 px wide. `summary` is of at least one image; with a profile the range of the art is shown."""
    rows = [("Best: the fewest colors", extremes.least[:COLUMNS]), ("Worst: the most colors", extremes.most[:COLUMNS])]
    grid = next((images[0].sprite.shape[0] for _, images in rows if images), 24)
    scale = max(1, SPRITE_PX // grid)
    step = scale * grid + GAP
    width = 2 * MARGIN + COLUMNS * step - GAP
    row_px = ROW_HEADING_PX + scale * grid + LABEL_PX
    height = MARGIN + HEADING_PX + 2 * row_px + ROW_HEADING_PX + CHART_PX + AXIS_PX + MARGIN
    image = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(image)
    _draw_heading(draw, title, summary, extremes, grid, width)
    top = MARGIN + HEADING_PX
    for title, images in rows:
        draw.text((MARGIN, top), title, INK, font(15, True))
        _draw_row(image, draw, images, top + ROW_HEADING_PX - 8, scale)
        top += row_px
    _draw_chart(draw, summary, profile, top, width)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _draw_heading(
    draw: ImageDraw.ImageDraw, title: str, summary: Summary, extremes: Extremes, grid: int, width: int
) -> None:
    images = f"{summary.num_images:,} image{'s'[: summary.num_images != 1]} on a grid of {grid} × {grid}"
    room = width - 2 * MARGIN
    draw.text((MARGIN, MARGIN - 6), shorten(f"{title}: {images}", font(20, True), room), INK, font(20, True))
    low, median, high = np.percentile(summary.values(METRIC), [5, 50, 95])
    parts = [f"{median:.0f} colors in the middle image, {low:.0f} to {high:.0f} in nine of ten"]
    if "clean" in summary.gates():
        parts.append(f"{summary.gates()['clean']:.0%} clean by the art's percentiles")
    if extremes.num_blank:
        parts.append(f"{extremes.num_blank:,} blank, not shown")
    line = "Colors that the eye can tell apart: " + "; ".join(parts)
    draw.text((MARGIN, MARGIN + 24), shorten(line, font(13), room), SOFT, font(13))


def _draw_row(
    image: Image.Image, draw: ImageDraw.ImageDraw, images: Sequence[RankedSprite], top: int, scale: int
) -> None:
    for column, ranked in enumerate(images):
        side = ranked.sprite.shape[0] * scale
        left = MARGIN + column * (side + GAP)
        draw.rectangle((left - 1, top - 1, left + side, top + side), outline=FAINT)
        sprite = Image.fromarray(ranked.sprite).resize((side, side), Image.Resampling.NEAREST)
        image.paste(sprite, (left, top))
        row = ranked.row
        detail = f"{row['unique_colors']} unique, {row['orphan_ratio']:.0%} stray"
        lines = ((f"{row[METRIC]} colors", INK, font(13, True)), (detail, SOFT, font(11)))
        for number, (text, color, face) in enumerate(lines):
            draw.text((left, top + side + 5 + 17 * number), shorten(text, face, side), color, face)
        name = _name(row["file"], side)
        draw.text((left, top + side + 39), name, SOFT, font(11))


def _name(path: str, width_px: int) -> str:
    """Both ends of a file's name tell it from others: what is too long is cut in its middle."""
    face = font(11)
    name = path.rpartition("/")[2]
    kept = name
    for length in range(len(name), 1, -1):
        if face.getlength(kept) <= width_px:
            break
        kept = f"{name[: length // 2]}…{name[len(name) - (length - length // 2) + 1 :]}"
    return kept


def _draw_chart(draw: ImageDraw.ImageDraw, summary: Summary, profile: Profile | None, top: int, width: int) -> None:
    """A histogram: one bar a number of colors, or a few numbers where there are many."""
    values = summary.values(METRIC)
    art = profile.percentiles.get(METRIC) if profile else None
    highest = max(values.max(), art.p95 if art else 0)
    per_bar = max(1, int(np.ceil((highest + 1) / 80)))
    num_bars = int(highest // per_bar) + 1
    counts = np.bincount((values // per_bar).astype(int), minlength=num_bars)
    title = "How many images have how many colors"
    draw.text((MARGIN, top), title, INK, font(15, True))
    if art:
        legend = f"green: your art, {art.p5:.0f} to {art.p95:.0f} in nine of ten"
        draw.text((MARGIN + font(15, True).getlength(title) + 16, top + 2), legend, ART_INK, font(13))
    floor = top + ROW_HEADING_PX + CHART_PX
    origin = MARGIN + font(11).getlength(f"{counts.max():,}") + 8
    bar_px = (width - MARGIN - origin) / num_bars
    if art:
        left, right = (origin + bar_px * (edge / per_bar) for edge in (art.p5, art.p95 + 1))
        draw.rectangle((left, top + ROW_HEADING_PX, right, floor), ART)
    _draw_images_axis(draw, int(counts.max()), origin, width - MARGIN, floor)
    for number, count in enumerate(counts):
        if count:
            bar = max(2, round(CHART_PX * count / counts.max()))
            left = origin + bar_px * number
            draw.rectangle((left + 1, floor - bar, max(left + bar_px - 1, left + 1), floor), BAR)
    _draw_colors_axis(draw, num_bars * per_bar, bar_px / per_bar, origin, floor)


def _draw_images_axis(draw: ImageDraw.ImageDraw, highest: int, origin: float, right: int, floor: int) -> None:
    """Faint lines at round numbers of images, the highest bar's number being `CHART_PX` high."""
    for value in range(0, highest + 1, _round_step(highest / 4)):
        y = floor + 1 if value == 0 else floor - CHART_PX * value / highest
        draw.line((origin, y, right, y), FAINT)
        draw.text((origin - 6, y), f"{value:,}", SOFT, font(11), anchor="rm")


def _draw_colors_axis(draw: ImageDraw.ImageDraw, end: int, color_px: float, origin: float, floor: int) -> None:
    for value in range(0, end, _round_step(36 / color_px)):
        draw.text((origin + color_px * (value + 0.5), floor + 6), str(value), SOFT, font(11), anchor="ma")


def _round_step(least: float) -> int:
    """The smallest of 1, 2, 5, 10, 20, ... that is no less."""
    return next(step for power in range(12) for step in (10**power, 2 * 10**power, 5 * 10**power) if step >= least)
