"""Where in a dataset's pictures a claimed color shows: learned from the claims themselves.

"red hair" claims that some pixels of the hair are red. Over all images that claim a color of hair, the pixels whose
color agrees with the claim more often than with other images' claims are where hair is. No detector, no fixed boxes:
it works for any art that is framed alike, and says so (None) where it does not.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans

from pixelpipe.analysis.color import srgb_to_oklab
from pixelpipe.captions.color_words import COLOR_WORDS
from pixelpipe.captions.colors import NAMES, name_indices, nearest_names
from pixelpipe.captions.grammar import segments

MIN_CLAIMS = 12
MIN_LIFT = 0.15  # agreement above chance, at a pixel, from which it can belong to the region
NUM_CLUSTERS = 32
MAX_PIXELS = 20_000  # that clusters are learned from
OF_SCARCE = 0.3
OFTEN_HIDDEN = 0.4
OF_BEST = 0.4  # share of the best pixel's lift

# Nouns whose colors lie at the same place
PLACES: Mapping[str, str] = {
    noun: place
    for place, nouns in {
        "hair": "hair bun bob afro mohawk ponytail braid cut curl bang lock dreadlock fringe pigtail ringlet mane",
        "facial hair": "beard mustache moustache goatee stubble sideburn",
        "eyes": "eye iris",
        "eyewear": "glasses sunglasses visor goggle frame lens patch monocle spectacle eyeglasses shades",
        "headwear": "hat cap beanie crown helmet hood headband bandana turban beret fedora tiara headscarf",
        "skin": "skin face complexion",
        "earrings": "earring stud hoop",
        "lips": "lip lipstick mouth",
        "clothes": "shirt hoodie suit turtleneck overalls top jacket coat robe dress sweater vest armor tunic blouse "
        "cloak cape tee t-shirt polo jumper uniform collar",
        "background": "background backdrop wall sky",
    }.items()
    for noun in nouns.split()
}

Names = npt.NDArray[np.int64]  # indices into NAMES
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Claim:
    """One caption says that one thing has one color."""

    row: int  # of the image
    color: str  # as in the caption, lower case
    noun: str
    place: str  # of PLACES, else the noun itself
    start: int  # of the color word
    end: int
    noun_end: int


@dataclass(frozen=True, slots=True)
class Region:
    weights: npt.NDArray[np.float64]  # (g, g), 0 outside
    found: Mapping[int, int]  # claim's index -> pixels of the region that have the claimed color
    needed: Mapping[int, int]  # claim's index -> fewest that make it true


def color_claims(captions: Sequence[str]) -> list[Claim]:
    """Every color that stands before a noun, in order; a color word that is the noun itself ("ruby") claims nothing."""
    claims = []
    for row, caption in enumerate(captions):
        for segment in segments(caption):
            head = segment.head
            for word in segment.modifiers:
                if word.text in COLOR_WORDS:
                    place = PLACES.get(head.text, head.text)
                    claims.append(Claim(row, word.text, head.text, place, word.start, word.end, head.end))
    return claims


def learn_region(
    sprites: npt.NDArray[np.uint8], claims: Sequence[Claim], all_claims: Sequence[Claim] = ()
) -> Region | None:
    """The region of claims about one place, or None where there are too few, or no pixel agrees with them.

    `all_claims` are those of every place: a beard is where its color shows and not where hair of that color does.
    """
    counts = Counter(claim.color for claim in claims)
    if len(claims) < MIN_CLAIMS or len(counts) < 2:
        return None
    rows = [claim.row for claim in claims]
    color_of = np.array([claim.color for claim in claims])
    weights = _weights(name_indices(sprites), claims, all_claims)
    if weights is None:
        return None
    palette, clusters = _clusters(sprites[rows][:, weights > 0])  # (k,) names, (claims, pixels of the region)
    shares = np.stack([(clusters == cluster).mean(axis=1) for cluster in range(len(palette))], axis=1)
    found: dict[int, int] = {}
    needed: dict[int, int] = {}
    for color in counts:
        mine = color_of == color
        seen = _own_clusters(shares[mine].mean(axis=0), shares.mean(axis=0), accepted(palette, color))
        pixels = np.isin(clusters, seen).sum(axis=1)
        least = _least(pixels[mine], pixels[~mine])
        for index in np.flatnonzero(mine):
            found[int(index)], needed[int(index)] = int(pixels[index]), least
    return Region(weights, found, needed)


def _weights(names: Names, claims: Sequence[Claim], all_claims: Sequence[Claim]) -> npt.NDArray[np.float64] | None:
    """(g, g): by how much more often than chance a pixel agrees with the claim of its image; 0 outside the region.

    `names` (N, g, g). Chance is how often it agrees in all of the images, or in those that claim the color of something
    else and nothing of this place, whichever is more.
    """
    of_place = {claim.row for claim in claims}
    rows = np.array([claim.row for claim in claims])
    own = np.zeros(names.shape[1:])
    chance = np.zeros(names.shape[1:])
    for color, count in Counter(claim.color for claim in claims).items():
        matches = accepted(names, color)
        own += matches[[claim.row for claim in claims if claim.color == color]].sum(axis=0)
        elsewhere = [claim.row for claim in all_claims if claim.color == color and claim.row not in of_place]
        usual = matches[rows].mean(axis=0)
        chance += count * (np.maximum(usual, matches[elsewhere].mean(axis=0)) if len(elsewhere) >= 3 else usual)
    lift = (own - chance) / len(claims)
    return None if lift.max() < MIN_LIFT else np.where(lift >= OF_BEST * lift.max(), lift, 0.0)


def _clusters(pixels: npt.NDArray[np.uint8]) -> tuple[Names, npt.NDArray[np.int64]]:
    """The colors of a region in as many clusters as the art has use for: their coarse names (k,), and each pixel's.

    `pixels` (claims, p, 3) uint8. Finer than coarse names: "white" and "gray" hair may both be light gray.
    """
    colors = srgb_to_oklab(pixels).reshape(-1, 3)
    distinct = len(np.unique(colors, axis=0))
    kmeans = KMeans(min(NUM_CLUSTERS, distinct), n_init="auto", random_state=0).fit(
        colors[:: len(colors) // MAX_PIXELS + 1]
    )
    labels = np.asarray(kmeans.predict(colors), dtype=np.int64)
    return nearest_names(kmeans.cluster_centers_), labels.reshape(pixels.shape[:2])


def _own_clusters(
    mine: npt.NDArray[np.float64], everyone: npt.NDArray[np.float64], allowed: Mask
) -> npt.NDArray[np.int64]:
    """Clusters that are clearly commoner where a color is claimed, if its word can mean them."""
    own = np.flatnonzero(allowed & (mine >= 1.5 * everyone) & (mine > 0.01))
    return own if len(own) else np.flatnonzero(allowed)


def _least(with_claim: npt.NDArray[np.int64], without: npt.NDArray[np.int64]) -> int:
    """Pixels that a claim needs: more than an image without it usually has, or a part of what the scarcest have.

    Quantiles, since some of the claims may be false themselves.
    """
    usual, chance = float(np.median(with_claim)), float(np.median(without))
    fifth = float(np.quantile(with_claim, 0.2))
    least = max(min(chance + 1, usual / 2), OF_SCARCE * fifth)
    if fifth < OFTEN_HIDDEN * usual:  # hair under hats: more than nearly any image without the claim has is enough
        least = min(least, float(np.quantile(without, 0.9)) + 1)
    return max(1, math.ceil(least))


def accepted(names: Names, color: str) -> Mask:
    """Pixels, by their coarse names' indices, that may be called `color`."""
    return np.isin(names, [NAMES.index(name) for name in COLOR_WORDS[color]])
