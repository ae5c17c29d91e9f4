"""Synthetic portraits: deterministic, varied, within real art's color counts, truthfully captioned."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixelpipe.data import portraits
from pixelpipe.data.portraits import captions, drawing
from pixelpipe.data.portraits import traits as vocabulary
from pixelpipe.errors import BadInputError

PLAIN = portraits.Traits(
    skin="light", hair="short", hair_color="red", eyes="blue", eyewear="none", headwear="none", earrings="none",
    facial_hair="none", mouth="smile", clothes="shirt", clothes_color="blue", background="teal",
)  # fmt: skip

VALUES = {
    "skin": vocabulary.SKINS, "hair": vocabulary.HAIRS, "hair_color": vocabulary.HAIR_COLORS,
    "eyes": vocabulary.EYE_COLORS, "eyewear": ("none", *vocabulary.EYEWEAR),
    "headwear": ("none", *vocabulary.HEADWEAR), "earrings": ("none", *vocabulary.EARRINGS),
    "facial_hair": ("none", *vocabulary.FACIAL_HAIR), "mouth": vocabulary.MOUTHS,
    "clothes": vocabulary.CLOTHES,
    "clothes_color": vocabulary.CLOTHES_COLORS, "background": vocabulary.BACKGROUNDS,
}  # fmt: skip


def draw(seed: int) -> portraits.Traits:
    return portraits.draw_traits(np.random.default_rng(seed))


def test_a_portrait_is_a_24_px_rgb_sprite():
    sprite = portraits.render(PLAIN)
    assert sprite.shape == (24, 24, 3)
    assert sprite.dtype == np.uint8


def test_equal_seeds_draw_equal_portraits():
    assert draw(5) == draw(5)
    np.testing.assert_array_equal(portraits.render(draw(5)), portraits.render(draw(5)))


def test_vocabulary_covers_every_trait():
    assert set(VALUES) == {field.name for field in dataclasses.fields(portraits.Traits)}


@pytest.mark.parametrize("trait", VALUES)
def test_every_value_of_a_trait_looks_different(trait: str):
    sprites = {portraits.render(dataclasses.replace(PLAIN, **{trait: value})).tobytes() for value in VALUES[trait]}
    assert len(sprites) == len(VALUES[trait])


def test_color_counts_are_those_of_real_art():
    counts = [len(np.unique(portraits.render(draw(seed)).reshape(-1, 3), axis=0)) for seed in range(300)]
    assert min(counts) >= 8
    assert max(counts) <= 30
    assert 12 <= np.median(counts) <= 24


def test_300_portraits_hold_no_duplicates():
    assert len({portraits.render(draw(seed)).tobytes() for seed in range(300)}) == 300


def test_background_is_flat():
    for traits in map(draw, range(50)):
        left_edge = portraits.render(traits)[9:19, 0]
        assert (left_edge == drawing.BACKGROUND_COLORS[traits.background]).all()


def test_plain_caption_reads_as_documented():
    assert portraits.plain_caption(PLAIN) == (
        "pixel art portrait, light skin, short red hair, blue eyes, smile, blue shirt, teal background"
    )


@pytest.mark.parametrize("seed", range(40))
def test_captions_name_every_visible_trait(seed: int):
    traits = draw(seed)
    for caption in (
        portraits.plain_caption(traits),
        portraits.detailed_caption(traits, np.random.default_rng(0)),
    ):
        assert caption.startswith(captions.TRIGGER)
        for name, value in dataclasses.asdict(traits).items():
            if name != "hair_color" and value != vocabulary.ABSENT:
                assert value in caption
            if name == "hair_color" and (traits.hair != "bald" or traits.facial_hair != vocabulary.ABSENT):
                assert value in caption


def test_detailed_captions_vary_and_stay_below_the_word_limit():
    texts = [portraits.detailed_caption(PLAIN, np.random.default_rng(seed)) for seed in range(50)]
    assert len(set(texts)) == 50
    assert max(len(text.split()) for text in texts) <= captions.MAX_DETAILED_WORDS
    assert min(len(text.split()) for text in texts) > 2 * len(portraits.plain_caption(PLAIN).split())


def test_hidden_traits_are_absent():
    for seed in range(300):
        traits = draw(seed)
        if traits.eyewear in vocabulary.HIDES_EYES:
            assert traits.eyes == vocabulary.ABSENT
        if traits.hair == "bald" and traits.facial_hair == vocabulary.ABSENT:
            assert traits.hair_color == vocabulary.ABSENT


def test_dataset_is_a_readable_image_folder(tmp_path: Path):
    portraits.write_dataset(tmp_path / "sprites", num_portraits=6, seed=3)
    lines = (tmp_path / "sprites" / "metadata.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["file_name"] for row in rows] == [f"portrait-{i:04d}.png" for i in range(1, 7)]
    for row in rows:
        traits = portraits.Traits(**{name: row[name] for name in VALUES})
        with Image.open(tmp_path / "sprites" / row["file_name"]) as image:
            assert image.mode == "RGB"
            np.testing.assert_array_equal(np.asarray(image), portraits.render(traits))
        assert row["text"] == portraits.plain_caption(traits)
        assert len(row["detailed"]) > len(row["text"])


def test_portrait_depends_on_seed_and_index_only(tmp_path: Path):
    portraits.write_dataset(tmp_path / "short", num_portraits=2, seed=9)
    portraits.write_dataset(tmp_path / "long", num_portraits=4, seed=9)
    assert (
        (tmp_path / "long" / "metadata.jsonl")
        .read_text()
        .startswith((tmp_path / "short" / "metadata.jsonl").read_text())
    )


def test_dataset_refuses_a_folder_in_use(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(BadInputError, match="empty folder"):
        portraits.write_dataset(tmp_path, num_portraits=1, seed=0)
