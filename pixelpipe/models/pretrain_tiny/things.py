"""Body plans of what is neither person nor animal: fire, crystals, oozes, ghosts, plants."""

import numpy as np

from pixelpipe.models.pretrain_tiny.animals import winding_path
from pixelpipe.models.pretrain_tiny.easel import Easel
from pixelpipe.models.pretrain_tiny.pigments import METALS, pick, shade


def vine(e: Easel, color: np.ndarray) -> None:
    """A tentacle, vine or branch: no head, sometimes suckers or leaves."""
    for _ in range(int(e.rng.choice([1, 1, 1, 2]))):
        points = winding_path(e)
        width = e.jitter(3.2, 1)
        e.paint(e.shape().limb(points, width, 1.2), color)
        if e.chance(0.4):
            for x, y in points[2:-3:4]:
                e.paint(e.shape().ellipse(e.jitter(x, 1.6), e.jitter(y, 1.6), 1.3, 1), shade(e, color))


def fire(e: Easel, color: np.ndarray) -> None:
    """Fire, storm or spirit: tongues around a bright core."""
    middle = e.jitter(18, 1.5)
    for _ in range(int(e.rng.integers(5, 10))):
        angle = e.rng.uniform(np.pi * 0.95, np.pi * 2.05) if e.chance(0.6) else e.rng.uniform(0, 2 * np.pi)
        length = e.rng.uniform(7, 15)
        tip = (16 + length * float(np.cos(angle)), middle + length * float(np.sin(angle)))
        bend = (16 + 0.6 * length * float(np.cos(angle + 0.4)), middle + 0.6 * length * float(np.sin(angle + 0.4)))
        e.paint(e.shape().limb([(16, middle), bend, tip], 6.5, 1), color, glow=True)
    e.paint(e.shape().ellipse(16, middle, e.jitter(5.5), e.jitter(5.5)), color, glow=True)
    if e.chance(0.4):
        e.eyes(15.6, middle - 1, 2)


def crystal(e: Easel, color: np.ndarray) -> None:
    """Shards of ice or stone."""
    for _ in range(int(e.rng.integers(5, 10))):
        x, y, size = e.jitter(16, 8), e.jitter(16, 9), e.jitter(5, 2)
        lean = e.jitter(0, 4)
        points = [
            (x - size * 0.5, y),
            (x + lean, y - size * 1.6),
            (x + size * 0.6, y + 1),
            (x - lean * 0.5, y + size * 1.5),
        ]
        e.paint(e.shape().polygon(*points), shade(e, color))


def blob(e: Easel, color: np.ndarray) -> None:
    """Ooze, lump, floating eye or mass of eyes."""
    for _ in range(int(e.rng.integers(1, 7))):
        e.paint(e.shape().ellipse(e.jitter(16, 5), e.jitter(20, 4), e.jitter(6.5, 2), e.jitter(6, 2)), color)
    for _ in range(int(e.rng.choice([1, 2, 2, 5]))):
        x, y, size = e.jitter(16, 4), e.jitter(18, 3), e.jitter(1.8, 0.8)
        e.paint(e.shape().ellipse(x, y, size + 0.6, size + 0.6), np.array((235, 230, 215), np.float32))
        e.dot(x, y, (30, 16, 24))


def ghost(e: Easel, color: np.ndarray) -> None:
    """A spirit whose lower end frays."""
    top, half = e.jitter(9, 2), e.jitter(6.5, 1.5)
    shape = e.shape().ellipse(16, top + 2, half, half)
    for number in range(5):
        x = 16 + half * (number / 2 - 1)
        shape.limb([(16 + (x - 16) * 0.6, top + 4), (e.jitter(x, 2), 20), (e.jitter(x, 4), e.jitter(27, 3))], 5, 1.4)
    e.paint(shape, color)
    for side in (-1, 1):
        if e.chance(0.7):
            e.paint(
                e.shape().limb(
                    [(16 + side * half * 0.7, top + 6), (16 + side * (half + 4), e.jitter(top + 8, 4))], 3, 1.6
                ),
                color,
            )
    e.eyes(15.6, top + 1.5, 2.2)


def tree(e: Easel, color: np.ndarray) -> None:
    """A tree, bush or mushroom."""
    bark = pick(e, METALS[3:])
    e.paint(e.shape().polygon((14, 14), (18, 14), (e.jitter(21), 30), (e.jitter(11), 30)), bark)
    for _ in range(int(e.rng.integers(2, 5))):
        e.paint(e.shape().limb([(16, 18), (e.jitter(16, 9), e.jitter(11, 4))], 2.2, 1.2), bark)
    if e.chance(0.3):
        e.paint(e.shape().ellipse(16, 12, e.jitter(11, 2), e.jitter(7)), color)
    else:
        for _ in range(int(e.rng.integers(4, 9))):
            e.paint(
                e.shape().ellipse(e.jitter(16, 8), e.jitter(10, 5), e.jitter(4.5, 1.5), e.jitter(3.6)), shade(e, color)
            )
    if e.chance(0.4):
        e.eyes(15.6, 20, 2)
