"""A UNet so small that a step takes milliseconds, with data made from a seed: nothing here depends on the tiny base."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from diffusers import UNet2DConditionModel

from pixelpipe.config import parse_config
from pixelpipe.training.cache import TrainingCache
from pixelpipe.training.engine import Trainer, TrainingData
from pixelpipe.training.rows import DeviceRows

SCHEDULER = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}
TOKENS, WIDTH = 5, 16
CAPTIONS = ("red, hat, smile", "blue, cape", "green, hat, beard, scar")


def small_unet(seed: int = 0) -> UNet2DConditionModel:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return UNet2DConditionModel(
            sample_size=8,
            block_out_channels=(8, 16),
            layers_per_block=1,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=WIDTH,
            attention_head_dim=2,
            norm_num_groups=4,
        )


def encode(captions: Any) -> torch.Tensor:
    """An embedding of each text's own."""
    seeds = [sum(text.encode()) for text in captions]
    return torch.stack([torch.randn(TOKENS, WIDTH, generator=torch.Generator().manual_seed(seed)) for seed in seeds])


def small_cache(count: int, flips: bool = False, seed: int = 0) -> TrainingCache:
    generator = torch.Generator().manual_seed(seed)
    rows = 2 * count if flips else count
    mean = torch.randn(rows, 1, 4, 8, 8, generator=generator)
    captions = tuple(CAPTIONS[index % len(CAPTIONS)] for index in range(count))
    different = sorted(set(captions))
    return TrainingCache(
        latents=DeviceRows(torch.cat([mean, torch.full_like(mean, 0.1)], dim=1)),
        captions=captions,
        caption_rows=torch.tensor([1 + different.index(caption) for caption in captions]),
        embeddings=DeviceRows(encode(["", *different])),
        null_embedding=encode([""])[0],
        latent_shape=(4, 8, 8),
        encode=encode,
    )


@pytest.fixture
def make_trainer() -> Callable[..., Trainer]:
    """A trainer of 10 sprites, shown twice an epoch; keywords are fields of `training`, or whole sections."""

    def make(seed: int = 1, accelerator: Any = None, model: Any = None, unet: Any = None, **training: Any) -> Trainer:
        defaults = {"epochs": 3, "batch_size": 8, "learning_rate": 1e-3, "ema_decay": 0, "noise_offset": 0}
        config = parse_config(
            {"name": "x", "dataset": {"path": "x"}, "model": model or {}, "training": {**defaults, **training}}, "test"
        )
        data = TrainingData(small_cache(10, config.training.horizontal_flips), small_cache(3, seed=1), repeats=2)
        accelerator = accelerator or Accelerator()
        return Trainer(unet or small_unet(), SCHEDULER, data, config.resolved_training, config.model, seed, accelerator)

    return make


@pytest.fixture
def make_base_trainer(base: Any) -> Callable[..., Trainer]:
    """One epoch of the tiny base on noise: for what needs a base whose pictures can be looked at."""

    def make(model: Any, **training: Any) -> Trainer:
        values = {"epochs": 1, "batch_size": 2, "learning_rate": 1e-3, "ema_decay": 0, **training}
        config = parse_config({"name": "x", "dataset": {"path": "x"}, "model": model, "training": values}, "test")
        width = base.unet.config.cross_attention_dim
        length = base.tokenizer.model_max_length
        cache = TrainingCache(
            latents=DeviceRows(torch.randn(4, 2, 4, 12, 12, generator=torch.Generator().manual_seed(1))),
            captions=("a",) * 4,
            caption_rows=torch.zeros(4, dtype=torch.int64),
            embeddings=DeviceRows(torch.ones(1, length, width)),
            null_embedding=torch.zeros(length, width),
            latent_shape=(4, 12, 12),
            encode=lambda texts: torch.ones(len(texts), length, width),
        )
        data = TrainingData(cache, cache, repeats=1)
        unet, scheduler = copy.deepcopy(base.unet), base.noise_scheduler_config
        return Trainer(unet, scheduler, data, config.resolved_training, config.model, 1, Accelerator())

    return make
