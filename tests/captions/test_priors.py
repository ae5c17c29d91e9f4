import pytest

from pixelpipe.captions.priors import find_priors
from pixelpipe.captions.sizes import MIN_PX, SIZES, cell_mm, in_px

SEED = "pixel art portrait, man, thin black plastic frames and thin temples behind ears, red shirt"


def found(caption: str, grid: int = 24, framing="portrait") -> dict[str, tuple[str, float | None]]:
    """Term -> (words that are cut, size in px)."""
    return {
        prior.term: (" … ".join(caption[a:b] for a, b in prior.spans), prior.size_px)
        for prior in find_priors(caption, grid, framing)
    }


def test_the_seeds_own_example():
    """Domain: a face is 147 mm on 14 of 24 cells, so a 2 mm frame is 0.19 px."""
    priors = found(SEED)
    assert set(priors) == {"thin … frame", "plastic frame", "temple behind ear"}
    assert priors["thin … frame"] == ("thin", pytest.approx(0.19, abs=0.005))
    assert priors["plastic frame"] == ("plastic", pytest.approx(0.19, abs=0.005))
    assert priors["temple behind ear"] == ("thin temples behind ears", pytest.approx(0.29, abs=0.005))
    reasons = {prior.term: prior.reason for prior in find_priors(SEED, 24, "portrait")}
    assert "a spectacle rim is about 2 mm: 0.19 px where a pixel is 10.5 mm" in reasons["thin … frame"]
    assert "what is behind a ear is not in the picture" in reasons["temple behind ear"]


def test_sizes_follow_grid_and_framing():
    assert cell_mm(24, "portrait") == pytest.approx(10.5)
    assert cell_mm(32, "figure") == pytest.approx(58.3, abs=0.1)
    assert in_px(2.0, 24, "none") is None
    assert "earring" in found("gold earring", 24)  # 0.48 px by its size alone; the pixels may say otherwise
    assert found("gold earring", 32) == {}
    assert "thin … frame" in found(SEED, 48)
    assert "thin … frame" not in found(SEED, 128)


@pytest.mark.parametrize(
    "caption",
    [
        "pixel portrait, brown skin, side parted black hair, blue eyes, black glasses, brown beard, smile, red suit",
        "a knight with a red cape and a golden helmet", "sun behind her head", "hair behind the shoulders", "wide grin",
        "black frames", "gold crown, orange beanie", "leather jacket", "long curly hair", "bald man with sunglasses",
    ],
)  # fmt: skip
def test_what_can_be_drawn_is_not_doubted(caption):
    assert found(caption) == {}


@pytest.mark.parametrize(
    "detail",
    [
        "visible pores", "faint freckles", "long eyelashes", "crow's feet", "a limbal ring",
        "individually visible hairs",
        "herringbone weave", "a silk lining", "soft bokeh", "subsurface glow", "engraved initials", "tiny screws",
        "neatly trimmed edges", "a dewy finish", "embroidered stitching", "intricate filigree", "nose pads",
        "a brushed finish",
        "delicate lace", "moist lips", "depth of field", "velvet lapels",
    ],
)  # fmt: skip
def test_details_that_a_portrait_cannot_show(detail):
    assert found(f"brown hair with {detail}")


def test_sizes_alone_do_not_shrink_a_figures_subject():
    """Of a whole figure an eye is 0.2 px, but a floating eye is the figure."""
    assert found("floating eye", 32, "figure") == {}
    assert "eye" in found("knight with blue eyes", 32, "figure")
    assert found("knight with blue eyes and earrings", 32, "none") == {}


def test_every_size_says_what_it_is_of():
    assert all(size.mm > 0 and size.what and size.source for size in SIZES.values())
    assert SIZES["frame"].mm / cell_mm(24, "portrait") < MIN_PX < SIZES["eye"].mm / cell_mm(24, "portrait")
