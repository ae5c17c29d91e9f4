"""Body plans: people, beasts, winged ones, serpents, crawlers, elementals, plants. Each paints itself part by part.

Drawn facing left or frontally, feet near y = 29, in units of a 32 px canvas.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pixelpipe.models.pretrain_tiny.easel import Easel

SKINS = (
    (224, 176, 140), (196, 140, 104), (140, 92, 64), (110, 150, 70), (96, 120, 170), (180, 60, 50), (170, 170, 180),
)  # fmt: skip
METALS = ((150, 156, 170), (110, 116, 130), (200, 170, 80), (120, 80, 50))
CLOTHS = (
    (150, 40, 40), (60, 90, 180), (50, 120, 60), (110, 60, 150), (190, 150, 60), (90, 70, 60), (60, 60, 72),
    (210, 206, 200), (40, 130, 130), (200, 100, 50),
)  # fmt: skip
HAIRS = ((60, 40, 30), (20, 20, 26), (190, 150, 70), (170, 70, 30), (210, 210, 215))


def _pick(e: Easel, colors: tuple[tuple[int, int, int], ...]) -> np.ndarray:
    color = np.array(colors[int(e.rng.integers(len(colors)))], np.float32)
    return np.clip(color + e.rng.normal(0, 14, 3), 8, 250).astype(np.float32)


def _held(e: Easel, x: float, y: float, metal: np.ndarray, wood: np.ndarray) -> None:
    """A weapon in a hand at (x, y)."""
    kind = int(e.rng.integers(6))
    up = e.jitter(-11, 3)
    lean = e.jitter(0, 3)
    if kind == 0:  # sword
        e.paint(e.shape().limb([(x, y), (x + lean - 2, y + up)], 2.2, 1.2), metal)
        e.paint(e.shape().limb([(x - 2.5, y - 1), (x + 2, y - 1.5)], 1.4), wood)
    elif kind == 1:  # axe
        e.paint(e.shape().limb([(x, y + 5), (x + lean, y + up)], 1.5), wood)
        e.paint(e.shape().polygon((x + lean, y + up), (x + lean - 5, y + up - 1), (x + lean - 4, y + up + 6)), metal)
    elif kind == 2:  # staff
        e.paint(e.shape().limb([(x, 29), (x + lean / 2, y + up)], 1.5), wood)
        e.paint(e.shape().ellipse(x + lean / 2, y + up, 2.2, 2.2), _pick(e, CLOTHS), glow=e.chance(0.6))
    elif kind == 3:  # spear
        e.paint(e.shape().limb([(x, 28), (x + lean, y + up)], 1.3), wood)
        e.paint(e.shape().polygon((x + lean - 1.8, y + up), (x + lean + 1.8, y + up), (x + lean, y + up - 5)), metal)
    elif kind == 4:  # bow
        bow = [(x + 1, y - 8), (x - 3, y - 4), (x - 3.6, y), (x - 3, y + 4), (x + 1, y + 8)]
        e.paint(e.shape().limb(bow, 1.5), wood)
    else:  # club
        e.paint(e.shape().limb([(x, y + 1), (x + lean, y + up + 2)], 1.8, 4), wood)


def _head(e: Easel, x: float, y: float, size: float, skin: np.ndarray) -> None:
    hair = _pick(e, HAIRS)
    metal = _pick(e, METALS)
    if e.chance(0.35):  # long hair behind
        e.paint(e.shape().ellipse(x, y + 1.5, size + 1.2, size + 2), hair)
    e.paint(e.shape().ellipse(x, y, size, size * e.jitter(1.08, 0.1)), skin)
    e.eyes(x - 0.4, y - 0.1, max(1.2, size * 0.42))
    top = int(e.rng.integers(8))
    if top == 0:  # helmet
        e.paint(e.shape().ellipse(x, y - 1.6, size + 0.5, size * 0.75), metal)
    elif top == 1:  # pointed hat
        cloth = _pick(e, CLOTHS)
        e.paint(
            e.shape().polygon((x - size - 2, y - 1.5), (x + size + 2, y - 1.5), (e.jitter(x, 3), y - size - 5)), cloth
        )
    elif top == 2:  # hood
        cloth = _pick(e, CLOTHS)
        e.paint(e.shape().ellipse(x, y - 0.8, size + 1.3, size + 1.2), cloth)
        e.paint(e.shape().ellipse(x - 0.3, y + 0.6, size * 0.62, size * 0.7), np.array((24, 18, 26), np.float32))
        e.eyes(x - 0.4, y + 0.3, 1.1)
    elif top == 3:  # horns
        for side in (-1, 1):
            horn = [
                (x + side * size * 0.6, y - size * 0.6),
                (x + side * (size + 1.5), y - size - 1),
                (x + side * size, y - size - 4),
            ]
            e.paint(e.shape().limb(horn, 1.8, 0.8), np.array((220, 210, 180), np.float32))
    elif top == 4:  # crown
        points = [(x - size, y - 1.4), (x - size, y - size - 2), (x - size / 2, y - size), (x, y - size - 2.4)]
        points += [(x + size / 2, y - size), (x + size, y - size - 2), (x + size, y - 1.4)]
        e.paint(e.shape().polygon(*points), np.array((222, 180, 60), np.float32))
    elif top < 7:  # hair
        e.paint(e.shape().ellipse(x + 0.4, y - size * 0.55, size + 0.3, size * 0.6), hair)
    if e.chance(0.22):  # ears
        for side in (-1, 1):
            e.paint(
                e.shape().polygon((x + side * size, y - 1), (x + side * (size + 3), y - 3), (x + side * size, y + 1)),
                skin,
            )
    if e.chance(0.22):  # beard
        e.paint(
            e.shape().polygon((x - size * 0.8, y + 1.5), (x + size * 0.8, y + 1.5), (x, y + size + e.jitter(3, 1.5))),
            hair,
        )


def _wings(e: Easel, x: float, y: float, color: np.ndarray) -> None:
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


def person(e: Easel, color: np.ndarray) -> None:
    """A person, demon, undead or golem: armored, robed or bare, mostly with something in the hand."""
    wide, top = e.jitter(1.05, 0.35), e.jitter(7.5, 2.5)
    x = e.jitter(15.5, 1)
    skin = _pick(e, SKINS) if e.chance(0.7) else color
    trousers, wood, metal = _pick(e, CLOTHS), _pick(e, METALS[3:]), _pick(e, METALS)
    size = e.jitter(3.7, 0.6) * min(1.15, wide)
    shoulder, hip = top + size + 1.5, e.jitter(20, 1)
    if e.chance(0.16):
        _wings(e, x, shoulder, _pick(e, CLOTHS))
    if e.chance(0.3):  # cape
        cloth = _pick(e, CLOTHS)
        low = e.jitter(26, 2)
        e.paint(
            e.shape().polygon(
                (x - 4 * wide, shoulder), (x + 4 * wide, shoulder), (x + 8 * wide, low), (x - 7 * wide, low)
            ),
            cloth,
        )
    robed = e.chance(0.33)
    if robed:
        hem = e.jitter(7, 1.5) * wide
        e.paint(
            e.shape().polygon((x - 3.6 * wide, shoulder), (x + 3.6 * wide, shoulder), (x + hem, 29), (x - hem, 29)),
            color,
        )
    else:
        for side in (-1, 1):
            foot = x + side * e.jitter(4 * wide, 1)
            e.paint(
                e.shape().limb([(x + side * 2.2 * wide, hip), (foot, 27)], 3.6 * wide**0.5, 2.8),
                trousers if e.chance(0.8) else skin,
            )
            e.paint(e.shape().ellipse(foot - 0.6, 28, 2.2, 1.4), wood)
        e.paint(
            e.shape()
            .polygon(
                (x - 4.6 * wide, shoulder),
                (x + 4.6 * wide, shoulder),
                (x + 3.4 * wide, hip + 1),
                (x - 3.4 * wide, hip + 1),
            )
            .ellipse(x, shoulder + 2, 4.4 * wide, 3),
            color,
        )
    if e.chance(0.5):  # belt, or a sash
        e.paint(e.shape().limb([(x - 3.4 * wide, hip), (x + 3.4 * wide, hip - e.jitter(0.5, 0.5))], 1.4), wood)
    hands = []
    for side in (-1, 1):
        elbow = (x + side * e.jitter(6.4 * wide, 0.8), e.jitter(shoulder + 5, 1))
        hand = (x + side * e.jitter(7 * wide, 1.8), e.jitter(shoulder + 9, 3.5))
        e.paint(
            e.shape().limb([(x + side * 4.3 * wide, shoulder + 1.2), elbow, hand], 3.1 * wide**0.5, 2.2),
            color if e.chance(0.7) else skin,
        )
        hands.append(hand)
    _head(e, x, top, size, skin)
    if e.chance(0.65):
        _held(e, *hands[0], metal, wood)
    if e.chance(0.25):  # shield
        e.paint(e.shape().ellipse(hands[1][0], hands[1][1], 3.6, 4.4), _pick(e, METALS))
    for hand in hands:
        e.paint(e.shape().ellipse(*hand, 1.4, 1.4), skin)


def statue(e: Easel, color: np.ndarray) -> None:
    """A person of one stone on a plinth."""
    gray = np.full(3, color.mean(), np.float32) * 0.7 + color * 0.3
    x, top = 16.0, e.jitter(6, 1)
    e.paint(e.shape().polygon((7, 26), (25, 26), (27, 31), (5, 31)), gray)
    e.paint(e.shape().polygon((12, top + 5), (20, top + 5), (e.jitter(21), 26), (e.jitter(11), 26)), gray)
    for side in (-1, 1):
        e.paint(
            e.shape().limb(
                [(x + side * 4, top + 6), (x + side * 6, top + 11), (x + side * e.jitter(3, 3), e.jitter(top + 13, 3))],
                2.8,
            ),
            gray,
        )
    e.paint(e.shape().ellipse(x, top, 3.6, 4), gray)
    e.eyes(x, top, 1.6)


def beast(e: Easel, color: np.ndarray) -> None:
    """Four legs, from the side."""
    second = _pick(e, CLOTHS)
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
    wing = _pick(e, CLOTHS)
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
    _wings(e, 16, e.jitter(12, 2), _pick(e, CLOTHS) if e.chance(0.5) else color * 0.8)
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


def _curve(e: Easel) -> list[tuple[float, float]]:
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
    points = _curve(e)
    width = e.jitter(4, 1.2)
    e.paint(e.shape().limb(points, 1.4, width), color)
    if e.chance(0.5):  # rings
        for x, y in points[3::4]:
            e.paint(e.shape().ellipse(x, y, width * 0.3, width * 0.3), _shade(e, color))
    x, y = points[-1]
    e.paint(e.shape().ellipse(x, y, width * 0.75 + 0.6, width * 0.65 + 0.5), color)
    e.eyes(x, y - 0.6, 1.2)


def vine(e: Easel, color: np.ndarray) -> None:
    """A tentacle, vine or branch: no head, sometimes suckers or leaves."""
    for _ in range(int(e.rng.choice([1, 1, 1, 2]))):
        points = _curve(e)
        width = e.jitter(3.2, 1)
        e.paint(e.shape().limb(points, width, 1.2), color)
        if e.chance(0.4):
            for x, y in points[2:-3:4]:
                e.paint(e.shape().ellipse(e.jitter(x, 1.6), e.jitter(y, 1.6), 1.3, 1), _shade(e, color))


def _shade(e: Easel, color: np.ndarray) -> np.ndarray:
    return np.clip(color * e.jitter(1.0, 0.4) + e.rng.normal(0, 16, 3), 0, 255).astype(np.float32)


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
    e.paint(e.shape().ellipse(16, y - 5, e.jitter(3.8, 0.7), 3.4), _shade(e, color))
    e.eyes(15.6, y - 6.5, 1.6)


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
        e.paint(e.shape().polygon(*points), _shade(e, color))


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
    bark = _pick(e, METALS[3:])
    e.paint(e.shape().polygon((14, 14), (18, 14), (e.jitter(21), 30), (e.jitter(11), 30)), bark)
    for _ in range(int(e.rng.integers(2, 5))):
        e.paint(e.shape().limb([(16, 18), (e.jitter(16, 9), e.jitter(11, 4))], 2.2, 1.2), bark)
    if e.chance(0.3):
        e.paint(e.shape().ellipse(16, 12, e.jitter(11, 2), e.jitter(7)), color)
    else:
        for _ in range(int(e.rng.integers(4, 9))):
            e.paint(
                e.shape().ellipse(e.jitter(16, 8), e.jitter(10, 5), e.jitter(4.5, 1.5), e.jitter(3.6)), _shade(e, color)
            )
    if e.chance(0.4):
        e.eyes(15.6, 20, 2)


@dataclass(frozen=True, slots=True)
class Body:
    """A body plan, the names that it goes by, the groups that captions mention, and how often it is drawn."""

    paint: Callable[[Easel, np.ndarray], None]
    names: tuple[str, ...]
    groups: tuple[str, ...]
    weight: float


BODIES = (
    Body(
        person,
        (
            "goblin", "orc", "orc warrior", "knight", "guard", "soldier", "zombie", "warrior", "wizard", "mage", "elf",
            "priest", "archer", "golem", "giant", "ogre", "troll", "demon", "imp", "skeleton", "king", "dwarf", "human",
            "merfolk", "vampire", "mummy", "monk", "necromancer", "shaman", "fighter",
        ),
        ("humanoid", "undead", "demons", "unique"),
        0.38,
    ),
    Body(statue, ("statue", "stone figure", "idol"), ("statues", "nonliving"), 0.03),
    Body(
        beast,
        (
            "wolf", "dog", "bear", "cat", "boar", "hound", "pig", "horse", "rat", "yak", "elephant", "sheep", "lion",
            "turtle", "lizard", "crocodile", "fox",
        ),
        ("animals",),
        0.13,
    ),
    Body(dragon, ("dragon", "drake", "wyvern"), ("dragons", "animals"), 0.06),
    Body(flyer, ("bat", "moth", "butterfly", "bird", "harpy", "gargoyle"), ("animals", "demons"), 0.06),
    Body(serpent, ("snake", "worm", "serpent", "eel", "naga", "adder"), ("animals", "aquatic"), 0.06),
    Body(vine, ("tentacle", "vine", "branch", "tentacle segment", "root"), ("tentacles", "plants"), 0.06),
    Body(crawler, ("spider", "beetle", "ant", "scorpion", "crab", "bug"), ("animals",), 0.06),
    Body(fire, ("flame", "fire elemental", "storm", "vortex", "wisp", "spark"), ("nonliving", "vortices"), 0.05),
    Body(crystal, ("crystal", "ice", "ice statue", "shards"), ("nonliving",), 0.03),
    Body(blob, ("jelly", "slime", "ooze", "blob", "floating eye", "mass"), ("amorphous", "eyes"), 0.04),
    Body(ghost, ("ghost", "spirit", "phantom", "wraith", "shadow"), ("undead",), 0.05),
    Body(tree, ("tree", "bush", "plant", "mushroom", "fungus"), ("plants",), 0.03),
)  # fmt: skip
