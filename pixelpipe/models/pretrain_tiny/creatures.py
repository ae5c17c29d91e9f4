"""Procedural creatures and items with simple captions: the part of the tiny base's world that is no portrait.

A creature is a few filled shapes on a canvas, shaded from the upper left and outlined. Shapes are drawn in units of
a 32 px canvas and scaled to the grid asked for.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from pixelpipe.models.pretrain_tiny.easel import shrink_mask

COLORS = {
    "red": (190, 50, 46), "orange": (226, 124, 44), "yellow": (236, 200, 70), "green": (74, 150, 66),
    "teal": (44, 148, 146), "blue": (60, 100, 200), "purple": (128, 72, 172), "pink": (232, 130, 170),
    "brown": (128, 82, 50), "black": (52, 48, 60), "gray": (136, 136, 146), "white": (228, 226, 224),
    "golden": (214, 168, 50), "pale": (220, 196, 176), "dark": (70, 50, 64), "azure": (96, 176, 232),
}  # fmt: skip


@dataclass(slots=True)
class Canvas:
    """Label image of a creature: 0 empty, 1 body, 2 second color, 3 eye or glint."""

    image: Image.Image
    rng: np.random.Generator

    @property
    def unit(self) -> float:
        return self.image.width / 32

    def jitter(self, value: float, spread: float = 1.5) -> float:
        return value + float(self.rng.uniform(-spread, spread))

    def ellipse(self, x: float, y: float, rx: float, ry: float, label: int = 1) -> None:
        box = [(x - rx) * self.unit, (y - ry) * self.unit, (x + rx) * self.unit, (y + ry) * self.unit]
        ImageDraw.Draw(self.image).ellipse(box, fill=label)

    def polygon(self, points: list[tuple[float, float]], label: int = 1) -> None:
        ImageDraw.Draw(self.image).polygon([(x * self.unit, y * self.unit) for x, y in points], fill=label)

    def line(self, points: list[tuple[float, float]], width: float, label: int = 1) -> None:
        scaled = [(x * self.unit, y * self.unit) for x, y in points]
        ImageDraw.Draw(self.image).line(scaled, fill=label, width=max(1, round(width * self.unit)), joint="curve")

    def eyes(self, x: float, y: float, apart: float) -> None:
        for side in (-1, 1):
            self.ellipse(x + side * apart, y, 1.2, 1.2, label=3)


def _jelly(c: Canvas) -> None:
    rx, ry = c.jitter(11, 2), c.jitter(9, 3)
    c.ellipse(16, 28 - ry, rx, ry)
    c.polygon([(16 - rx, 28 - ry), (16 + rx, 28 - ry), (17 + rx, 28), (15 - rx, 28)])
    c.ellipse(16 - rx / 2, 24 - ry, 2, 1.5, label=2)
    c.eyes(16, 27 - ry, c.jitter(4, 1))


def _ghost(c: Canvas) -> None:
    top, half = c.jitter(11), c.jitter(8)
    c.ellipse(16, top, half, half)
    tails = [(16 + half * (k / 3 - 1), 28 if k % 2 else 23) for k in range(7)]
    c.polygon([(16 - half, top), *tails, (16 + half, top)])
    c.eyes(16, top, 3.5)


def _insect(c: Canvas) -> None:
    for side in (-1, 1):
        for y in (12, 17, 22):
            c.line([(16, y), (16 + side * 9, c.jitter(y - 2)), (16 + side * 13, c.jitter(y + 3))], 1.3)
    c.ellipse(16, 19, c.jitter(6), c.jitter(8, 1))
    c.ellipse(16, 9, 4, 4, label=2)
    c.eyes(16, 8, 2.2)


def _spider(c: Canvas) -> None:
    for side in (-1, 1):
        for y in (9, 14, 19, 24):
            c.line([(16, 17), (16 + side * 8, c.jitter(y - 4)), (16 + side * 14, c.jitter(y + 2))], 1.2)
    c.ellipse(16, 19, c.jitter(7, 1), c.jitter(6, 1))
    c.ellipse(16, 12, 4, 3.5, label=2)
    c.eyes(16, 11, 2)


def _bat(c: Canvas) -> None:
    wing_y = c.jitter(7, 3)
    for side in (-1, 1):
        tips = [(16 + side * 15, wing_y), (16 + side * 14, 21), (16 + side * 9, 18), (16 + side * 6, 22)]
        c.polygon([(16, 12), *tips, (16, 20)], label=2)
        c.polygon([(16 + side * 1, 10), (16 + side * 5, 10), (16 + side * 4, 4)])
    c.ellipse(16, 16, 5, c.jitter(7, 1))
    c.eyes(16, 13, 2.2)


def _snake(c: Canvas) -> None:
    phase, bend = c.rng.uniform(0, 6), c.jitter(7)
    points = [(16 + bend * np.sin(phase + t / 4), 29 - t) for t in range(22)]
    c.line([*points], c.jitter(4.5, 1))
    head_x = float(points[-1][0])
    c.ellipse(head_x, 7, 4.5, 3.8)
    c.eyes(head_x, 6, 2)


def _humanoid(c: Canvas) -> None:
    hip = c.jitter(20, 1)
    for side in (-1, 1):
        c.line([(16 + side * 2.5, hip), (16 + side * c.jitter(4, 1), 29)], 3.4)
        c.line([(16 + side * 4, 13), (16 + side * c.jitter(9), c.jitter(18, 4))], 2.8)
    c.polygon([(11, 11), (21, 11), (c.jitter(20, 1), hip + 1), (c.jitter(12, 1), hip + 1)], label=2)
    c.ellipse(16, 7, c.jitter(4.2, 0.8), 4.4)
    c.eyes(16, 7, 1.7)


def _beast(c: Canvas) -> None:
    top = c.jitter(17, 1)
    for x in (9, 12, 20, 23):
        c.line([(x, top), (c.jitter(x, 1), 29)], 2.6)
    c.line([(24, top - 2), (29, c.jitter(13, 4))], 2)
    c.ellipse(16, top, 9.5, c.jitter(5, 1))
    c.ellipse(7, top - 5, c.jitter(4.5, 1), 4)
    c.polygon([(4, top - 7), (6, top - 12), (8, top - 8)], label=2)
    c.ellipse(6, top - 6, 1.1, 1.1, label=3)


def _dragon(c: Canvas) -> None:
    c.polygon([(14, 15), (c.jitter(22, 3), 2), (29, c.jitter(9, 3)), (22, 17)], label=2)
    _beast(c)
    c.line([(24, 17), (30, 22), (c.jitter(27), 28)], 2.4)


def _fish(c: Canvas) -> None:
    c.polygon([(22, 16), (30, c.jitter(8)), (30, c.jitter(24))], label=2)
    c.ellipse(14, 16, 11, c.jitter(6, 2))
    c.polygon([(12, 10), (18, 11), (16, 5)], label=2)
    c.ellipse(8, 14, 1.4, 1.4, label=3)


def _skull(c: Canvas) -> None:
    c.ellipse(16, 13, c.jitter(9, 1), 9)
    c.polygon([(11, 18), (21, 18), (20, 27), (12, 27)])
    for x in (12.5, 19.5):
        c.ellipse(x, 14, 2.4, c.jitter(2.6, 0.5), label=2)
    c.line([(13, 24), (19, 24)], 1, label=2)


def _orb(c: Canvas) -> None:
    radius = c.jitter(10, 3)
    c.ellipse(16, 16, radius, radius)
    c.ellipse(16, 16, radius / 2, radius / 2, label=2)
    c.ellipse(16 - radius / 2, 16 - radius / 2, 1.6, 1.6, label=3)


def _flame(c: Canvas) -> None:
    tip = c.jitter(16, 4)
    c.polygon([(6, 24), (9, c.jitter(12, 3)), (12, 15), (tip, 2), (20, 14), (24, c.jitter(10, 3)), (26, 24)])
    c.ellipse(16, 23, 10, 6)
    c.ellipse(16, 24, 5, 4, label=2)


def _crystal(c: Canvas) -> None:
    for _ in range(4):
        x, y = c.jitter(16, 9), c.jitter(9, 6)
        c.polygon([(x, y), (x + 3, y + 4), (17, 28), (13, 28), (x - 2, y + 4)], label=int(c.rng.integers(1, 3)))


def _mushroom(c: Canvas) -> None:
    c.polygon([(13, 16), (19, 16), (c.jitter(21, 1), 29), (c.jitter(11, 1), 29)], label=2)
    ImageDraw.Draw(c.image).pieslice([v * c.unit for v in (4, c.jitter(5), 28, 27)], 180, 360, fill=1)
    for _ in range(3):
        c.ellipse(c.jitter(16, 8), c.jitter(12, 2), 1.5, 1.2, label=3)


def _tree(c: Canvas) -> None:
    c.polygon([(14, 18), (18, 18), (20, 30), (12, 30)], label=2)
    for _ in range(5):
        c.ellipse(c.jitter(16, 6), c.jitter(11, 4), 6, 5)


def _sword(c: Canvas) -> None:
    c.line([(c.jitter(25, 2), 4), (11, 22)], 3)
    c.line([(7, 18), (15, 26)], 2.4, label=2)
    c.line([(10, 23), (6, 28)], 2.6, label=2)


def _potion(c: Canvas) -> None:
    c.polygon([(13, 5), (19, 5), (19, 13), (13, 13)], label=2)
    c.ellipse(16, 20, c.jitter(8, 1), c.jitter(8, 1))
    c.ellipse(13, 18, 1.5, 2, label=3)


def _shield(c: Canvas) -> None:
    c.polygon([(6, 5), (26, 5), (26, c.jitter(16, 2)), (16, 29), (6, c.jitter(16, 2))])
    c.polygon([(14, 8), (18, 8), (18, 24), (14, 24)], label=2)


@dataclass(frozen=True, slots=True)
class Kind:
    """How a kind is drawn, the names it goes by, and the group that its caption mentions."""

    draw: Callable[[Canvas], None]
    names: tuple[str, ...]
    group: str


KINDS = (
    Kind(_jelly, ("jelly", "slime", "ooze", "blob"), "amorphous"),
    Kind(_ghost, ("ghost", "spirit", "phantom", "wraith"), "undead"),
    Kind(_insect, ("beetle", "ant", "bug", "scorpion", "crab"), "animals"),
    Kind(_spider, ("spider", "giant spider"), "animals"),
    Kind(_bat, ("bat", "moth", "butterfly", "bird"), "animals"),
    Kind(_snake, ("snake", "worm", "serpent", "tentacle"), "animals"),
    Kind(_humanoid, ("goblin", "orc", "knight", "zombie", "warrior", "wizard", "elf", "golem"), "humanoid"),
    Kind(_beast, ("wolf", "dog", "bear", "cat", "boar", "hound", "pig", "horse"), "animals"),
    Kind(_dragon, ("dragon", "drake", "wyvern"), "dragons"),
    Kind(_fish, ("fish", "shark", "eel"), "animals"),
    Kind(_skull, ("skull", "skeleton head"), "undead"),
    Kind(_orb, ("orb", "eye", "floating eye", "ball"), "nonliving"),
    Kind(_flame, ("flame", "fire", "fire elemental"), "nonliving"),
    Kind(_crystal, ("crystal", "ice", "statue"), "nonliving"),
    Kind(_mushroom, ("mushroom", "fungus"), "plants"),
    Kind(_tree, ("tree", "bush", "plant"), "plants"),
    Kind(_sword, ("sword", "dagger", "blade"), "items"),
    Kind(_potion, ("potion", "bottle"), "items"),
    Kind(_shield, ("shield", "armor"), "items"),
)


def _colorize(labels: np.ndarray, body: np.ndarray, second: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Color labels (H, W) with light from the upper left and a dark rim; (H, W, 3) float32 in 0..255."""
    height, width = labels.shape
    y, x = np.mgrid[0:height, 0:width] / height
    light = 1.25 - 0.35 * (x + y) + 0.05 * np.sin(9 * x + rng.uniform(0, 6))
    num_steps = int(rng.integers(3, 9))
    light = np.round(light * num_steps) / num_steps
    colors = np.stack([np.zeros(3), body, second, (250, 246, 220)]).astype(np.float32)
    image = colors[labels] * light[..., None]
    rim = (labels > 0) & ~shrink_mask(labels > 0)
    image[rim] *= float(rng.uniform(0.15, 0.5))
    return image


def draw_creature(rng: np.random.Generator, grid: int) -> tuple[np.ndarray, np.ndarray, str]:
    """Draw one creature or item.

    Returns its colors ((grid, grid, 3) uint8, sRGB), where it is ((grid, grid) bool) and its caption, e.g.
    "pixel art, 32x32, green jelly, amorphous, plain background".
    """
    kind = KINDS[int(rng.integers(len(KINDS)))]
    color_name, second_name = rng.choice(list(COLORS), size=2, replace=False)
    canvas = Canvas(Image.new("L", (grid, grid), 0), rng)
    kind.draw(canvas)
    labels = np.asarray(canvas.image)
    if rng.random() < 0.5:
        labels = labels[:, ::-1]
    image = _colorize(labels, np.array(COLORS[color_name]), np.array(COLORS[second_name]), rng)
    name = f"{color_name} {rng.choice(kind.names)}"
    caption = f"pixel art, {grid}x{grid}, {name}, {kind.group}, plain background"
    return np.clip(image, 0, 255).astype(np.uint8), labels > 0, caption
