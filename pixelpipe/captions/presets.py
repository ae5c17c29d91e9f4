"""The seed's two kinds of captions, made of what stands beside the sprites: `simple` and `enhanced`.

`simple` keeps what a sprite of this grid can show; `enhanced` hangs details on it that none can, as captioners do.
Comparing the two at the same resolution says what over-detailed captions do by themselves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pixelpipe.captions.findings import Finding
from pixelpipe.captions.fixing import fixed_caption
from pixelpipe.captions.grammar import segments
from pixelpipe.captions.phrases import phrases
from pixelpipe.captions.priors import find_priors
from pixelpipe.captions.regions import PLACES
from pixelpipe.captions.sidecar import SidecarStrategy
from pixelpipe.captions.sizes import SIZES, Framing
from pixelpipe.captions.tokens import TokenBudget
from pixelpipe.data.sprites import Sprite
from pixelpipe.seeds import numpy_generator

VERSION = 1  # of the wording
PRIOR_DRAWN = frozenset({"earring"})  # below half a cell by size, and drawn in every set of portraits that has it

DETAILS: Mapping[str, tuple[str, ...]] = {
    "eyewear": (
        "with thin plastic frames and thin temples behind ears", "with tiny hinge screws",
        "with faint lens reflections", "with silicone nose pads",
    ),
    "hair": ("with fine flyaway strands", "with wispy baby hairs", "with glossy anisotropic highlights"),
    "facial hair": ("with individually visible hairs", "with neatly trimmed edges", "with coarse uneven growth"),
    "eyes": ("with radial iris fibers", "with tiny specular catchlights", "with a thin limbal ring"),
    "skin": ("with visible pores and faint freckles", "with soft cheek fuzz", "with delicate laugh lines"),
    "headwear": ("with visible seam stitching", "with fine woven texture", "with creased fabric folds"),
    "clothes": ("with a woven cotton collar", "with tiny pearl buttons", "with a fine herringbone weave"),
    "lips": ("with subtle creases", "with a moist highlight"),
    "earrings": ("with filigree engraving", "with a tiny hinged clasp"),
    "background": ("with gentle studio vignetting", "with faint bokeh lights", "with a smooth atmospheric gradient"),
    "": ("with intricate engraved detail", "with a weathered matte finish", "with subtle surface scratches"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PresetStrategy:
    preset: Literal["simple", "enhanced"]
    sidecar: SidecarStrategy
    grid: int
    framing: Framing
    budget: TokenBudget
    from_pixels: bool = False

    @property
    def identity(self) -> dict[str, Any]:
        settings = {"grid": self.grid, "framing": self.framing, "version": VERSION}
        return {"strategy": self.preset, **settings, "of": self.sidecar.identity}

    def describe(self, sprites: Sequence[Sprite]) -> list[str]:
        texts = self.sidecar.describe(sprites)
        simple = [simple_caption(text, self.grid, self.framing, self.budget) for text in texts]
        if self.preset == "simple":
            return simple
        pairs = zip(simple, sprites, strict=True)
        return [self.budget.shortened(enhanced_caption(text, sprite.content_hash)) for text, sprite in pairs]


def simple_caption(caption: str, grid: int, framing: Framing, budget: TokenBudget) -> str:
    """Without what size table and lexicon doubt; a pixel is not asked, so a caption depends on no other one."""
    doubted = [p for p in find_priors(caption, grid, framing) if p.term not in PRIOR_DRAWN]
    findings = [Finding("", p.rule, "warning", p.term, "", p.reason, p.spans, p.size_px) for p in doubted]
    return fixed_caption(caption, findings, budget)


def enhanced_caption(caption: str, content_hash: str) -> str:
    """A detail on every phrase that names something, drawn by the sprite's own content."""
    rng = numpy_generator("enhanced captions", content_hash)
    detailed = []
    for phrase in phrases(caption):
        heads = segments(phrase)
        noun = heads[0].head.text if heads else ""
        is_known = noun in PLACES or noun in SIZES
        choices = DETAILS[PLACES.get(noun, "")]
        detail = choices[int(rng.integers(len(choices)))]
        detailed.append(f"{phrase} {detail}" if is_known or noun not in ("art", "portrait", "") else phrase)
    return ", ".join(detailed)
