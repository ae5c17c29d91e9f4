"""The lint on synthetic portraits, whose every trait is known."""

import numpy as np
import pytest

from pixelpipe.captions.fixing import fixed_caption
from pixelpipe.captions.lint import LintOptions, lint
from pixelpipe.captions.tokens import TokenBudget
from pixelpipe.data.portraits import draw_traits, plain_caption, render
from pixelpipe.models.layout import SD15

NUM = 150
DETAILS = {"glasses": "with thin plastic frames and thin temples behind ears", "shirt": "with visible stitching"}


BUDGET = TokenBudget(SD15 / "tokenizer")


def options(**changes) -> LintOptions:
    return LintOptions(**{"grid": 24, "framing": "portrait", "budget": BUDGET, "trigger": None} | changes)


@pytest.fixture(scope="module")
def portraits() -> tuple[np.ndarray, list[str]]:
    traits = [draw_traits(np.random.default_rng(seed)) for seed in range(NUM)]
    return np.stack([render(t) for t in traits]), [plain_caption(t) for t in traits]


@pytest.fixture(scope="module")
def planted(portraits):
    """Details on every second image that has their noun, and one false background in ten."""
    sprites, plain = portraits
    captions, wrong = [], []
    for number, caption in enumerate(plain):
        for noun, detail in DETAILS.items():
            if number % 2 and noun in caption:
                caption = caption.replace(noun, f"{noun} {detail}", 1)
        if number % 10 == 3 and "green background" not in caption:
            head, _, _ = caption.rpartition(", ")
            caption = f"{head}, green background"
            wrong.append(f"{number}.png")
        captions.append(caption)
    named = {f"{number}.png": caption for number, caption in enumerate(captions)}
    return named, wrong, lint(sprites, named, options())


def test_true_captions_are_left_alone(portraits):
    sprites, plain = portraits
    report = lint(sprites, {f"{n}.png": caption for n, caption in enumerate(plain)}, options())
    wrong = [finding for finding in report.findings if finding.rule != "late"]
    assert len(wrong) <= 0.02 * sum(len(caption.split(", ")) - 1 for caption in plain)
    assert not [finding for finding in wrong if "earring" in finding.term]  # 0.48 px, and drawn


def test_an_earring_that_is_drawn_is_silent_in_a_handful_of_sprites(portraits):
    sprites, plain = portraits
    rows = [row for row, caption in enumerate(plain) if "gold earrings" in caption][:4]
    assert len(rows) == 4
    captions = {f"{row}.png": f"man, gold earring, seen {row}" for row in rows}
    assert lint(sprites[rows], captions, options()).findings == ()
    without = [row for row, caption in enumerate(plain) if "earring" not in caption][:4]
    captions = {f"{row}.png": "man, gold earring" for row in without}
    assert len(lint(sprites[without], captions, options()).findings) >= 3


def test_planted_details_are_found_with_their_size(planted):
    named, _, report = planted
    for name, caption in named.items():
        terms = {finding.term: finding for finding in report.of(name)}
        if "temples" in caption:
            assert {"thin … frame", "plastic frame", "temple behind ear"} <= set(terms)
            assert terms["thin … frame"].size_px == pytest.approx(0.19, abs=0.005)
        if "stitching" in caption:
            assert "stitching" in terms


def test_false_backgrounds_are_found(planted):
    _, wrong, report = planted
    claimed = [finding for finding in report.findings if finding.term == "green background"]
    found = {finding.file_name for finding in claimed if finding.rule in ("color", "color_bleed")}
    assert len(set(wrong) & found) >= 0.95 * len(wrong)
    assert len(found - set(wrong)) <= 1


def test_a_color_that_has_bled_names_the_other_thing(planted):
    _, _, report = planted
    bled = [finding for finding in report.findings if finding.rule == "color_bleed"]
    assert bled
    assert all(" is green" in finding.reason for finding in bled if finding.term == "green background")


def test_terms_say_what_the_pixels_say(planted):
    _, _, report = planted
    terms = {term.text: term for term in report.terms}
    assert terms["earring"].status == "supported"
    assert terms["glasses"].num_flagged == 0
    assert terms["plastic frame"].support is None  # no frames without plastic: no contrast, and the prior stands


def test_fixed_captions_are_the_plain_ones(planted, portraits):
    named, wrong, report = planted
    plain = dict(zip(named, portraits[1], strict=True))
    fixed = {n: fixed_caption(caption, report.of(n), BUDGET) for n, caption in named.items()}
    same = [fixed[name].replace(" with frames", "") == plain[name] for name in named if name not in wrong]
    assert np.mean(same) > 0.9


def test_a_caption_is_never_emptied():
    sprite = np.zeros((1, 24, 24, 3), dtype=np.uint8)
    report = lint(sprite, {"a.png": "visible pores"}, options())
    assert fixed_caption("visible pores", report.findings, BUDGET) == "visible pores"
    assert fixed_caption("visible pores", report.findings, BUDGET, "pxl") == "pxl"


def test_the_first_phrases_can_be_kept():
    sprite = np.zeros((1, 24, 24, 3), dtype=np.uint8)
    caption = "plastic man, plastic frames, bow"
    report = lint(sprite, {"a.png": caption}, options())
    assert fixed_caption(caption, report.findings, BUDGET) == "man, frames, bow"
    assert fixed_caption(caption, report.findings, BUDGET, None, 1) == "plastic man, frames, bow"
    assert fixed_caption(caption, report.findings, BUDGET, "bow", 1) == "bow, plastic man, frames"


def findings_of(caption: str, **changes) -> dict[str, str]:
    sprite = np.full((1, 24, 24, 3), 200, dtype=np.uint8)
    return {f.rule: f.words for f in lint(sprite, {"a.png": caption}, options(**changes)).findings}


def test_text_alone():
    assert findings_of("knight", trigger="pxl art") == {"trigger": "knight"}
    assert findings_of("PXL art, knight", trigger="pxl art") == {}
    assert findings_of("<b>knight</b> &amp; dragon")["markup"] == "<b>"
    assert findings_of("像素画肖像")["script"] == "像素画肖像"
    assert findings_of("chevalier à l'épée") == {}


def test_a_caption_of_10000_words():
    words = " ".join(f"word{number % 100}" for number in range(10_000))
    assert set(findings_of(words)) == {"budget"}


def test_a_color_that_is_nowhere_in_the_picture():
    sprite = np.full((1, 24, 24, 3), (40, 90, 200), dtype=np.uint8)
    [finding] = lint(sprite, {"a.png": "red knight, blue shield"}, options()).findings
    assert (finding.rule, finding.words, finding.reason) == ("color", "red knight", "no pixel of the picture is red")


def test_near_identical_sprites_that_contradict_each_other(portraits):
    sprites, _ = portraits
    twins = sprites[[0, 0, 0, 0]].copy()
    twins[1:, 0, 0] += 1
    captions = {
        "a.png": "pixel art, knight, long sword", "b.png": "pixel art, knight, short sword",
        "c.png": "pixel art, knight, long sword, shield", "d.png": "pixel art, dragon",
    }  # fmt: skip
    found = {f.file_name: f for f in lint(twins, captions, options()).findings if f.rule == "contradiction"}
    assert set(found) == {"b.png", "c.png", "d.png"}
    assert found["b.png"].reason == "a.png is nearly the same picture and says 'long'"
    assert found["c.png"].reason == "b.png is nearly the same picture and says 'short'"
    assert found["d.png"].term == "subject"
