"""Traits of a synthetic portrait: the vocabulary, and how a plausible combination is drawn."""

from dataclasses import dataclass

import numpy as np

ABSENT = "none"

SKINS = ("pale", "light", "tan", "brown", "dark", "green", "blue")
HAIR_COLORS = (
    "black",
    "brown",
    "blonde",
    "red",
    "orange",
    "gray",
    "white",
    "pink",
    "blue",
    "purple",
    "green",
)
EYE_COLORS = ("black", "brown", "blue", "green", "red")
HAIRS = (
    "bald", "buzz cut", "short", "side part", "long", "bob", "curly", "afro", "mohawk", "spiky", "ponytail",
    "bun", "braided",
)  # fmt: skip
EYEWEAR = (
    "black glasses", "red glasses", "gold glasses", "black sunglasses", "purple sunglasses", "3d glasses",
    "black eye patch", "cyan visor",
)  # fmt: skip
HEADWEAR = (
    "red cap", "blue cap", "green beanie", "orange beanie", "black top hat", "brown cowboy hat", "gold crown",
    "white headband", "red headband", "purple bandana", "blue wizard hat",
)  # fmt: skip
EARRINGS = ("gold earrings", "silver earrings", "ruby earrings")
FACIAL_HAIR = ("beard", "mustache", "goatee", "stubble")
MOUTHS = ("smile", "straight mouth", "frown", "grin", "red lips", "pipe")
BEARDED_MOUTHS = ("smile", "straight mouth", "frown", "grin", "pipe")
CLOTHES = ("shirt", "striped shirt", "hoodie", "suit", "turtleneck", "overalls", "tank top")
CLOTHES_COLORS = (
    "red",
    "orange",
    "yellow",
    "green",
    "teal",
    "blue",
    "purple",
    "pink",
    "white",
    "gray",
    "black",
)
BACKGROUNDS = ("teal", "blue", "green", "yellow", "orange", "pink", "purple", "gray", "beige", "mint")

HIDES_EYES = frozenset({"black sunglasses", "purple sunglasses", "3d glasses", "cyan visor"})
OPEN_HEADWEAR = frozenset({"white headband", "red headband"})
HAIRS_UNDER_HAT = ("bald", "buzz cut", "short", "long", "bob", "curly", "braided")


@dataclass(frozen=True, slots=True)
class Traits:
    """One portrait's named traits; `"none"` where a trait is absent or cannot be seen."""

    skin: str
    hair: str
    hair_color: str
    eyes: str
    eyewear: str
    headwear: str
    earrings: str
    facial_hair: str
    mouth: str
    clothes: str
    clothes_color: str
    background: str


def _pick(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[int(rng.integers(len(choices)))]


def _maybe(rng: np.random.Generator, probability: float, choices: tuple[str, ...]) -> str:
    choice = _pick(rng, choices)
    return choice if rng.random() < probability else ABSENT


def _pick_skin(rng: np.random.Generator) -> str:
    shares = (0.16, 0.22, 0.2, 0.18, 0.14, 0.05, 0.05)
    return str(rng.choice(SKINS, p=shares))


def _pick_hair(rng: np.random.Generator, headwear: str) -> str:
    is_covered = headwear != ABSENT and headwear not in OPEN_HEADWEAR
    return _pick(rng, HAIRS_UNDER_HAT if is_covered else HAIRS)


def draw_traits(rng: np.random.Generator) -> Traits:
    """Draw a combination in which every named trait is visible.

    A hat leaves only hair that shows below it, opaque eyewear hides the eyes, and a bald, shaven head has no
    hair color.
    """
    headwear = _maybe(rng, 0.35, HEADWEAR)
    hair = _pick_hair(rng, headwear)
    hair_color = _pick(rng, HAIR_COLORS)
    eyewear = _maybe(rng, 0.4, EYEWEAR)
    eyes = _pick(rng, EYE_COLORS)
    facial_hair = _maybe(rng, 0.3, FACIAL_HAIR)
    return Traits(
        skin=_pick_skin(rng),
        hair=hair,
        hair_color=ABSENT if hair == "bald" and facial_hair == ABSENT else hair_color,
        eyes=ABSENT if eyewear in HIDES_EYES else eyes,
        eyewear=eyewear,
        headwear=headwear,
        earrings=_maybe(rng, 0.3, EARRINGS),
        facial_hair=facial_hair,
        mouth=_pick(rng, MOUTHS if facial_hair == ABSENT else BEARDED_MOUTHS),
        clothes=_pick(rng, CLOTHES),
        clothes_color=_pick(rng, CLOTHES_COLORS),
        background=_pick(rng, BACKGROUNDS),
    )
