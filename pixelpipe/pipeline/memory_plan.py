"""GPU memory of training by batch size: counted, without a GPU and without torch. `largest_batch.py` tries it."""

from pixelpipe.config import ExperimentConfig
from pixelpipe.pipeline.work import train_tflop

UNET_GB, FROZEN_GB = 3.44, 0.83  # fp32: 859.5M parameters; VAE and CLIP's text encoder
LORA_SHARE = 0.02  # of the UNet's parameters, about, at rank 16 with feed-forward
ACTIVATIONS_GB_512 = 0.86  # an image, bf16, without checkpointing: (40.7 GiB at batch 32 - weights) / 32, on an H200
CHECKPOINTED_SHARE = 0.3  # of the activations
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128)
FILLED = 0.95  # of a GPU's memory; the rest is the allocator's


def gpu_memory_gb(config: ExperimentConfig, batch_size: int) -> float | None:
    """With parts of `batch_size` sprites computed at once; None for the tiny base, which any GPU has room for.

    The UNet in the precision that computes, fp32 masters beside a rounded UNet, gradients, AdamW's two moments, the
    average, VAE and text encoder, and activations.
    """
    if config.model.base == "tiny":
        return None
    training, rounded = config.training, config.training.mixed_precision != "no"
    trained = UNET_GB * (1 if config.model.method == "full" else LORA_SHARE)
    copies = 3 + (1 if training.ema_decay else 0) + (1 if rounded else 0)
    activations = ACTIVATIONS_GB_512 * train_tflop(config.resolution) / train_tflop(512)
    activations *= (1 if rounded else 2) * (CHECKPOINTED_SHARE if training.gradient_checkpointing else 1)
    return UNET_GB / (2 if rounded else 1) + copies * trained + FROZEN_GB + activations * batch_size


def memory_by_batch(config: ExperimentConfig) -> dict[int, float]:
    """Batch size, computed at once -> GB; empty for the tiny base."""
    found = {batch_size: gpu_memory_gb(config, batch_size) for batch_size in BATCHES}
    return {batch_size: gb for batch_size, gb in found.items() if gb is not None}


def largest_counted(config: ExperimentConfig, gpu_gb: float) -> int:
    """The largest of `BATCHES` that is counted to fit; 0: none does."""
    return max((size for size, gb in memory_by_batch(config).items() if gb <= FILLED * gpu_gb), default=0)


def sprites_at_once(config: ExperimentConfig) -> int:
    """Of a batch, on one GPU; `auto` splits only what does not fit, so it is counted whole."""
    parts = config.training.gradient_accumulation_steps
    return -(-config.training.batch_size // (config.training.num_processes * (1 if parts == "auto" else parts)))
