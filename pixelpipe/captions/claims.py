"""Color claims against pixels: which are shown, which are false, and which color has bled from one thing to another."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pixelpipe.captions.colors import NAMES, name_indices
from pixelpipe.captions.findings import Finding
from pixelpipe.captions.regions import PLACES, Claim, accepted, color_claims, learn_region

# Where a part is in a portrait, as shares of its side (top, bottom, left, right): only asked where nothing was learned
SMALL_PLACES = {"earrings": ((0.4, 0.8, 0.0, 0.3), (0.4, 0.8, 0.7, 1.0))}
BRIGHT = {"gold": ("yellow", "orange"), "golden": ("yellow", "orange"), "silver": ("light gray", "white")}  # no skin
ACCENT_PX = 16  # pixels of the whole picture: more of a color is no small thing


@dataclass(frozen=True, slots=True)
class FalseClaim:
    claim: Claim
    reason: str
    true_place: str | None  # another thing of this caption that does have the color


@dataclass(frozen=True, slots=True)
class ColorCheck:
    """Of every image: where a claimed color is shown, and where it is not."""

    shown: list[frozenset[tuple[int, int]]]  # characters from the color to its noun
    placed: list[frozenset[tuple[int, int]]]  # those whose color is where the thing is, not just anywhere
    false: dict[int, list[FalseClaim]]

    def findings(self, row: int, name: str, text: str) -> Iterator[Finding]:
        for wrong in self.false.get(row, []):
            claim = wrong.claim
            words = text[claim.start : claim.noun_end]
            rule = "color" if wrong.true_place is None else "color_bleed"
            span = ((claim.start, claim.end),)
            yield Finding(name, rule, "warning", f"{claim.color} {claim.noun}", words, wrong.reason, span)


def check_colors(sprites: npt.NDArray[np.uint8], captions: Sequence[str]) -> ColorCheck:
    """`sprites` (N, g, g, 3) uint8 with a caption each."""
    claims = color_claims(captions)
    by_place: dict[str, list[Claim]] = defaultdict(list)
    for claim in claims:
        by_place[claim.place].append(claim)
    verdicts: dict[Claim, str | None] = {}
    placed: set[Claim] = set()
    for place, own in by_place.items():
        region = learn_region(sprites, own, claims)
        if region is not None or place in SMALL_PLACES:
            placed.update(own)
        for index, claim in enumerate(own):
            if region is None:
                verdicts[claim] = _anywhere(sprites[claim.row], claim)
            elif region.found[index] >= region.needed[index]:
                verdicts[claim] = None
            else:
                size = int((region.weights > 0).sum())
                verdicts[claim] = (
                    f"{region.found[index]} of the {size} px where the colors of {_called(place)} show are "
                    f"{claim.color}; at least {region.needed[index]} where it is true"
                )
    return _by_row(len(captions), verdicts, placed)


def _by_row(num: int, verdicts: dict[Claim, str | None], placed: set[Claim]) -> ColorCheck:
    shown: list[set[tuple[int, int]]] = [set() for _ in range(num)]
    where_it_is: list[set[tuple[int, int]]] = [set() for _ in range(num)]
    true_places: dict[tuple[int, str], str] = {}
    for claim, reason in verdicts.items():
        if reason is None:
            shown[claim.row].add((claim.start, claim.noun_end))
            if claim in placed:
                where_it_is[claim.row].add((claim.start, claim.noun_end))
            true_places[claim.row, claim.color] = claim.noun
    false: dict[int, list[FalseClaim]] = defaultdict(list)
    for claim, reason in verdicts.items():
        if reason is not None:
            other = true_places.get((claim.row, claim.color))
            also = "" if other is None else f"; the {other} is {claim.color}"
            false[claim.row].append(FalseClaim(claim, reason + also, other))
    return ColorCheck(list(map(frozenset, shown)), list(map(frozenset, where_it_is)), dict(false))


def _anywhere(sprite: npt.NDArray[np.uint8], claim: Claim) -> str | None:
    """Without a learned region: why the claim is false, or None. A small thing needs a small patch at its place."""
    matches = accepted(name_indices(sprite), claim.color)
    if not matches.any():
        return f"no pixel of the picture is {claim.color}"
    boxes = SMALL_PLACES.get(claim.place)
    if claim.color in BRIGHT:
        matches = np.isin(name_indices(sprite), [NAMES.index(name) for name in BRIGHT[claim.color]])
    if boxes is not None and not _small_patch(sprite, matches, boxes):
        return f"no small patch of {claim.color} where {_called(claim.place)} would be"
    return None


def _small_patch(
    sprite: npt.NDArray[np.uint8], matches: npt.NDArray[np.bool_], boxes: Sequence[tuple[float, float, float, float]]
) -> bool:
    grid = len(sprite)
    for top, bottom, left, right in boxes:
        box = np.zeros_like(matches)
        box[int(top * grid) : round(bottom * grid), int(left * grid) : round(right * grid)] = True
        for color in np.unique(sprite[box & matches], axis=0):
            if (sprite == color).all(axis=-1).sum() <= ACCENT_PX:
                return True
    return False


def _called(place: str) -> str:
    return place if place in set(PLACES.values()) else f"“{place}”"
