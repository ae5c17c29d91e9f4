"""How large things on a face or a body are, against the size of a cell: the size prior.

A thing whose smallest visible measure is under half a cell covers less than half of any cell, so an honest downscale
shows none of it. Artists exaggerate all the same: the prior is only asked where the pixels say nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Framing = Literal["portrait", "figure", "none"]

# mm that the picture's side shows. A portrait's face is 14 of 24 cells wide (domain: 147 mm); a figure is 1.75 m tall
# and fills 30 of 32 cells.
PICTURE_MM: Mapping[str, float] = {"portrait": 147 * 24 / 14, "figure": 1750 * 32 / 30}
MIN_PX = 0.5


@dataclass(frozen=True, slots=True)
class Size:
    mm: float  # smallest measure that must show
    what: str  # the thing, and which measure of it
    source: str


ANTHROPOMETRY = "facial anthropometry, doi:10.1186/s40902-019-0191-7, table 9"
EYEWEAR = "eyewear catalogs: rims 1.5-3 mm, lenses 40-60 mm wide, temples 120-150 mm long and 2-4 mm thick"
ANATOMY = "anatomy textbooks"
TRADE = "trade sizes"
ESTIMATE = "our estimate"

SIZES: Mapping[str, Size] = {
    name: Size(mm, what, source)
    for names, mm, what, source in (
        # eyewear
        (("frame", "rim", "wire", "eyeglass frame"), 2.0, "a spectacle rim", EYEWEAR),
        (("temple", "temple arm", "earpiece"), 3.0, "a spectacle temple, seen from the front", EYEWEAR),
        (("hinge",), 4.0, "a spectacle hinge", EYEWEAR),
        (("screw", "hinge screw"), 1.4, "a hinge screw (M1.4)", EYEWEAR),
        (("nose pad", "pad"), 5.0, "a nose pad from the front", EYEWEAR),
        (("glasses", "sunglasses", "goggle", "spectacle", "eyeglasses", "shades"), 40.0, "a lens", EYEWEAR),
        (("lens",), 40.0, "a lens", EYEWEAR),
        (("monocle",), 40.0, "a monocle", EYEWEAR),
        # eyes
        (("eye",), 11.7, "an iris", ANATOMY),
        (("iris",), 11.7, "an iris", ANATOMY),
        (("pupil",), 4.0, "a pupil", ANATOMY),
        (("limbal ring", "limbus"), 0.7, "a limbal ring", ANATOMY),
        (("eyelash", "lash", "eyelashes", "eyelashe", "lashe"), 0.1, "an eyelash's thickness", ANATOMY),
        (("eyelid", "lid", "eyelid crease"), 3.0, "an eyelid's crease", ANATOMY),
        (("catchlight", "eye reflection"), 1.5, "a reflection in an eye", ANATOMY),
        (("vein", "capillary"), 0.5, "a vein in the skin", ANATOMY),
        (("tear duct",), 4.0, "a tear duct", ANATOMY),
        (("eyebrow", "brow"), 8.0, "an eyebrow's height", ANATOMY),
        (("eyebrow hair", "brow hair"), 0.1, "a hair's thickness", ANATOMY),
        (("dust", "dust particle", "particle", "mote", "speck", "droplet", "bead of sweat", "sweat bead"), 1.0,
         "a speck or droplet", ESTIMATE),
        (("split end",), 0.1, "a hair's thickness", ANATOMY),
        # skin
        (("pore",), 0.3, "a pore", ANATOMY),
        (("freckle",), 2.0, "a freckle", ANATOMY),
        (("mole", "beauty mark", "beauty spot"), 4.0, "a mole", ANATOMY),
        (("pimple", "blemish", "acne", "spot"), 3.0, "a blemish", ANATOMY),
        (("wrinkle", "crease", "laugh line", "fine line", "smile line", "frown line", "crow's foot", "crow's feet",
          "crow’s feet", "crease line", "expression line", "forehead line"), 1.0, "a wrinkle's width", ANATOMY),
        (("dimple",), 4.0, "a dimple", ANATOMY),
        (("fuzz", "peach fuzz", "baby hair", "flyaway", "strand", "whisker", "individual hair", "stray hair",
          "hair strand", "hairline", "visible hair", "single hair"), 0.1, "a hair's thickness", ANATOMY),
        (("scar",), 4.0, "a scar's width", ESTIMATE),
        (("philtrum",), 8.0, "a philtrum", ANTHROPOMETRY),
        (("nostril",), 8.0, "a nostril", ANATOMY),
        (("cuticle", "fingernail", "nail"), 9.0, "a fingernail", ANATOMY),
        (("tooth", "teeth", "fang"), 8.5, "a tooth's width", ANATOMY),
        # face
        (("nose",), 41.0, "a nose's width", ANTHROPOMETRY),
        (("mouth", "smile", "grin", "frown"), 52.0, "a mouth's width", ANTHROPOMETRY),
        (("lip",), 13.0, "a lip's height", ANTHROPOMETRY),
        (("ear",), 35.0, "an ear's width", ANATOMY),
        (("face", "head"), 130.0, "a face's width", ANTHROPOMETRY),
        (("mustache", "moustache", "goatee"), 12.0, "a mustache's height", ESTIMATE),
        (("beard",), 40.0, "a beard", ESTIMATE),
        # worn
        (("earring", "stud", "ear stud"), 5.0, "an ear stud", TRADE),
        (("hoop", "hoop earring"), 3.0, "a hoop's wire", TRADE),
        (("piercing", "nose ring", "septum ring", "lip ring"), 2.0, "a piercing", TRADE),
        (("ring",), 4.0, "a ring's width", TRADE),
        (("clasp", "pin", "rivet", "eyelet", "grommet", "stone", "gem", "bead", "sequin", "charm"), 4.0,
         "a clasp, stone or bead", TRADE),
        (("chain", "necklace", "cord", "string", "lace", "thread", "strap"), 3.0, "a chain's or cord's width", TRADE),
        (("pendant",), 15.0, "a pendant", TRADE),
        (("button",), 11.0, "a shirt button", TRADE),
        (("zipper", "zip"), 5.0, "a zipper's width", TRADE),
        (("stitch", "stitching", "seam", "hem", "thread end", "piping", "topstitching"), 2.0, "a stitch", TRADE),
        (("label", "tag", "logo", "brand mark", "brand", "monogram", "emblem", "inscription", "engraving",
          "lettering"), 3.0,
         "a letter on a label or an engraving's line", ESTIMATE),
        (("fold", "fabric fold", "pleat", "pucker"), 4.0, "a fold's edge", ESTIMATE),
        (("cuff", "ribbing", "collar", "lapel", "pocket"), 25.0, "a collar or cuff", ESTIMATE),
        (("hat", "cap", "crown", "helmet", "hood", "beanie", "headband", "bandana", "turban"), 60.0, "a hat", ESTIMATE),
        (("hair", "bun", "bob", "afro", "mohawk", "ponytail", "braid"), 60.0, "a head of hair", ESTIMATE),
        (("pipe", "cigarette", "cigar"), 8.0, "a cigarette's thickness", TRADE),
        (("toothpick", "needle", "wire frame"), 2.0, "a toothpick's thickness", TRADE),
        (("tattoo",), 30.0, "a tattoo", ESTIMATE),
        (("tattoo line", "barcode", "circuit", "circuitry"), 1.0, "a line of a drawing on skin", ESTIMATE),
    )
    for name in names
}  # fmt: skip


def cell_mm(grid: int, framing: Framing) -> float | None:
    """mm that one cell shows; None where the framing is unknown."""
    picture = PICTURE_MM.get(framing)
    return None if picture is None else picture / grid


def in_px(mm: float, grid: int, framing: Framing) -> float | None:
    cell = cell_mm(grid, framing)
    return None if cell is None else mm / cell
