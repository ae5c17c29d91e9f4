"""Where a figure is painted part by part, as hand-made sprites are: rounded, lit from the upper left, outlined.

A part is a silhouette drawn at four times the grid and a color. It is shaded with a ramp of a few tones whose shadows
are cooler and whose lights are warmer, and darkens its own rim, so that an arm stands out before a body.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw

UNITS = 32  # shapes are drawn in units of a 32 px canvas, whatever the grid
OVERSAMPLING = 4
COVERED = 100  # of 255: thin lines survive the reduction
DEPTHS = 4  # cells from the rim to where a part is flat
SHADOW, LIGHT = np.array([26, 18, 52], np.float32), np.array([255, 246, 214], np.float32)
EYES = ((250, 240, 200), (255, 60, 40), (255, 220, 60), (20, 16, 24), (20, 16, 24), (120, 240, 255))
BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], np.float32) / 16 - 0.47

Point = tuple[float, float]


def shrink_mask(mask: np.ndarray) -> np.ndarray:
    """True where a cell and its four neighbors all are: the mask without its rim; (H, W) bool."""
    padded = np.pad(mask, 1)
    return mask & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]


def grow_mask(mask: np.ndarray) -> np.ndarray:
    """True where a cell or one of its four neighbors is; (H, W) bool."""
    return ~shrink_mask(~np.pad(mask, 1))[1:-1, 1:-1]


class Silhouette:
    """A union of shapes, in units of a 32 px canvas."""

    def __init__(self, grid: int) -> None:
        self._unit = grid * OVERSAMPLING / UNITS
        self._image = Image.new("L", (grid * OVERSAMPLING,) * 2, 0)
        self._draw = ImageDraw.Draw(self._image)
        self._grid = grid

    def ellipse(self, x: float, y: float, rx: float, ry: float) -> "Silhouette":
        self._draw.ellipse([v * self._unit for v in (x - rx, y - ry, x + rx, y + ry)], fill=255)
        return self

    def polygon(self, *points: Point) -> "Silhouette":
        self._draw.polygon([(x * self._unit, y * self._unit) for x, y in points], fill=255)
        return self

    def limb(self, points: Sequence[Point], width: float, end_width: float | None = None) -> "Silhouette":
        """A tube along `points` that may taper."""
        widths = np.linspace(width, width if end_width is None else end_width, len(points))
        for (x0, y0), (x1, y1), at in zip(points[:-1], points[1:], widths, strict=False):
            ends = [(x0 * self._unit, y0 * self._unit), (x1 * self._unit, y1 * self._unit)]
            self._draw.line(ends, fill=255, width=max(2, round(at * self._unit)))
        for (x, y), at in zip(points, widths, strict=True):
            self.ellipse(x, y, at / 2, at / 2)
        return self

    def mask(self) -> np.ndarray:
        """(grid, grid) bool."""
        return np.asarray(self._image.resize((self._grid, self._grid), Image.Resampling.BOX)) > COVERED


@dataclass(frozen=True, slots=True)
class Manner:
    """How one artist draws: the same for all parts of a figure."""

    num_tones: int
    contrast: float
    dither: float
    grain: float
    detail: int  # strokes of a tone of their own: folds, plates, fur
    rim: float  # what a part's rim is multiplied by
    outline: float  # what is left of the color around the whole figure; 1: none is drawn

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Manner":
        return cls(
            num_tones=int(rng.integers(4, 9)),
            contrast=float(rng.uniform(0.8, 1.7)),
            dither=float(rng.choice([0.0, 0.0, 0.1, 0.2])),
            grain=float(rng.choice([0.0, 0.05, 0.1, 0.18])),
            detail=int(rng.choice([0, 8, 16, 30])),
            rim=float(rng.uniform(0.25, 0.75)),
            outline=float(rng.choice([0.0, 0.05, 0.2, 1.0])),
        )


def _depth(mask: np.ndarray) -> np.ndarray:
    """How far inside each cell is, 0..`DEPTHS`, smoothed; (H, W) float32."""
    depth, inner = mask.astype(np.float32), mask
    for _ in range(DEPTHS - 1):
        inner = shrink_mask(inner)
        depth += inner
    padded = np.pad(depth, 1)
    return (padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:] + 4 * depth) / 8


@dataclass(slots=True)
class Easel:
    """A figure in the making: `image` (grid, grid, 3) float32 sRGB in 0..255, and where it is, `mask`."""

    grid: int
    rng: np.random.Generator
    manner: Manner
    image: np.ndarray = field(init=False)
    mask: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.image = np.zeros((self.grid, self.grid, 3), np.float32)
        self.mask = np.zeros((self.grid, self.grid), bool)

    def shape(self) -> Silhouette:
        return Silhouette(self.grid)

    def jitter(self, value: float, spread: float = 1.0) -> float:
        return value + float(self.rng.uniform(-spread, spread))

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def _tones(self, mask: np.ndarray) -> np.ndarray:
        """How light each cell is, 0..1 in a few steps; (grid, grid) float32."""
        dy, dx = np.gradient(_depth(mask))
        y = np.mgrid[0 : self.grid, 0 : self.grid][0] / self.grid
        light = 0.56 + 0.3 * self.manner.contrast * (0.7 * dx + dy) + 0.12 * (0.5 - y)
        repeats = -(-self.grid // 4)
        light = light + self.manner.dither * np.tile(BAYER, (repeats, repeats))[: self.grid, : self.grid]
        light = light + self.manner.grain * self.rng.normal(size=mask.shape)
        return np.clip(np.round(light * self.manner.num_tones) / self.manner.num_tones, 0, 1).astype(np.float32)

    def paint(self, shape: Silhouette, color: np.ndarray, glow: bool = False) -> None:
        """Paint a part over what is there; `glow`: bright inside, colored at the rim, without an outline."""
        mask = shape.mask()
        tones = self._tones(mask)
        if glow:
            tones = np.clip(0.25 + 0.3 * _depth(mask) / DEPTHS + 0.6 * (tones - 0.4), 0, 1) ** 0.8
        part = _ramp(color, tones, 0.9 if glow else 0.45)
        if not glow:
            part[mask & ~shrink_mask(mask)] *= self.manner.rim
        self.image[mask] = part[mask]
        self.mask |= mask

    def dot(self, x: float, y: float, color: Sequence[float], size: int = 1) -> None:
        """One or a few cells of one color: an eye, a gem."""
        left, top = int(x * self.grid / UNITS), int(y * self.grid / UNITS)
        window = np.s_[max(0, top) : max(0, top + size), max(0, left) : max(0, left + size)]
        self.image[window] = color
        self.mask[window] = True

    def eyes(self, x: float, y: float, apart: float) -> None:
        color = EYES[int(self.rng.integers(len(EYES)))]
        for side in (-1, 1):
            self.dot(x + side * apart, y, color)

    def _stroke(self) -> None:
        """A short stroke somewhere inside, lighter or darker than what it is on."""
        inside = np.argwhere(shrink_mask(self.mask))
        if not len(inside):
            return
        y, x = inside[int(self.rng.integers(len(inside)))]
        down, right = ((1, 0), (0, 1), (1, 1), (1, -1))[int(self.rng.integers(4))]
        tone = float(self.rng.choice([0.45, 0.65, 1.35, 1.6]))
        for step in range(int(self.rng.integers(1, 4))):
            at = (y + step * down, x + step * right)
            if max(at) < self.grid and min(at) >= 0 and self.mask[at]:
                self.image[at] = np.clip(self.image[at] * tone, 0, 255)

    def finish(self, flipped: bool) -> None:
        """Draw strokes and the outline around the whole figure, and mirror it if asked."""
        for _ in range(self.manner.detail):
            self._stroke()
        if self.manner.outline < 1:
            around = grow_mask(self.mask) & ~self.mask
            near = self.image.copy()
            for shift in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                moved = np.roll(self.image, shift, (0, 1))
                near = np.where(np.roll(self.mask, shift, (0, 1))[..., None], moved, near)
            self.image[around] = near[around] * self.manner.outline
            self.mask |= around
        if flipped:
            self.image, self.mask = self.image[:, ::-1].copy(), self.mask[:, ::-1].copy()


def _ramp(color: np.ndarray, tones: np.ndarray, most_light: float) -> np.ndarray:
    """(H, W, 3) float32: `color` at tone 0.55, darker and cooler below, lighter and warmer above."""
    dark = np.clip(tones / 0.55, 0, 1)[..., None]
    bright = np.clip((tones - 0.55) / 0.45, 0, 1)[..., None] * most_light
    shaded = color * (0.22 + 0.78 * dark) + SHADOW * 0.35 * (1 - dark)
    return shaded * (1 - bright) + LIGHT * bright
