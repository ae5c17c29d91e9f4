"""Body plans of animals: on four legs, winged, winding, crawling. Facing left or from the front, feet near y = 29."""

import numpy as np

from pixelpipe.models.pretrain_tiny.easel import Easel
from pixelpipe.models.pretrain_tiny.pigments import CLOTHS, pick, shade


def wings(e: Easel, x: float, y: float, color: np.ndarray) -> None:
    tip, low = e.jitter(3, 2.5), e.jitter(20, 4)
    for side in (-1, 1):
        points = [
            (x, y + 2),
            (x + side * 8, y - 5),
            (x + side * 15, tip),
            (x + side * 14, low),
            (x + side * 10, low - 4),
        ]
        e.paint(e.shape().polygon(*points, (x + side * 7, low), (x, y + 8)), color)


def beast(e: Easel, color: np.ndarray) -> None:
    """Four legs, from the side."""
    second = pick(e, CLOTHS)
    y, rx, ry = e.jitter(18, 2), e.jitter(9, 1.6), e.jitter(5, 1.4)
    far = color * 0.62
    legs = [16 - rx * 0.75, 16 + rx * 0.6]
    for leg in legs:
        e.paint(e.shape().limb([(leg + 2.5, y), (e.jitter(leg + 2.5), 27.5)], 3, 2), far)
    tail = [(16 + rx - 1, y - 1), (18 + rx, e.jitter(y - 3, 4)), (min(30.5, 20 + rx), e.jitter(y - 4, 7))]
    e.paint(e.shape().limb(tail, e.jitter(2.4, 0.8), 1.2), color)
    e.paint(e.shape().ellipse(16, y, rx, ry), color)
    if e.chance(0.3):  # shell, mane or saddle
        e.paint(e.shape().ellipse(e.jitter(16, 2), y - ry * 0.5, rx * 0.75, ry * 0.9), second)
    for leg in legs:
        e.paint(e.shape().limb([(leg, y + 1), (e.jitter(leg), 28.5)], 3.4, 2.3), color)
    hx, hy, size = 16 - rx - e.jitter(0.5, 1), y - e.jitter(4.5, 3), e.jitter(3.9, 0.8)
    e.paint(e.shape().limb([(16 - rx * 0.6, y - 1), (hx, hy)], size * 1.5, size * 1.3), color)
    e.paint(
        e.shape().ellipse(hx, hy, size, size * 0.9).ellipse(hx - size * 0.8, hy + 1, size * 0.75, size * 0.55), color
    )
    for offset in (0.2, 1.8):
        ear = (hx + offset, hy - size * 0.6)
        e.paint(
            e.shape().polygon(
                (ear[0] - 1.4, ear[1]), (ear[0] + 1.4, ear[1]), (ear[0] + e.jitter(0.6), ear[1] - e.jitter(3.4, 1.4))
            ),
            color,
        )
    if e.chance(0.2):  # tusk or horn
        e.paint(
            e.shape().limb([(hx - size, hy), (hx - size - 2.5, hy - 3)], 1.4, 0.8),
            np.array((230, 222, 196), np.float32),
        )
    e.dot(hx - 1, hy - 0.6, (20, 14, 20) if e.chance(0.5) else (250, 220, 80))
    e.dot(hx - size * 1.4, hy + 1, (30, 20, 24))


def dragon(e: Easel, color: np.ndarray) -> None:
    """Two wings, a long neck and a tail."""
    wing = pick(e, CLOTHS)
    y = e.jitter(19, 1.5)
    for lean in (4, 0):
        tip = (e.jitter(24 + lean, 2), e.jitter(3, 2))
        points = [
            (14 + lean, y - 2),
            (e.jitter(17 + lean), 7),
            tip,
            (30, e.jitter(10)),
            (26, 12),
            (27, 17),
            (20 + lean, y),
        ]
        e.paint(e.shape().polygon(*points), wing * (0.65 if lean else 1))
    tail = [(20, y + 2), (26, y + 5), (29, e.jitter(y + 1, 4)), (30, e.jitter(y - 4, 3))]
    e.paint(e.shape().limb(tail, 3.4, 1.2), color)
    for leg in (12, 20):
        e.paint(e.shape().limb([(leg, y + 1), (e.jitter(leg), 28.5)], 4, 2.4), color)
    e.paint(e.shape().ellipse(16, y, 7, e.jitter(5)), color)
    hx, hy = e.jitter(6, 1.5), e.jitter(8, 2)
    e.paint(e.shape().limb([(12, y - 1), (e.jitter(9), (y + hy) / 2), (hx + 1, hy)], 5, 3.2), color)
    e.paint(e.shape().ellipse(hx, hy, 3.2, 2.6).ellipse(hx - 2.6, hy + 1, 2.4, 1.5), color)
    e.paint(e.shape().limb([(hx + 1.5, hy - 2), (hx + 4.5, hy - 5)], 1.6, 0.8), np.array((225, 215, 180), np.float32))
    e.dot(hx - 0.6, hy - 0.8, (255, 220, 60))


def flyer(e: Easel, color: np.ndarray) -> None:
    """A bat, moth, bird or harpy from the front."""
    wings(e, 16, e.jitter(12, 2), pick(e, CLOTHS) if e.chance(0.5) else color * 0.8)
    e.paint(e.shape().ellipse(16, e.jitter(17, 1), e.jitter(4, 1), e.jitter(6.5, 1.5)), color)
    for side in (-1, 1):
        e.paint(
            e.shape().limb([(16 + side * 2, 22), (16 + side * e.jitter(2.6, 0.6), e.jitter(27))], 1.8, 1.2), color * 0.8
        )
    head = e.jitter(9.5)
    for side in (-1, 1):
        e.paint(
            e.shape().polygon(
                (16 + side, head - 2), (16 + side * 4, head - 1.5), (16 + side * 3.4, head - e.jitter(6, 1.5))
            ),
            color,
        )
    e.paint(e.shape().ellipse(16, head, 3.6, 3.4), color)
    e.eyes(15.6, head - 0.4, 1.5)


def winding_path(e: Easel) -> list[tuple[float, float]]:
    """A winding path: a random walk in angle, from an edge or from the ground."""
    at_edge = e.chance(0.4)
    x, y = (e.jitter(16, 13), 31.5) if at_edge else (e.jitter(16, 7), e.jitter(26, 2))
    angle, turn = e.jitter(-np.pi / 2, 0.7), 0.0
    points = [(x, y)]
    swing = float(e.rng.uniform(0.05, 0.2))
    for _ in range(int(e.rng.integers(16, 34))):
        turn = 0.86 * turn + float(e.rng.normal(0, swing))
        if not (4 < x < 28 and 4 < y < 28):
            turn += 0.25 * np.sign(np.sin(np.arctan2(16 - y, 16 - x) - angle))
        angle += turn
        x, y = x + 1.6 * float(np.cos(angle)), y + 1.6 * float(np.sin(angle))
        points.append((x, y))
    return points


def serpent(e: Easel, color: np.ndarray) -> None:
    """A snake or worm, with a head."""
    points = winding_path(e)
    width = e.jitter(4, 1.2)
    e.paint(e.shape().limb(points, 1.4, width), color)
    if e.chance(0.5):  # rings
        for x, y in points[3::4]:
            e.paint(e.shape().ellipse(x, y, width * 0.3, width * 0.3), shade(e, color))
    x, y = points[-1]
    e.paint(e.shape().ellipse(x, y, width * 0.75 + 0.6, width * 0.65 + 0.5), color)
    e.eyes(x, y - 0.6, 1.2)


def crawler(e: Easel, color: np.ndarray) -> None:
    """A spider, beetle, scorpion or crab from above."""
    y, spread = e.jitter(18, 1.5), e.jitter(12.5, 1.5)
    for number in range(int(e.rng.choice([3, 4]))):
        for side in (-1, 1):
            start = y - 5 + 3 * number
            knee = (16 + side * spread * 0.62, e.jitter(start - 4 + 1.6 * number))
            e.paint(
                e.shape().limb([(16, start), knee, (16 + side * spread, e.jitter(start + 2 + number, 1.5))], 1.9, 1.2),
                color * 0.85,
            )
    if e.chance(0.3):  # pincers
        for side in (-1, 1):
            e.paint(e.shape().limb([(16 + side * 3, 11), (16 + side * 8, 8), (16 + side * 6, 4)], 2.4, 1.6), color)
    e.paint(e.shape().ellipse(16, y + 2, e.jitter(6, 1.2), e.jitter(6.5, 1.2)), color)
    e.paint(e.shape().ellipse(16, y - 5, e.jitter(3.8, 0.7), 3.4), shade(e, color))
    e.eyes(15.6, y - 6.5, 1.6)
