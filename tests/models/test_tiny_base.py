"""The tiny base as it is shipped: SD1.5's layout, small, in fp16, and good enough to be fine-tuned."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from safetensors import safe_open

from pixelpipe.analysis.color import JUST_NOTICEABLE, srgb_to_oklab
from pixelpipe.analysis.merging import distinct_colors, merge_colors
from pixelpipe.config import BACKGROUND
from pixelpipe.data import portraits
from pixelpipe.data.images import parse_color
from pixelpipe.models.layout import TINY

CAPTION = "pixel art portrait, light skin, short red hair, black glasses, smile, blue shirt, teal background"
FILES = {
    "README.md", "model_index.json", "scheduler/scheduler_config.json", "text_encoder/config.json",
    "text_encoder/model.safetensors", "tokenizer/merges.txt", "tokenizer/special_tokens_map.json",
    "tokenizer/tokenizer_config.json", "tokenizer/vocab.json", "unet/config.json",
    "unet/diffusion_pytorch_model.safetensors", "vae/config.json", "vae/diffusion_pytorch_model.safetensors",
}  # fmt: skip


@pytest.fixture(scope="module")
def pipeline() -> StableDiffusionPipeline:
    loaded = StableDiffusionPipeline.from_pretrained(TINY, local_files_only=True, dtype=torch.float32)
    loaded.set_progress_bar_config(disable=True)
    return loaded


@pytest.fixture(scope="module")
def sprites() -> np.ndarray:
    """Portraits that no training has seen: (12, 24, 24, 3) uint8."""
    return draw_portraits(12)


def draw_portraits(count: int) -> np.ndarray:
    drawn = [portraits.draw_traits(np.random.default_rng([20_260, index])) for index in range(count)]
    return np.stack([portraits.render(traits) for traits in drawn])


def enlarge(sprites: np.ndarray, size: int) -> np.ndarray:
    cells = (np.arange(size) + 0.5) * sprites.shape[1] / size
    return sprites[:, cells.astype(int)][:, :, cells.astype(int)]


def shrink(images: np.ndarray) -> np.ndarray:
    centers = ((np.arange(24) + 0.5) * images.shape[1] / 24).astype(int)
    return images[:, centers][:, :, centers]


def count_colors(sprite: np.ndarray) -> int:
    leaders = merge_colors(srgb_to_oklab(distinct_colors(sprite)[0]), JUST_NOTICEABLE)
    return len(np.unique(leaders))


@torch.no_grad()
def mean_latent(pipeline: StableDiffusionPipeline, color: str) -> float:
    """Norm over channels, of a picture of one color as the UNet sees it; the noise that sampling begins with has 0."""
    flat = np.full((1, 64, 64, 3), parse_color(color), dtype=np.uint8)
    posterior = pipeline.vae.encode(torch.from_numpy(flat).permute(0, 3, 1, 2) / 127.5 - 1).latent_dist
    return float(posterior.mean.mean(dim=(0, 2, 3)).norm() * pipeline.vae.config.scaling_factor)


def test_what_transparency_is_shown_on_is_near_where_sampling_begins(pipeline):
    grays = [f"#{level:02x}{level:02x}{level:02x}" for level in range(0, 256, 32)]
    norms = {color: mean_latent(pipeline, color) for color in grays}
    assert min(norms, key=norms.__getitem__) == BACKGROUND
    assert 5 * norms[BACKGROUND] < mean_latent(pipeline, "#ffffff")


@torch.no_grad()
def round_trip(pipeline: StableDiffusionPipeline, images: np.ndarray) -> np.ndarray:
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2) / 127.5 - 1
    decoded = pipeline.vae.decode(pipeline.vae.encode(pixels).latent_dist.mean).sample
    return ((decoded.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()


def tensors(path: Path) -> dict[str, torch.dtype]:
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name).dtype for name in file.keys()}  # noqa: SIM118 (no mapping)


def test_folder_is_sd15s_layout_and_nothing_else():
    assert {path.relative_to(TINY).as_posix() for path in TINY.rglob("*") if path.is_file()} == FILES


def test_folder_is_at_most_8_mb():
    assert sum(path.stat().st_size for path in TINY.rglob("*") if path.is_file()) <= 8_000_000


@pytest.mark.parametrize("path", sorted(name for name in FILES if name.endswith(".safetensors")))
def test_weights_are_fp16(path: str):
    dtypes = tensors(TINY / path)
    assert {dtype for dtype in dtypes.values() if dtype.is_floating_point} == {torch.float16}


def test_pipeline_has_no_safety_checker_and_sd15s_schedule(pipeline: StableDiffusionPipeline):
    index = json.loads((TINY / "model_index.json").read_text())
    assert index["safety_checker"] == index["feature_extractor"] == [None, None]
    assert index["requires_safety_checker"] is False
    scheduler = pipeline.scheduler.config
    assert (scheduler.beta_schedule, scheduler.beta_start, scheduler.beta_end) == ("scaled_linear", 0.00085, 0.012)
    assert (scheduler.prediction_type, scheduler.steps_offset, scheduler.clip_sample) == ("epsilon", 1, False)
    assert pipeline.vae_scale_factor == 8
    assert pipeline.vae.config.latent_channels == 4


def test_tokenizer_reads_captions_back(pipeline: StableDiffusionPipeline):
    tokenizer = pipeline.tokenizer
    text = tokenizer.decode(tokenizer(CAPTION).input_ids, skip_special_tokens=True)
    assert text.replace(" ,", ",").strip() == CAPTION
    assert len(tokenizer(CAPTION).input_ids) < 30
    unknown = tokenizer.decode(tokenizer("zyzzyva œuvre").input_ids, skip_special_tokens=True)
    assert unknown.strip() == "zyzzyva œuvre"


def test_tokenizer_truncates_at_77(pipeline: StableDiffusionPipeline):
    tokenizer = pipeline.tokenizer
    ids = tokenizer("red hair " * 100, padding="max_length", truncation=True).input_ids
    assert tokenizer.model_max_length == len(ids) == 77
    assert ids[-1] == tokenizer.eos_token_id
    assert pipeline.text_encoder.config.vocab_size == len(tokenizer)


def test_vae_keeps_aligned_portraits(pipeline: StableDiffusionPipeline, sprites: np.ndarray):
    images = enlarge(sprites, 192)
    decoded = round_trip(pipeline, images)
    assert np.abs(decoded.astype(int) - images).mean() < 2.5  # of 255
    before = np.mean([count_colors(sprite) for sprite in sprites])
    after = np.mean([count_colors(sprite) for sprite in shrink(decoded)])
    assert after == pytest.approx(before, abs=1.5)


def test_vae_is_honestly_worse_where_a_latent_holds_four_cells(pipeline: StableDiffusionPipeline, sprites: np.ndarray):
    images = enlarge(sprites, 96)
    error = np.abs(round_trip(pipeline, images).astype(int) - images).mean()
    assert 5 < error < 30  # of 255


def test_latents_have_unit_spread(pipeline: StableDiffusionPipeline, sprites: np.ndarray):
    pixels = torch.from_numpy(enlarge(sprites, 192)).permute(0, 3, 1, 2) / 127.5 - 1
    with torch.no_grad():
        latents = pipeline.vae.encode(pixels).latent_dist.mean * pipeline.vae.config.scaling_factor
    assert 0.7 < latents.std().item() < 1.5


def test_samples_are_painterly_portraits(pipeline: StableDiffusionPipeline):
    """Samples are nearer to portraits than noise is, in the place of their colors, and are not flat art."""
    generators = [torch.Generator().manual_seed(seed) for seed in range(4)]
    images = pipeline(
        [CAPTION] * 4, height=192, width=192, num_inference_steps=20, guidance_scale=2.0, generator=generators,
        output_type="np",
    ).images  # fmt: skip
    samples = shrink((images * 255).round().astype(np.uint8))
    shuffled = np.random.default_rng(0).permutation(samples.reshape(4, -1, 3), axis=1).reshape(samples.shape)
    sprites = draw_portraits(200)
    assert nearest_distance(samples, sprites) < 0.85 * nearest_distance(shuffled, sprites)
    assert np.mean([count_colors(sample) for sample in samples]) > 40


def nearest_distance(samples: np.ndarray, sprites: np.ndarray) -> float:
    """Mean RMS Delta E_OK from each sample to its nearest sprite."""
    differences = srgb_to_oklab(samples)[:, None] - srgb_to_oklab(sprites)[None]
    return float(np.sqrt((differences**2).sum(axis=-1).mean(axis=(2, 3))).min(axis=1).mean())
