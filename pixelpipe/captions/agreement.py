"""Does a picture show the colors that its prompt names?"""

import re

import numpy as np
import numpy.typing as npt

from pixelpipe.captions.color_words import COLOR_WORDS
from pixelpipe.captions.colors import NAMES, name_indices

MIN_SHARE = 0.01  # of the pixels: 6 of 576, more than a pair of eyes, less than a headband

Sprites = npt.NDArray[np.uint8]


def named_colors(caption: str) -> tuple[str, ...]:
    """The color words of a caption, each once, in order: "red cap, blue background" -> ("red", "blue")."""
    words = re.findall(r"[a-z]+", caption.lower())
    return tuple(dict.fromkeys(word for word in words if word in COLOR_WORDS))


def named_color_agreement(caption: str, sprite: Sprites) -> float | None:
    """Share of the caption's color words of which `sprite` (g, g, 3) uint8 sRGB has pixels, in [0, 1].

    A word is shown when at least 1% of the pixels have one of the coarse names that it may look like. Null where the
    caption names no color. Words are generous and places are not asked for, so it is a figure of a set of 20 or more:
    150 synthetic portraits have 0.95 with their own captions and 0.80 with each other's. Noise shows every color and
    has 1: `geary_c` tells noise from art.
    """
    words = named_colors(caption)
    if not words:
        return None
    shares = np.bincount(name_indices(sprite).ravel(), minlength=len(NAMES)) / (sprite.shape[0] * sprite.shape[1])
    share_of = dict(zip(NAMES, shares.tolist(), strict=True))
    shown = [sum(share_of[name] for name in COLOR_WORDS[word]) >= MIN_SHARE for word in words]
    return sum(shown) / len(shown)
