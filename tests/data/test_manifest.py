import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelpipe.data.manifest import Manifest, build_manifest
from pixelpipe.data.sprites import Sprite, content_hash
from pixelpipe.errors import DatasetError


def sprite(number: int, name: str | None = None) -> Sprite:
    pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Sprite(name or f"{number:03d}.png", pixels, content_hash(pixels))


def manifest_of(sprites: list[Sprite], fraction: float = 0.2, caption: str = "caption of") -> Manifest:
    """Captions name the pixels, not the file."""
    captions = {s.file_name: f"{caption} {s.content_hash[:6]}" for s in sprites}
    return build_manifest(sprites, captions, fraction)


def hashes(manifest: Manifest, split) -> set[str]:
    return {sample.sprite.content_hash for sample in manifest.split(split)}


def test_captions_stay_with_their_sprites():
    for sample in manifest_of([sprite(n) for n in range(20)]).samples:
        assert sample.caption == f"caption of {sample.sprite.content_hash[:6]}"
        assert content_hash(sample.sprite.pixels) == sample.sprite.content_hash


def test_names_and_order_of_files_change_nothing():
    first = manifest_of([sprite(n) for n in range(20)])
    renamed = manifest_of([sprite(n, f"{(n * 7) % 20:02d}/x.png") for n in reversed(range(20))])
    assert (first.dataset_hash, first.captions_hash) == (renamed.dataset_hash, renamed.captions_hash)
    np.testing.assert_array_equal(first.pixels(), renamed.pixels())
    assert [(s.caption, s.split) for s in first.samples] == [(s.caption, s.split) for s in renamed.samples]


def test_names_of_identical_sprites_with_different_captions_change_nothing():
    def twins(names: dict[str, str]) -> Manifest:
        sprites = [sprite(1, names["knight"]), sprite(1, names["king"]), sprite(2)]
        captions = {names["knight"]: "a knight", names["king"]: "a king", "002.png": "a cat"}
        return build_manifest(sprites, captions, 0.5)

    one, other = twins({"knight": "a.png", "king": "b.png"}), twins({"knight": "b.png", "king": "a.png"})
    assert one.captions_hash == other.captions_hash
    assert [s.caption for s in one.samples] == [s.caption for s in other.samples]


def test_hashes_tell_what_changed():
    sprites = [sprite(n) for n in range(20)]
    first, said, drawn = (
        manifest_of(sprites),
        manifest_of(sprites, caption="so"),
        manifest_of([*sprites[1:], sprite(99)]),
    )
    assert first.dataset_hash == said.dataset_hash != drawn.dataset_hash
    assert len({first.captions_hash, said.captions_hash, drawn.captions_hash}) == 3
    assert manifest_of(sprites, 0.5).dataset_hash == first.dataset_hash


@pytest.mark.parametrize(
    ("num", "fraction", "held_out"),
    [(2, 0.01, 1), (2, 0.5, 1), (3, 0.5, 2), (20, 0.1, 2), (100, 0.25, 25), (9, 0.1, 1)],
)
def test_as_many_are_held_out_as_asked(num, fraction, held_out):
    manifest = manifest_of([sprite(n) for n in range(num)], fraction)
    assert [len(manifest.split("validation")), len(manifest.split("train"))] == [held_out, num - held_out]
    assert len(manifest.pixels("validation")) == held_out
    assert manifest.pixels().shape == (num, 8, 8, 3)


def test_the_split_ignores_captions_and_repeats_itself():
    sprites = [sprite(n) for n in range(40)]
    assert hashes(manifest_of(sprites), "validation") == hashes(manifest_of(sprites, caption="other"), "validation")
    assert hashes(manifest_of(sprites, 0.1), "validation") < hashes(manifest_of(sprites, 0.3), "validation")


@given(st.integers(10, 60), st.integers(1, 20), st.sampled_from([0.1, 0.25, 0.5]))
def test_new_art_moves_no_more_old_sprites_than_there_are_new_ones(num_old, num_new, fraction):
    old = [sprite(n) for n in range(num_old)]
    before = manifest_of(old, fraction)
    after = manifest_of([*old, *(sprite(1000 + n) for n in range(num_new))], fraction)
    known = {s.content_hash for s in old}
    moved = hashes(before, "validation") ^ (hashes(after, "validation") & known)
    assert len(moved) <= num_new


def test_new_art_moves_almost_nothing():
    old = [sprite(n) for n in range(200)]
    before = hashes(manifest_of(old), "validation")
    after = hashes(manifest_of([*old, *(sprite(1000 + n) for n in range(50))]), "validation")
    assert len(before) == 40
    assert len(before - after) <= 4


@given(st.lists(st.integers(0, 6), min_size=2, max_size=30).filter(lambda numbers: len(set(numbers)) > 1))
def test_identical_sprites_are_on_one_side(numbers):
    manifest = manifest_of([sprite(n, f"{i}.png") for i, n in enumerate(numbers)])
    assert len(manifest.samples) == len(numbers)
    assert not hashes(manifest, "train") & hashes(manifest, "validation")
    assert hashes(manifest, "train")
    assert hashes(manifest, "validation")


@pytest.mark.parametrize("numbers", [[1], [1, 1, 1]])
def test_one_sprite_cannot_be_split(numbers):
    with pytest.raises(DatasetError, match="must hold at least 2 different sprites"):
        manifest_of([sprite(n, f"{i}.png") for i, n in enumerate(numbers)])
