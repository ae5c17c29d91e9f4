"""Training the decoder of the tiny base for what is not aligned: texture, and cells smaller than a latent.

The encoder stays as it was built, so that latents, and a UNet trained on them, stay valid.
"""

import logging

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import nn
from torch.nn import functional

from pixelpipe.models.pretrain_tiny.crops import random_crop

logger = logging.getLogger(__name__)

MAX_LATENT_NOISE_STD = 0.08  # a UNet's latents are never exact, and flat cells should still come out flat
NUM_WARMUP_STEPS = 50


def _loss(vae: AutoencoderKL, pixels: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, float]:
    """Error of values and of steps between neighbors, so that flat cells stay flat; (loss, L1 alone)."""
    with torch.no_grad():
        latents = vae.encode(pixels).latent_dist.mean
    noise_std = MAX_LATENT_NOISE_STD * torch.rand(len(latents), 1, 1, 1, generator=generator)
    latents = latents + noise_std * torch.randn(latents.shape, generator=generator)
    decoded = vae.decode(latents).sample
    l1 = functional.l1_loss(decoded, pixels)
    steps = sum(functional.l1_loss(decoded.diff(dim=axis), pixels.diff(dim=axis)) for axis in (2, 3))
    return l1 + functional.mse_loss(decoded, pixels) + 0.5 * steps, l1.item()


def train_decoder(
    vae: AutoencoderKL, seed: int, num_steps: int, batch_size: int = 16, learning_rate: float = 1e-3
) -> None:
    """Train `vae.decoder` in place on crops, with a cosine learning rate."""
    generator = torch.Generator().manual_seed(seed)
    rng = np.random.default_rng([seed, 1])
    vae.to(memory_format=torch.channels_last)
    parameters = list(vae.decoder.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=0.0, betas=(0.9, 0.99))
    running_l1 = 0.1
    for step in range(num_steps):
        for group in optimizer.param_groups:
            cosine = 0.5 * (1 + np.cos(np.pi * step / num_steps))
            group["lr"] = learning_rate * min(1, (step + 1) / NUM_WARMUP_STEPS) * cosine
        pixels = torch.from_numpy(np.stack([random_crop(rng) for _ in range(batch_size)]))
        loss, l1 = _loss(vae, pixels.to(memory_format=torch.channels_last), generator)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        running_l1 = 0.98 * running_l1 + 0.02 * l1
        if (step + 1) % 100 == 0:
            logger.info("decoder: step %d of %d, L1 %.4f", step + 1, num_steps, running_l1)
