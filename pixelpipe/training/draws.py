"""Every random number of training, as a function of what it is for.

The order of the data is a function of (seed, epoch). Latent draw, noise, noise level and dropout are functions of
(seed, step, position in the step's whole batch): every process draws for the whole batch and takes its part, so neither
accumulation nor the number of processes changes a number. Drawn where they are used: on the CPU they are the same
everywhere; a GPU draws its own, the same on every GPU of its kind.
"""

from dataclasses import dataclass

import torch

from pixelpipe.seeds import derive_seed, numpy_generator


@dataclass(frozen=True, slots=True)
class EpochOrder:
    """What an epoch shows, in order. N = sprites x repeats; on the CPU."""

    samples: torch.Tensor  # (N,) int64: which sprite
    flipped: torch.Tensor  # (N,) bool: mirrored or not


def epoch_order(seed: int, epoch: int, num_samples: int, repeats: int, horizontal_flips: bool) -> EpochOrder:
    """Every sprite `repeats` times, in an order of the epoch's own."""
    count = num_samples * repeats
    samples = torch.from_numpy(numpy_generator(seed, "order", epoch).permutation(count)) % num_samples
    coins = numpy_generator(seed, "flips", epoch).random(count) < 0.5
    return EpochOrder(samples, torch.from_numpy(coins & horizontal_flips))


@dataclass(frozen=True, slots=True)
class Draws:
    """The random numbers of one optimizer step, for its whole batch or a part of it."""

    latent: torch.Tensor  # (B, 4, h, w) standard normal: which of the VAE's latents
    noise: torch.Tensor  # (B, 4, h, w), with `noise_offset`'s part
    timesteps: torch.Tensor  # (B,) int64
    dropped: torch.Tensor  # (B,) bool: whose caption is empty

    def part(self, part: slice) -> "Draws":
        return Draws(self.latent[part], self.noise[part], self.timesteps[part], self.dropped[part])


def step_draws(
    seed: int,
    step: int,
    shape: tuple[int, int, int, int],
    *,
    num_train_timesteps: int,
    caption_dropout: float,
    noise_offset: float,
    device: torch.device,
) -> Draws:
    """Draws of optimizer step `step` (from 0, cumulative) for a batch of latents of `shape`."""
    generator = torch.Generator(device).manual_seed(derive_seed(seed, "step", step))

    def normal(*size: int) -> torch.Tensor:
        return torch.randn(size, generator=generator, device=device)

    batch_size, channels = shape[:2]
    latent, noise = normal(*shape), normal(*shape)
    timesteps = torch.randint(0, num_train_timesteps, (batch_size,), generator=generator, device=device)
    dropped = torch.rand(batch_size, generator=generator, device=device) < caption_dropout
    if noise_offset:  # crosslabs.org/blog/diffusion-with-offset-noise: lets the mean of a picture be learned
        noise = noise + noise_offset * normal(batch_size, channels, 1, 1)
    return Draws(latent, noise, timesteps, dropped)
