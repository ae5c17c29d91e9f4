"""Body plans of people: clothed, armed, with heads of many kinds; from the front, feet near y = 29."""

import numpy as np

from pixelpipe.models.pretrain_tiny.animals import wings
from pixelpipe.models.pretrain_tiny.easel import Easel
from pixelpipe.models.pretrain_tiny.pigments import CLOTHS, HAIRS, METALS, SKINS, pick


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
        e.paint(e.shape().ellipse(x + lean / 2, y + up, 2.2, 2.2), pick(e, CLOTHS), glow=e.chance(0.6))
    elif kind == 3:  # spear
        e.paint(e.shape().limb([(x, 28), (x + lean, y + up)], 1.3), wood)
        e.paint(e.shape().polygon((x + lean - 1.8, y + up), (x + lean + 1.8, y + up), (x + lean, y + up - 5)), metal)
    elif kind == 4:  # bow
        bow = [(x + 1, y - 8), (x - 3, y - 4), (x - 3.6, y), (x - 3, y + 4), (x + 1, y + 8)]
        e.paint(e.shape().limb(bow, 1.5), wood)
    else:  # club
        e.paint(e.shape().limb([(x, y + 1), (x + lean, y + up + 2)], 1.8, 4), wood)


def _head(e: Easel, x: float, y: float, size: float, skin: np.ndarray) -> None:
    hair = pick(e, HAIRS)
    metal = pick(e, METALS)
    if e.chance(0.35):  # long hair behind
        e.paint(e.shape().ellipse(x, y + 1.5, size + 1.2, size + 2), hair)
    e.paint(e.shape().ellipse(x, y, size, size * e.jitter(1.08, 0.1)), skin)
    e.eyes(x - 0.4, y - 0.1, max(1.2, size * 0.42))
    top = int(e.rng.integers(8))
    if top == 0:  # helmet
        e.paint(e.shape().ellipse(x, y - 1.6, size + 0.5, size * 0.75), metal)
    elif top == 1:  # pointed hat
        cloth = pick(e, CLOTHS)
        e.paint(
            e.shape().polygon((x - size - 2, y - 1.5), (x + size + 2, y - 1.5), (e.jitter(x, 3), y - size - 5)), cloth
        )
    elif top == 2:  # hood
        cloth = pick(e, CLOTHS)
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


def person(e: Easel, color: np.ndarray) -> None:
    """A person, demon, undead or golem: armored, robed or bare, mostly with something in the hand."""
    wide, top = e.jitter(1.05, 0.35), e.jitter(7.5, 2.5)
    x = e.jitter(15.5, 1)
    skin = pick(e, SKINS) if e.chance(0.7) else color
    trousers, wood, metal = pick(e, CLOTHS), pick(e, METALS[3:]), pick(e, METALS)
    size = e.jitter(3.7, 0.6) * min(1.15, wide)
    shoulder, hip = top + size + 1.5, e.jitter(20, 1)
    if e.chance(0.16):
        wings(e, x, shoulder, pick(e, CLOTHS))
    if e.chance(0.3):  # cape
        cloth = pick(e, CLOTHS)
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
        e.paint(e.shape().ellipse(hands[1][0], hands[1][1], 3.6, 4.4), pick(e, METALS))
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
