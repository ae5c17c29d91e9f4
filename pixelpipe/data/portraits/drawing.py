"""Drawing a portrait: colors for every ink, then stamps from back to front."""

import numpy as np

from pixelpipe.data.portraits import hair_art, head_art, wear_art
from pixelpipe.data.portraits.stamps import GRID, Rgb, Stamp, print_stamp
from pixelpipe.data.portraits.traits import ABSENT, HIDES_EYES, OPEN_HEADWEAR, Traits

OUTLINE: Rgb = (38, 24, 36)
WHITE: Rgb = (246, 240, 230)
LIPSTICK: Rgb = (196, 44, 60)
WARM_LIGHT: Rgb = (255, 236, 190)
COOL_SHADE: Rgb = (52, 20, 74)

# skin: (base, shade, blush, mouth line)
SKIN_COLORS: dict[str, tuple[Rgb, Rgb, Rgb, Rgb]] = {
    "pale": ((252, 226, 206), (228, 182, 166), (248, 186, 178), (150, 72, 74)),
    "light": ((244, 198, 160), (212, 150, 120), (238, 152, 128), (142, 62, 58)),
    "tan": ((218, 160, 108), (180, 116, 78), (212, 122, 88), (118, 50, 42)),
    "brown": ((164, 104, 68), (124, 72, 50), (160, 76, 56), (78, 32, 32)),
    "dark": ((108, 68, 52), (78, 46, 40), (118, 56, 50), (46, 20, 26)),
    "green": ((134, 180, 92), (92, 134, 70), (160, 168, 76), (48, 76, 44)),
    "blue": ((134, 178, 222), (94, 130, 186), (154, 150, 214), (46, 60, 120)),
}

COLORS: dict[str, Rgb] = {
    "beige": (226, 206, 172), "black": (58, 52, 64), "blonde": (244, 206, 98), "blue": (66, 108, 196),
    "brown": (124, 76, 46), "cyan": (84, 214, 226), "gold": (242, 190, 60), "gray": (140, 140, 150),
    "green": (82, 152, 74), "mint": (166, 222, 190), "orange": (232, 126, 48), "pink": (240, 138, 172),
    "purple": (134, 82, 172), "red": (196, 56, 52), "ruby": (214, 40, 84), "silver": (196, 204, 214),
    "teal": (48, 150, 150), "white": (232, 228, 226), "yellow": (246, 206, 84),
}  # fmt: skip

BACKGROUND_COLORS: dict[str, Rgb] = {
    "teal": (92, 172, 168), "blue": (112, 160, 214), "green": (136, 184, 116), "yellow": (246, 216, 122),
    "orange": (242, 164, 96), "pink": (244, 174, 190), "purple": (160, 132, 202), "gray": (168, 170, 178),
    "beige": (230, 212, 182), "mint": (180, 228, 204),
}  # fmt: skip

ACCENTS = {
    "red": "yellow",
    "orange": "teal",
    "yellow": "red",
    "green": "gold",
    "teal": "orange",
    "pink": "purple",
}
BANDS = {"gold": "ruby", "black": "red", "brown": "beige", "blue": "gold"}


def _mix(color: Rgb, other: Rgb, share: float) -> Rgb:
    red, green, blue = (round(c + (o - c) * share) for c, o in zip(color, other, strict=True))
    return red, green, blue


def _shade(color: Rgb) -> Rgb:
    return _mix(color, COOL_SHADE, 0.38)


def _light(color: Rgb) -> Rgb:
    return _mix(color, WARM_LIGHT, 0.4)


def _skin_inks(traits: Traits) -> dict[str, Rgb]:
    base, shade, blush, mouth = SKIN_COLORS[traits.skin]
    return {"s": base, "d": shade, "b": blush, "m": mouth, "t": WHITE, "L": LIPSTICK, "#": OUTLINE}


def _hair_inks(traits: Traits, shade_of_skin: Rgb) -> dict[str, Rgb]:
    if traits.hair_color == ABSENT:
        return {"n": _shade(shade_of_skin)}
    hair = COLORS[traits.hair_color]
    stubble = _mix(shade_of_skin, hair, 0.3)
    return {"h": hair, "i": _shade(hair), "j": _light(hair), "n": _shade(hair), "z": stubble}


def _eye_inks(traits: Traits) -> dict[str, Rgb]:
    iris = OUTLINE if traits.eyes in (ABSENT, "black") else COLORS[traits.eyes]
    return {"o": WHITE, "p": iris}


def _clothes_inks(traits: Traits) -> dict[str, Rgb]:
    cloth = COLORS[traits.clothes_color]
    accent = COLORS[ACCENTS.get(traits.clothes_color, "red")]
    return {"c": cloth, "e": _shade(cloth), "f": _light(cloth), "k": accent}


def _headwear_inks(color_name: str) -> dict[str, Rgb]:
    color = COLORS[color_name]
    band = COLORS[BANDS.get(color_name, "white")]
    return {"w": color, "x": _shade(color), "y": _light(color), "v": band}


def _eyewear_inks(color_name: str, kind: str) -> dict[str, Rgb]:
    color = COLORS.get(color_name, WHITE)
    frame = _mix(color, OUTLINE, 0.6) if color_name == "black" else color
    lens = _shade(color) if kind == "sunglasses" else color
    return {"g": _shade(color) if kind == "visor" else frame, "q": lens, "r": _light(color)}


def _split_color(name: str) -> tuple[str, str]:
    """Split "black top hat" into ("black", "top hat"); names without a color keep their kind whole."""
    color_name, _, kind = name.partition(" ")
    return (color_name, kind) if color_name in COLORS else ("", name)


def _print_hair(sprite: np.ndarray, traits: Traits, inks: dict[str, Rgb]) -> None:
    if traits.hair == "bald":
        return
    piece = hair_art.HAIRS[traits.hair]
    if traits.headwear not in OPEN_HEADWEAR | {ABSENT}:
        hat = _headwear(traits)
        piece = _below(piece, hat.top + len(hat.rows) - 3)
    print_stamp(sprite, piece, inks)


def _below(piece: Stamp, first_row: int) -> Stamp:
    """Cut away the rows of hair that a hat hides."""
    num_hidden = max(0, first_row - piece.top)
    return Stamp(piece.top + num_hidden, piece.rows[num_hidden:])


def _headwear(traits: Traits) -> Stamp:
    return wear_art.HEADWEAR[_split_color(traits.headwear)[1]]


def _print_face(sprite: np.ndarray, traits: Traits, inks: dict[str, Rgb]) -> None:
    print_stamp(sprite, head_art.BROWS, inks)
    if traits.eyewear not in HIDES_EYES:
        print_stamp(sprite, head_art.EYES, inks)
    print_stamp(sprite, head_art.NOSE, inks)
    facial_hair = head_art.FACIAL_HAIR.get(traits.facial_hair)
    mouth = head_art.MOUTHS[traits.mouth]
    over_mouth = traits.facial_hair == "mustache"
    for piece in (mouth, facial_hair) if over_mouth else (facial_hair, mouth):
        if piece is not None:
            print_stamp(sprite, piece, inks)


def _print_wear(sprite: np.ndarray, traits: Traits, inks: dict[str, Rgb]) -> None:
    if traits.eyewear != ABSENT:
        color_name, kind = _split_color(traits.eyewear)
        print_stamp(sprite, wear_art.EYEWEAR[kind], inks | _eyewear_inks(color_name, kind))
    if traits.headwear != ABSENT:
        color_name, _ = _split_color(traits.headwear)
        print_stamp(sprite, _headwear(traits), inks | _headwear_inks(color_name))
    if traits.earrings != ABSENT:
        metal = COLORS[_split_color(traits.earrings)[0]]
        print_stamp(sprite, head_art.EARRINGS, {"a": _light(metal), "A": metal})


def render(traits: Traits) -> np.ndarray:
    """Draw `traits` as a sprite: (24, 24, 3) uint8, sRGB, flat cells."""
    inks = _skin_inks(traits) | {"1": COLORS["red"], "2": COLORS["blue"], "P": COLORS["brown"]}
    inks |= {"Q": _shade(COLORS["brown"])} | _hair_inks(traits, inks["d"]) | _eye_inks(traits)
    inks |= _clothes_inks(traits)
    sprite = np.empty((GRID, GRID, 3), dtype=np.uint8)
    sprite[:] = BACKGROUND_COLORS[traits.background]
    print_stamp(sprite, head_art.HEAD, inks)
    print_stamp(sprite, wear_art.CLOTHES[traits.clothes], inks)
    _print_face(sprite, traits, inks)
    _print_hair(sprite, traits, inks)
    _print_wear(sprite, traits, inks)
    return sprite
