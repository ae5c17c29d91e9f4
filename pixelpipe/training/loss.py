"""The denoising loss of a training step, and a validation loss that can be compared between epochs."""

from dataclasses import dataclass
from typing import Any

import torch
from diffusers import DDPMScheduler, UNet2DConditionModel

from pixelpipe.seeds import torch_generator
from pixelpipe.training.cache import TrainingCache

VALIDATION_DRAWS = 8  # noise levels a held-out sprite


@dataclass(frozen=True, slots=True)
class NoiseSchedule:
    """The forward process, on the training device."""

    alphas_cumprod: torch.Tensor  # (T,) fp32
    prediction_type: str  # epsilon or v_prediction

    @classmethod
    def of(cls, scheduler_config: dict[str, Any], device: torch.device | str = "cpu") -> "NoiseSchedule":
        scheduler = DDPMScheduler.from_config(scheduler_config)
        prediction_type = scheduler.config.prediction_type
        assert prediction_type in ("epsilon", "v_prediction"), f"SD1.5 predicts no {prediction_type}"
        return cls(scheduler.alphas_cumprod.to(device), prediction_type)

    def __len__(self) -> int:
        return len(self.alphas_cumprod)

    def add_noise(self, latents: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        """sqrt(a) x + sqrt(1 - a) e (Ho et al. 2020, eq. 4)."""
        signal, noisiness = self._coefficients(timesteps)
        return signal * latents + noisiness * noise

    def target(self, latents: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        """The noise, or v = sqrt(a) e - sqrt(1 - a) x (Salimans and Ho 2022, appendix D)."""
        if self.prediction_type == "epsilon":
            return noise
        signal, noisiness = self._coefficients(timesteps)
        return signal * noise - noisiness * latents

    def min_snr_weights(self, timesteps: torch.Tensor, gamma: float) -> torch.Tensor:
        """(B,): min(SNR, gamma) / SNR for noise, / (SNR + 1) for v (Hang et al. 2023, section 3.4)."""
        alphas = self.alphas_cumprod[timesteps]
        snr = alphas / (1 - alphas)
        return snr.clamp(max=gamma) / (snr if self.prediction_type == "epsilon" else snr + 1)

    def _coefficients(self, timesteps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        alphas = self.alphas_cumprod[timesteps].view(-1, 1, 1, 1)
        return alphas.sqrt(), (1 - alphas).sqrt()


def denoising_losses(
    unet: UNet2DConditionModel,
    schedule: NoiseSchedule,
    latents: torch.Tensor,
    noise: torch.Tensor,
    timesteps: torch.Tensor,
    encoder_hidden_states: torch.Tensor,
    *,
    min_snr_gamma: float | None = None,
    dtype: torch.dtype = torch.float32,
) -> torch.Tensor:
    """(B,) fp32: each sample's mean squared error of the prediction (Ho et al. 2020, eq. 14), weighted.

    `latents`, `noise`: (B, 4, h, w); `timesteps`: (B,) int64; `encoder_hidden_states`: (B, tokens, width); all fp32.
    `dtype`: what the UNet computes in.
    """
    noisy_latents = schedule.add_noise(latents, noise, timesteps).to(dtype)
    prediction = unet(noisy_latents, timesteps, encoder_hidden_states.to(dtype), return_dict=False)[0]
    errors = (prediction.float() - schedule.target(latents, noise, timesteps)).square().flatten(1).mean(1)
    return errors if min_snr_gamma is None else errors * schedule.min_snr_weights(timesteps, min_snr_gamma)


@torch.no_grad()
def validation_loss(
    unet: UNet2DConditionModel,
    schedule: NoiseSchedule,
    cache: TrainingCache,
    batch_size: int,
    seed: int,
    dtype: torch.dtype = torch.float32,
) -> float:
    """The loss on held-out sprites with noise and noise levels that never change; unweighted.

    Every sprite meets `VALIDATION_DRAWS` levels, stratified over all levels of the schedule; latents are the
    VAE's means. So two epochs, or two experiments with the same seed, differ by their weights alone.
    """
    device = schedule.alphas_cumprod.device
    generator = torch_generator(seed, "validation")
    count = len(cache) * VALIDATION_DRAWS
    samples = (torch.arange(count) % len(cache)).split(batch_size)
    noise = torch.randn((count, *cache.latent_shape), generator=generator).to(device).split(batch_size)
    levels = ((torch.arange(count) + 0.5) / count * len(schedule)).long()
    timesteps = levels[torch.randperm(count, generator=generator)].to(device).split(batch_size)
    latents = cache.latents.batches(samples)
    hidden = cache.embeddings.batches([cache.caption_rows[part] for part in samples])
    losses = [
        denoising_losses(unet, schedule, moments[:, 0], *draws, states, dtype=dtype).sum()
        for moments, states, *draws in zip(latents, hidden, noise, timesteps, strict=True)
    ]
    return (torch.stack(losses).sum() / count).item()
