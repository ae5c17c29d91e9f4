"""Captions of a portrait: the plain kind that 24 pixels can show, and the over-detailed kind they cannot."""

from collections.abc import Iterator

import numpy as np

from pixelpipe.data.portraits.traits import ABSENT, Traits

TRIGGER = "pixel art portrait"
MAX_DETAILED_WORDS = 60

_HAIR_IS_NOUN = frozenset({"buzz cut", "bob", "afro", "mohawk", "ponytail", "bun"})
_HAIR_ADJECTIVES = {"side part": "side parted"}

# What captioners add to a trait although no 24 px sprite can hold it: the seed's "enhanced" captions.
_DETAILS: dict[str, tuple[str, ...]] = {
    "skin": (
        "with a subtle subsurface glow", "with visible pores and faint freckles", "with soft cheek fuzz",
        "with delicate laugh lines", "with a dewy satin finish",
    ),
    "hair": (
        "with fine flyaway strands", "with individually lit strands", "with a soft gradient toward the tips",
        "with wispy baby hairs at the hairline", "with glossy anisotropic highlights",
    ),
    "eyes": (
        "with radial iris fibers", "with tiny specular catchlights", "with long curled lashes",
        "with faint crow's feet", "with a thin limbal ring",
    ),
    "eyewear": (
        "with thin plastic frames and thin temples behind ears", "with tiny hinge screws",
        "with faint lens reflections", "with an engraved brand mark on the bridge", "with silicone nose pads",
    ),
    "headwear": (
        "with visible seam stitching", "with frayed thread ends", "with an embroidered inner label",
        "with creased fabric folds", "with fine woven texture",
    ),
    "earrings": (
        "with filigree engraving", "with a tiny hinged clasp", "with micro pave stones", "with brushed grain",
    ),
    "facial_hair": (
        "with individually visible hairs", "with neatly trimmed edges", "with coarse uneven growth",
        "with a few gray whiskers",
    ),
    "mouth": (
        "with subtle lip creases", "with a moist highlight on the lower lip", "with faint dimples",
        "with softly parted corners",
    ),
    "clothes": (
        "with a woven cotton collar and visible stitching", "with ribbed cuffs and tiny pearl buttons",
        "with soft linen wrinkles", "with a fine herringbone weave",
    ),
    "background": (
        "with gentle studio vignetting", "with a soft paper grain", "with faint bokeh lights",
        "with a smooth atmospheric gradient",
    ),
}  # fmt: skip


def _hair_phrase(traits: Traits) -> str:
    if traits.hair == "bald":
        return "bald"
    if traits.hair in _HAIR_IS_NOUN:
        return f"{traits.hair_color} {traits.hair}"
    return f"{_HAIR_ADJECTIVES.get(traits.hair, traits.hair)} {traits.hair_color} hair"


def _phrases(traits: Traits) -> Iterator[tuple[str, str]]:
    """Yield (subject, phrase) for every visible trait, the most telling first."""
    yield "skin", f"{traits.skin} skin"
    yield "hair", _hair_phrase(traits)
    if traits.eyes != ABSENT:
        yield "eyes", f"{traits.eyes} eyes"
    for subject in ("eyewear", "headwear", "earrings"):
        if (name := getattr(traits, subject)) != ABSENT:
            yield subject, name
    if traits.facial_hair != ABSENT:
        yield "facial_hair", f"{traits.hair_color} {traits.facial_hair}"
    yield "mouth", traits.mouth
    yield "clothes", f"{traits.clothes_color} {traits.clothes}"
    yield "background", f"{traits.background} background"


def plain_caption(traits: Traits) -> str:
    """Caption with only what the pixels show: trigger words, then one phrase a visible trait."""
    return ", ".join([TRIGGER, *(phrase for _, phrase in _phrases(traits))])


def detailed_caption(traits: Traits, rng: np.random.Generator) -> str:
    """Caption in the seed's "enhanced" manner, at most `MAX_DETAILED_WORDS` words.

    Every trait is still named; micro-details that cannot exist at 24 px are hung on as many of them, in
    random order, as the word limit allows.
    """
    phrases = dict(_phrases(traits))
    num_words = len(plain_caption(traits).split())
    for index in rng.permutation(len(phrases)):
        subject = list(phrases)[int(index)]
        detail = _DETAILS[subject][int(rng.integers(len(_DETAILS[subject])))]
        if num_words + len(detail.split()) <= MAX_DETAILED_WORDS:
            phrases[subject] += f" {detail}"
            num_words += len(detail.split())
    return ", ".join([TRIGGER, *phrases.values()])
