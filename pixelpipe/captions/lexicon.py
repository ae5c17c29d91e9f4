"""Words for what a small grid cannot carry: surfaces, fineness, effects of light, hidden things.

Nothing here is forbidden for its own sake: a word of these lists is reported only where the pixels do not support it.
"""

from collections.abc import Mapping

from pixelpipe.captions.grammar import word_set

# What a surface is made of or finished as -> mm of the texture that would show it
SURFACES: Mapping[str, float] = {
    word: mm
    for words, mm in (
        ("plastic acetate acrylic resin silicone rubber vinyl latex polymer nylon polyester carbon titanium aluminum "
         "metallic porcelain ceramic enamel lacquered varnished", 0.5),
        ("matte matt satin glossy gloss shiny polished brushed frosted dewy moist oily sweaty greasy powdery lustrous "
         "iridescent pearlescent holographic reflective translucent transparent semi-transparent semitransparent sheer "
         "weathered worn scuffed scratched tarnished rusted distressed aged patina glazed glistening shimmering "
         "silky velvety", 0.5),
        ("cotton linen silk silken wool woolen cashmere velvet corduroy denim flannel felt suede canvas lace mesh "
         "tulle chiffon satin-lined fleece tweed leather-grain jersey fabric textile cloth", 0.5),
        ("woven weave knit knitted crocheted embroidered embroidery quilted ribbed herringbone houndstooth twill "
         "textured texture grain grainy fiber fibre fibrous filigree engraved embossed etched hammered beveled inlaid "
         "pave monogrammed frayed creased crinkled pleated puckered stitched", 2.0),
    )
    for word in words.split()
}  # fmt: skip

# Words that ask for less than a cell of whatever they stand before
FINE = word_set("""
    thin fine tiny micro microscopic minute hairline delicate subtle faint slight wispy intricate individual
    individually barely ultra-thin razor-thin paper-thin dainty fine-line pinstriped pinstripe hair-thin needle-thin
    minuscule feathery threadlike imperceptible ornate detailed visible
""")

# Effects of light and lens: steps finer than a palette of a few dozen colors
LIGHT = word_set("""
    subsurface depth-of-field vignette vignetting bokeh gradient glow specular anisotropic reflection refraction
    shimmer sheen translucency iridescence blur blurred dof halation chromatic aberration rim-light
    occlusion volumetric catchlight gleam glint lens-flare softbox photorealistic hyperrealistic hyperdetailed
    ultra-detailed 4k 8k film-grain cinematic undertone
""")
LIGHT_PHRASES = (
    "depth of field",
    "rim light",
    "ambient occlusion",
    "film grain",
    "lens flare",
    "soft shadow",
    "studio light",
)

# How a small part is shaped: below a cell, on a face
SMALL_SHAPES: Mapping[str, str] = dict.fromkeys(
    word_set("trimmed groomed combed parted coarse uneven patchy curled arched tapered neatly softly"),
    "how a part of a few cells is shaped cannot be told from how it is not",
)

# Heads that say nothing without what stands before them
VAGUE = word_set("""
    finish edge corner growth detail texture tip pattern line mark end effect look depth grain tone
""")

HIDING = word_set("""
    behind under underneath beneath inside
""")
HIDDEN = word_set("""
    inner hidden concealed underside interior inside-out internal reverse lining inseam
""")
# Things that hide others at a face's scale, and large things that show behind them all the same
COVERS = word_set("""
    ear collar hair lip glasses sunglasses hat cap hood beard shirt jacket coat sleeve lapel brim skin helmet scarf
    eyelid mask cuff fringe bang
""")
SHOWS_BEHIND = word_set("""
    hair ponytail braid background sky sun moon halo wing cape wall tree light cloud mountain window star feather
    bandana headband hood bow sword bun
""")
