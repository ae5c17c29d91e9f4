import numpy as np
import torch

from pixelpipe.captions.sidecar import read_captions
from pixelpipe.data.manifest import build_manifest
from pixelpipe.data.sprites import load_sprites
from pixelpipe.models.encode import encode_images, encode_prompts
from pixelpipe.training.cache import build_cache


def manifest_of(portraits):
    sprites = load_sprites(portraits, 24)
    return build_manifest(sprites, read_captions(portraits, [s.file_name for s in sprites]), 0.2)


def test_every_row_has_its_own_caption_and_its_own_latent_in_any_order(base, portraits):
    samples = manifest_of(portraits).split("train")[:6]
    shuffled = [samples[index] for index in (3, 0, 5, 1, 4, 2)]
    cache = build_cache(base, shuffled, 192)
    for row, sample in enumerate(shuffled):
        expected = encode_prompts(base, [sample.caption])[0]
        torch.testing.assert_close(cache.embeddings[cache.caption_index[row]], expected, atol=1e-5, rtol=1e-4)
        mean, std = encode_images(base, sample.sprite.pixels[None], 192)
        torch.testing.assert_close(cache.latent_mean[row], mean[0], atol=1e-4, rtol=1e-3)
        torch.testing.assert_close(cache.latent_std[row], std[0], atol=1e-4, rtol=1e-3)


def test_equal_captions_are_encoded_once_and_row_zero_is_the_empty_caption(base, portraits):
    samples = manifest_of(portraits).split("train")[:3]
    cache = build_cache(base, [*samples, *samples], 192)
    assert len(cache) == 6
    assert len(cache.embeddings) == len({sample.caption for sample in samples}) + 1
    torch.testing.assert_close(cache.embeddings[0], encode_prompts(base, [""])[0], atol=1e-5, rtol=1e-4)


def test_shapes_follow_the_resolution(base):
    sprites = np.zeros((2, 24, 24, 3), np.uint8)
    for resolution in (96, 192):
        mean, std = encode_images(base, sprites, resolution)
        assert mean.shape == std.shape == (2, 4, resolution // 8, resolution // 8)
        assert (std > 0).all()
