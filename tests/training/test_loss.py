import pytest
import torch
from diffusers import DDPMScheduler
from diffusers.training_utils import compute_snr

from pixelpipe.training.cache import TrainingCache
from pixelpipe.training.loss import VALIDATION_DRAWS, NoiseSchedule, denoising_losses, validation_loss
from pixelpipe.training.rows import DeviceRows

SCHEDULER = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}


class ScaledInput(torch.nn.Module):
    """Stands where a UNet does: predicts `scale` times its noisy input, and remembers what it was asked."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale, self.timesteps = scale, []

    def forward(self, sample, timestep, encoder_hidden_states, return_dict=True):
        self.timesteps += timestep.tolist()
        return (self.scale * sample,)


def schedule_of(prediction_type="epsilon"):
    return NoiseSchedule.of({**SCHEDULER, "prediction_type": prediction_type})


def loss_at(timestep, scale=0.3, gamma=None, prediction_type="epsilon"):
    """Of a latent of 0.5 everywhere and noise of -2 everywhere."""
    latents, noise = torch.full((1, 4, 2, 2), 0.5), torch.full((1, 4, 2, 2), -2.0)
    return denoising_losses(
        ScaledInput(scale), schedule_of(prediction_type), latents, noise, torch.tensor([timestep]),
        torch.zeros(1, 1, 1), min_snr_gamma=gamma,
    )  # fmt: skip


def test_epsilon_loss_against_the_formula():
    alpha_bar = DDPMScheduler(**SCHEDULER).alphas_cumprod[300]
    noisy = alpha_bar.sqrt() * 0.5 + (1 - alpha_bar).sqrt() * -2.0
    torch.testing.assert_close(loss_at(300), (0.3 * noisy - -2.0)[None] ** 2)


def test_v_prediction_loss_against_the_formula():
    alpha_bar = DDPMScheduler(**SCHEDULER).alphas_cumprod[300]
    velocity = alpha_bar.sqrt() * -2.0 - (1 - alpha_bar).sqrt() * 0.5  # Salimans and Ho 2022, appendix D
    torch.testing.assert_close(loss_at(300, scale=0.0, prediction_type="v_prediction"), velocity[None] ** 2)


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
def test_noise_and_target_are_those_of_the_fields_own_scheduler(prediction_type):
    scheduler, schedule = DDPMScheduler(**SCHEDULER, prediction_type=prediction_type), schedule_of(prediction_type)
    generator = torch.Generator().manual_seed(1)
    latents, noise = (torch.randn(6, 4, 3, 3, generator=generator) for _ in range(2))
    timesteps = torch.tensor([0, 1, 250, 500, 998, 999])
    expected = scheduler.add_noise(latents, noise, timesteps)
    torch.testing.assert_close(schedule.add_noise(latents, noise, timesteps), expected)
    expected = noise if prediction_type == "epsilon" else scheduler.get_velocity(latents, noise, timesteps)
    torch.testing.assert_close(schedule.target(latents, noise, timesteps), expected)


# By hand from the betas: alpha_bar(0) = 1 - 0.00085 = 0.99915, SNR = 0.99915 / 0.00085 = 1175.47; at gamma 5 the
# noise's weight is 5 / 1175.47 = 0.0042536, v's 5 / 1176.47 = 0.0042500. At level 999 alpha_bar is 0.00466 and SNR
# 0.00468, below 5: weight 1 for noise, 0.00468 / 1.00468 = 0.00466 = alpha_bar for v.
@pytest.mark.parametrize(
    ("timestep", "prediction_type", "weight"),
    [
        (0, "epsilon", 0.0042536),
        (0, "v_prediction", 0.0042500),
        (999, "epsilon", 1.0),
        (999, "v_prediction", 0.0046600),
    ],
)
def test_min_snr_weights_against_values_by_hand(timestep, prediction_type, weight):
    schedule = schedule_of(prediction_type)
    found = schedule.min_snr_weights(torch.tensor([timestep]), gamma=5.0)
    torch.testing.assert_close(found, torch.tensor([weight]), rtol=2e-4, atol=0)
    plain = loss_at(timestep, prediction_type=prediction_type)
    torch.testing.assert_close(loss_at(timestep, gamma=5.0, prediction_type=prediction_type), plain * found)


def test_min_snr_follows_diffusers_signal_to_noise_ratio():
    timesteps = torch.arange(0, 1000, 37)
    snr = compute_snr(DDPMScheduler(**SCHEDULER), timesteps)
    expected = snr.clamp(max=3.0) / snr
    torch.testing.assert_close(schedule_of().min_snr_weights(timesteps, 3.0), expected, rtol=1e-4, atol=1e-6)


def cache_of(count: int) -> TrainingCache:
    latents = torch.arange(count).float().reshape(count, 1, 1, 1, 1).expand(count, 2, 4, 2, 2) / count
    return TrainingCache(
        latents=DeviceRows(latents),
        captions=("",) * count,
        caption_rows=torch.zeros(count, dtype=torch.int64),
        embeddings=DeviceRows(torch.zeros(1, 3, 5)),
        null_embedding=torch.zeros(3, 5),
        latent_shape=(4, 2, 2),
        encode=lambda texts: torch.zeros(len(texts), 3, 5),
    )


def test_validation_loss_is_the_same_every_time_and_at_every_batch_size():
    schedule, cache = schedule_of(), cache_of(7)
    losses = [validation_loss(ScaledInput(0.3), schedule, cache, size, seed=1) for size in (4, 4, 5, 100)]
    assert losses[0] == losses[1]
    torch.testing.assert_close(torch.tensor(losses), torch.full((4,), losses[0]))
    assert validation_loss(ScaledInput(0.3), schedule, cache, 4, seed=2) != losses[0]


def test_validation_meets_every_stratum_of_noise_levels_once():
    unet = ScaledInput(0.3)
    validation_loss(unet, schedule_of(), cache_of(5), 8, seed=1)
    count = 5 * VALIDATION_DRAWS
    assert sorted(timestep * count // 1000 for timestep in unet.timesteps) == list(range(count))
