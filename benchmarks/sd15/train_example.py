"""An example's own training section on SD1.5's architecture with random weights: real steps of the engine.

    python benchmarks/sd15/train_example.py examples/sd15-a100.yaml --steps 2 \
        --set training.batch_size=1 --set training.resolution=64

Everything that the section asks for is on: precision, average, weights by noise level, warm-up, dropout. Latents and
embeddings are drawn at random, so VAE and text encoder need no memory. Refused where memory would not suffice.
"""

import argparse
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import torch
from accelerate import Accelerator
from diffusers import UNet2DConditionModel

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.random_cache import random_cache
from pixelpipe.config import ExperimentConfig, load_config
from pixelpipe.models.layout import SD15
from pixelpipe.pipeline.memory_plan import FROZEN_GB, gpu_memory_gb, sprites_at_once
from pixelpipe.training.engine import Trainer, TrainingData


def random_unet(device: torch.device) -> UNet2DConditionModel:
    """Deviation 0.02, made where it is used: no second copy."""
    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(SD15 / "unet"))
    unet.to_empty(device=device)
    generator = torch.Generator(device).manual_seed(0)
    for weight in unet.parameters():
        weight.data.normal_(std=0.02, generator=generator)
    return unet


def train(config: ExperimentConfig, steps: int) -> dict[str, Any]:
    accelerator = Accelerator()
    device, batch_size = accelerator.device, config.training.batch_size
    started = time.perf_counter()
    unet = random_unet(device)
    data = TrainingData(*(random_cache(count, config.resolution, device) for count in (batch_size, 1)), repeats=steps)
    scheduler = json.loads((SD15 / "scheduler/scheduler_config.json").read_text())
    training = config.resolved_training
    trainer = Trainer(unet, scheduler, data, training, config.model, config.seed, accelerator)
    made = time.perf_counter()
    loss = trainer._train_epoch(1)
    trained = time.perf_counter()
    on_gpu = device.type == "cuda"
    peak = torch.cuda.max_memory_allocated() if on_gpu else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "trained_weights": sum(master.numel() for master in trainer.step.weights.masters),
        "steps": trainer.optimizer_steps,
        "learning_rate_of_last_step": trainer.step.learning_rate_at(trainer.optimizer_steps - 1),
        "train_loss": loss,
        "set_up_s": made - started,
        "seconds_a_step": (trained - made) / steps,
        "peak_GB": peak / 1e9,
        "device": torch.cuda.get_device_name() if on_gpu else "CPU",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("example", type=Path)
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--steps", type=int, default=2)
    arguments = parser.parse_args()
    config = load_config(arguments.example, tuple(arguments.overrides))
    needed = (gpu_memory_gb(config, sprites_at_once(config)) or 0.0) - FROZEN_GB
    free = (torch.cuda.mem_get_info()[0] if torch.cuda.is_available() else psutil.virtual_memory().available) / 1e9
    if needed > 0.97 * free:
        sys.exit(f"about {needed:.1f} GB are needed and {free:.1f} GB are free")
    print(f"counted {needed:.1f} GB, free {free:.1f} GB", flush=True)
    for name, value in train(config, arguments.steps).items():
        print(f"{name:28} {value:.4g}" if isinstance(value, float) else f"{name:28} {value}")


if __name__ == "__main__":
    main()
