import dataclasses
import logging
import os
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from pixelpipe.captions.sidecar import read_captions
from pixelpipe.data.manifest import build_manifest
from pixelpipe.data.sprites import load_sprites
from pixelpipe.models.encode import encode_images, encode_prompts
from pixelpipe.training import cache as cache_module
from pixelpipe.training.cache import build_cache, module_hash
from pixelpipe.training.rows import DeviceRows, StreamedRows


@pytest.fixture(scope="module")
def samples(portraits):
    sprites = load_sprites(portraits, 24)
    manifest = build_manifest(sprites, read_captions(portraits, [s.file_name for s in sprites]), 0.2)
    return manifest.split("train")[:6]


@pytest.fixture(autouse=True)
def batches_of_three(monkeypatch):
    """What is less is filled up to a batch: a usual one has 113 sprites of this size."""
    monkeypatch.setattr(cache_module, "BATCH_PX", 3 * 96**2)


def table(rows, numbers=None):
    """Rows as one tensor, in the order of `numbers`."""
    numbers = torch.arange(len(rows)) if numbers is None else numbers
    return torch.cat(list(rows.batches(numbers.split(4))))


@pytest.fixture
def encoded(monkeypatch):
    """Counts what goes through the models, beyond what fills a batch up."""
    counts = {"images": 0, "prompts": 0}

    def counting(name, function):
        def wrapper(base, things, *args):
            counts[name] += len(things)
            return function(base, things, *args)

        return wrapper

    monkeypatch.setattr(cache_module, "encode_images", counting("images", encode_images))
    monkeypatch.setattr(cache_module, "encode_prompts", counting("prompts", encode_prompts))
    return counts


def test_every_row_has_its_own_caption_and_its_own_latent_in_any_order(base, samples, tmp_path):
    shuffled = [samples[index] for index in (3, 0, 5, 1, 4, 2)]
    cache = build_cache(base, shuffled, 96, folder=tmp_path)
    hidden = table(cache.embeddings, cache.caption_rows)
    for row, sample in enumerate(shuffled):
        assert cache.captions[row] == sample.caption
        torch.testing.assert_close(hidden[row], encode_prompts(base, [sample.caption])[0], atol=1e-5, rtol=1e-4)
        mean, std = encode_images(base, sample.sprite.pixels[None], 96)
        torch.testing.assert_close(table(cache.latents)[row], torch.stack([mean[0], std[0]]), atol=1e-4, rtol=1e-3)


def test_a_cache_written_in_one_order_pairs_rightly_in_another(base, samples, tmp_path, encoded):
    """Rows are found by content: new captions on the same art, and the same sprites in another order."""
    first = build_cache(base, samples, 96, folder=tmp_path)
    swapped = [
        dataclasses.replace(sample, caption=other.caption)
        for sample, other in zip(samples[::-1], [*samples[1:], samples[0]], strict=True)
    ]
    encoded["images"] = encoded["prompts"] = 0
    second = build_cache(base, swapped, 96, folder=tmp_path)
    assert encoded == {"images": 0, "prompts": 0}
    assert torch.equal(table(second.latents), table(first.latents).flip(0))
    texts = table(second.embeddings, second.caption_rows)
    expected = encode_prompts(base, [sample.caption for sample in swapped])
    torch.testing.assert_close(texts, expected, atol=1e-5, rtol=1e-4)


def test_equal_captions_are_encoded_once_and_row_zero_is_the_empty_caption(base, samples, tmp_path):
    cache = build_cache(base, [*samples[:3], *samples[:3]], 96, folder=tmp_path)
    assert len(cache) == 6
    assert len(cache.embeddings) == len({sample.caption for sample in samples[:3]}) + 1
    torch.testing.assert_close(cache.null_embedding, encode_prompts(base, [""])[0], atol=1e-5, rtol=1e-4)
    assert torch.equal(table(cache.embeddings)[0], cache.null_embedding)


def test_new_art_is_encoded_and_known_art_is_not_and_bits_do_not_depend_on_the_company(
    base, samples, tmp_path, encoded
):
    build_cache(base, samples[:4], 96, folder=tmp_path / "grown")
    encoded["images"] = 0
    grown = build_cache(base, samples, 96, folder=tmp_path / "grown")
    batch = cache_module.BATCH_PX // 96**2
    assert encoded["images"] == batch  # two sprites, filled up to one batch
    assert torch.equal(table(grown.latents), table(build_cache(base, samples, 96, folder=tmp_path / "new").latents))


def test_size_and_vae_are_part_of_what_a_latent_is_found_by(base, samples, tmp_path, encoded):
    build_cache(base, samples[:2], 96, folder=tmp_path)
    encoded["images"] = 0
    build_cache(base, samples[:2], 64, folder=tmp_path)
    assert encoded["images"] > 0
    before = module_hash(base.vae)
    bias = base.vae.decoder.conv_out.bias
    bias[0] += 1e-3
    changed = module_hash(base.vae)
    bias[0] -= 1e-3
    assert changed != before


def test_mirrored_sprites_are_encoded_mirrored(base, samples, tmp_path):
    cache = build_cache(base, samples[:3], 96, horizontal_flips=True, folder=tmp_path)
    assert (len(cache), len(cache.latents)) == (3, 6)
    mirrored = np.stack([sample.sprite.pixels[:, ::-1] for sample in samples[:3]])
    mean, _ = encode_images(base, mirrored, 96)
    torch.testing.assert_close(table(cache.latents)[3:, 0], mean, atol=1e-4, rtol=1e-3)


def test_a_corrupt_cache_is_computed_again_with_a_warning(base, samples, tmp_path, caplog):
    expected = table(build_cache(base, samples, 96, folder=tmp_path).latents)
    [pack] = tmp_path.glob("latents/*/*.npy")
    data = bytearray(pack.read_bytes())
    data[-1000] ^= 1
    pack.write_bytes(data)
    with caplog.at_level(logging.WARNING):
        found = table(build_cache(base, samples, 96, folder=tmp_path).latents)
    assert torch.equal(found, expected)
    assert "is corrupt, its rows are computed again" in caplog.text
    caplog.clear()
    assert torch.equal(table(build_cache(base, samples, 96, folder=tmp_path).latents), expected)
    assert not caplog.text


@pytest.mark.parametrize("damage", ["cut", "no index", "no table", "not json"])
def test_a_cache_that_was_not_written_to_its_end_is_none(base, samples, tmp_path, damage):
    samples = samples[:2]
    expected = table(build_cache(base, samples, 96, folder=tmp_path).latents)
    [pack], [index] = tmp_path.glob("latents/*/*.npy"), tmp_path.glob("latents/*/*.json")
    if damage == "cut":
        pack.write_bytes(pack.read_bytes()[:-100])
    elif damage == "not json":
        index.write_text("{")
    else:
        {"no index": index, "no table": pack}[damage].unlink()
    assert torch.equal(table(build_cache(base, samples, 96, folder=tmp_path).latents), expected)


def test_halves_that_killed_processes_left_go_after_a_day(base, samples, tmp_path):
    build_cache(base, samples[:2], 96, folder=tmp_path)
    [pack] = tmp_path.glob("latents/*/*.npy")
    whole = set(pack.parent.iterdir())
    old = [pack.with_name("a.partial"), pack.with_name("b.npy")]
    young = [pack.with_name("c.partial"), pack.with_name("d.npy")]
    for path in (*old, *young):
        path.write_bytes(b"half")
    for path in (*old, *whole):
        os.utime(path, (time.time() - 25 * 3600,) * 2)
    build_cache(base, samples[:2], 96, folder=tmp_path)
    assert set(pack.parent.iterdir()) == {*whole, *young}


def test_halves_that_cannot_be_removed_are_no_obstacle(base, samples, tmp_path, monkeypatch):
    """Another person's, in a cache that is shared."""
    build_cache(base, samples[:2], 96, folder=tmp_path)
    [pack] = tmp_path.glob("latents/*/*.npy")
    left = pack.with_name("a.partial")
    left.write_bytes(b"half")
    os.utime(left, (0, 0))

    def refuse(path, **_):
        raise PermissionError(path)

    monkeypatch.setattr(Path, "unlink", refuse)
    build_cache(base, samples[:2], 96, folder=tmp_path)
    assert left.exists()


def test_a_disk_that_takes_nothing_is_no_obstacle(base, samples, tmp_path, caplog):
    folder = tmp_path / "file"
    folder.write_text("not a folder")
    cache = build_cache(base, samples[:2], 96, folder=folder)
    assert "the cache cannot be kept" in caplog.text
    assert torch.equal(table(cache.latents), table(build_cache(base, samples[:2], 96, folder=tmp_path / "ok").latents))


def test_streamed_is_the_same_as_in_memory(base, samples, tmp_path, monkeypatch):
    monkeypatch.setattr(cache_module, "ROWS_PER_PACK", 4)  # several shards
    caches = [
        build_cache(base, samples, 96, horizontal_flips=True, folder=tmp_path, max_resident_bytes=limit)
        for limit in (10**9, 0)
    ]
    assert isinstance(caches[0].latents, DeviceRows)
    assert isinstance(caches[1].latents, StreamedRows)
    assert len(caches[1].latents.shards) == 3
    order = torch.randperm(12, generator=torch.Generator().manual_seed(1))
    assert torch.equal(*(table(cache.latents, order) for cache in caches))
    assert torch.equal(*(table(cache.embeddings, cache.caption_rows) for cache in caches))
