"""The denoising loss of a training step, and a validation loss that can be compared between epochs."""

import torch
from diffusers import DDPMScheduler, UNet2DConditionModel

from pixelpipe.seeds import torch_generator
from pixelpipe.training.cache import TrainingCache

VALIDATION_DRAWS = 8  # noise levels a held-out sprite


def denoising_loss(
    unet: UNet2DConditionModel,
    noise_scheduler: DDPMScheduler,
    latents: torch.Tensor,
    noise: torch.Tensor,
    timesteps: torch.Tensor,
    encoder_hidden_states: torch.Tensor,
) -> torch.Tensor:
    """Mean squared error of the predicted noise (Ho et al. 2020, eq. 14), or of v where the base predicts v.

    `latents`, `noise`: (B, 4, h, w); `timesteps`: (B,) int64; `encoder_hidden_states`: (B, tokens, width).
    Returns a scalar.
    """
    noisy_latents = noise_scheduler.add_noise(latents, noise, timesteps)
    prediction = unet(noisy_latents, timesteps, encoder_hidden_states, return_dict=False)[0]
    if noise_scheduler.config.prediction_type == "v_prediction":
        target = noise_scheduler.get_velocity(latents, noise, timesteps)
    else:
        target = noise
    return torch.nn.functional.mse_loss(prediction.float(), target.float())


@torch.no_grad()
def validation_loss(
    unet: UNet2DConditionModel,
    noise_scheduler: DDPMScheduler,
    cache: TrainingCache,
    batch_size: int,
    seed: int,
) -> float:
    """The loss on held-out sprites with noise and noise levels that never change.

    Every sprite meets `VALIDATION_DRAWS` levels, stratified over all levels of the schedule; latents are the
    VAE's means. So two epochs, or two experiments with the same seed, differ by their weights alone.
    """
    device = cache.latent_mean.device
    generator = torch_generator(seed, "validation")
    count = len(cache) * VALIDATION_DRAWS
    sample = torch.arange(count) % len(cache)
    noise = torch.randn((count, *cache.latent_mean.shape[1:]), generator=generator)
    levels = noise_scheduler.config.num_train_timesteps
    timesteps = ((torch.arange(count) + 0.5) / count * levels).long()[torch.randperm(count, generator=generator)]
    total = 0.0
    for start in range(0, count, batch_size):
        rows = sample[start : start + batch_size].to(device)
        loss = denoising_loss(
            unet,
            noise_scheduler,
            cache.latent_mean[rows],
            noise[start : start + batch_size].to(device),
            timesteps[start : start + batch_size].to(device),
            cache.embeddings[cache.caption_index[rows]],
        )
        total += loss.item() * len(rows)
    return total / count
