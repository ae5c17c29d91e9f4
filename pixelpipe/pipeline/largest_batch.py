"""How many sprites a GPU computes at once, found by trying: real steps of the real base, which train nothing."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from accelerate import Accelerator

from pixelpipe.config import ExperimentConfig
from pixelpipe.models.encode import encode_prompts
from pixelpipe.models.layout import resolve_base
from pixelpipe.models.load import BaseModel, load_base
from pixelpipe.training.cache import TrainingCache
from pixelpipe.training.engine import Trainer, TrainingData
from pixelpipe.training.memory import tried_batches
from pixelpipe.training.rows import DeviceRows

LIMIT = 512


@dataclass(frozen=True, slots=True)
class Trial:
    """Sprites computed at once, with all that training keeps in memory beside them."""

    batch_size: int
    fits: bool
    images_per_s: float | None = None  # forward and backward
    peak_gb: float | None = None  # None: no GPU


def try_batches(config: ExperimentConfig, limit: int = LIMIT) -> Iterator[Trial]:
    """1, 2, 4, ... up to `limit` sprites, until they no longer fit."""
    accelerator = Accelerator()
    base = load_base(resolve_base(config.model.base), accelerator.device)
    trainer = _trainer(base, config, accelerator)

    def attempt(size: int) -> Trial:
        trainer.try_part(size)  # the first of a size chooses its kernels
        started = time.perf_counter()
        trainer.try_part(size)
        on_gpu = accelerator.device.type == "cuda"
        if on_gpu:
            torch.cuda.synchronize()
        seconds = time.perf_counter() - started
        return Trial(size, True, size / seconds, torch.cuda.max_memory_allocated() / 1e9 if on_gpu else None)

    for size, trial in tried_batches(attempt, limit):
        yield trial or Trial(size, False)


def _trainer(base: BaseModel, config: ExperimentConfig, accelerator: Accelerator) -> Trainer:
    """On one blank sprite: what is computed does not matter."""
    side = config.resolution // 8
    empty = encode_prompts(base, [""])
    cache = TrainingCache(
        latents=DeviceRows(torch.zeros((1, 2, 4, side, side), device=accelerator.device)),
        captions=("",),
        caption_rows=torch.zeros(1, dtype=torch.int64),
        embeddings=DeviceRows(empty),
        null_embedding=empty[0],
        latent_shape=(4, side, side),
        encode=lambda texts: encode_prompts(base, texts),
    )
    data = TrainingData(cache, cache, repeats=1)
    scheduler = base.noise_scheduler_config
    return Trainer(base.unet, scheduler, data, config.resolved_training, config.model, config.seed, accelerator)
