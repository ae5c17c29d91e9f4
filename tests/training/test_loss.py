import torch
from diffusers import DDPMScheduler

from pixelpipe.training.cache import TrainingCache
from pixelpipe.training.loss import VALIDATION_DRAWS, denoising_loss, validation_loss

SCHEDULER = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}


class ScaledInput(torch.nn.Module):
    """Stands where a UNet does: predicts `scale` times its noisy input, and remembers what it was asked."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale, self.timesteps = scale, []

    def forward(self, sample, timestep, encoder_hidden_states, return_dict=True):
        self.timesteps += timestep.tolist()
        return (self.scale * sample,)


def test_epsilon_loss_against_the_formula():
    scheduler = DDPMScheduler(**SCHEDULER)
    latents, noise = torch.full((1, 4, 2, 2), 0.5), torch.full((1, 4, 2, 2), -2.0)
    timestep = torch.tensor([300])
    alpha_bar = scheduler.alphas_cumprod[300]
    noisy = alpha_bar.sqrt() * 0.5 + (1 - alpha_bar).sqrt() * -2.0
    expected = (0.3 * noisy - -2.0) ** 2
    loss = denoising_loss(ScaledInput(0.3), scheduler, latents, noise, timestep, torch.zeros(1, 1, 1))
    torch.testing.assert_close(loss, expected)


def test_v_prediction_loss_against_the_formula():
    scheduler = DDPMScheduler(**SCHEDULER, prediction_type="v_prediction")
    latents, noise = torch.full((1, 4, 2, 2), 0.5), torch.full((1, 4, 2, 2), -2.0)
    alpha_bar = scheduler.alphas_cumprod[300]
    velocity = alpha_bar.sqrt() * -2.0 - (1 - alpha_bar).sqrt() * 0.5  # Salimans and Ho 2022, appendix D
    loss = denoising_loss(ScaledInput(0.0), scheduler, latents, noise, torch.tensor([300]), torch.zeros(1, 1, 1))
    torch.testing.assert_close(loss, velocity**2)


def cache_of(count: int) -> TrainingCache:
    latents = torch.arange(count).float().reshape(count, 1, 1, 1).expand(count, 4, 2, 2) / count
    return TrainingCache(latents, latents, torch.zeros(count, dtype=torch.int64), torch.zeros(1, 3, 5))


def test_validation_loss_is_the_same_every_time_and_at_every_batch_size():
    scheduler, cache = DDPMScheduler(**SCHEDULER), cache_of(7)
    losses = [validation_loss(ScaledInput(0.3), scheduler, cache, size, seed=1) for size in (4, 4, 5, 100)]
    assert losses[0] == losses[1]
    torch.testing.assert_close(torch.tensor(losses), torch.full((4,), losses[0]))
    assert validation_loss(ScaledInput(0.3), scheduler, cache, 4, seed=2) != losses[0]


def test_validation_meets_every_stratum_of_noise_levels_once():
    unet = ScaledInput(0.3)
    validation_loss(unet, DDPMScheduler(**SCHEDULER), cache_of(5), 8, seed=1)
    count = 5 * VALIDATION_DRAWS
    assert sorted(timestep * count // 1000 for timestep in unet.timesteps) == list(range(count))
