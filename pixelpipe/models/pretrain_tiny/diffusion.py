"""Training the tiny base's UNet together with its text encoder, as a plain noise predictor.

In fp32 everywhere: bf16 cannot hold the small noise of the last steps, and it is there that flatness is decided.
"""

import copy
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from torch import nn
from torch.nn import functional
from transformers.models.clip import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from pixelpipe.models.pretrain_tiny.latents import LatentSet

logger = logging.getLogger(__name__)

HIDDEN_SIZE = 64
CAPTION_DROPOUT = 0.1
EMA_DECAY = 0.999
NUM_WARMUP_STEPS = 100
NUM_HELD_OUT = 64
NOISE_OFFSET = 0.1  # else the color of the ground is read off the mean of the noise that sampling begins with
LOW_NOISE_POWER = 1.5  # 21% of the timesteps below 100, 45% below 300
SCHEDULER_CONFIG = {
    "num_train_timesteps": 1000, "beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012,
    "prediction_type": "epsilon", "steps_offset": 1, "set_alpha_to_one": False, "skip_prk_steps": True,
    "clip_sample": False, "trained_betas": None,
}  # fmt: skip


@dataclass(slots=True)
class Denoiser:
    """What is trained: the UNet and the text encoder; and the tokenizer that goes with them."""

    unet: UNet2DConditionModel
    text_encoder: CLIPTextModel
    tokenizer: CLIPTokenizer

    def parameters(self) -> list[nn.Parameter]:
        return [*self.unet.parameters(), *self.text_encoder.parameters()]

    @property
    def device(self) -> torch.device:
        return self.unet.device

    def to(self, device: torch.device) -> "Denoiser":
        self.unet.to(device)
        self.text_encoder.to(device)
        return self

    def tokenize(self, captions: list[str]) -> torch.Tensor:
        """(N, 77) int64."""
        options = {"padding": "max_length", "truncation": True, "return_tensors": "pt"}
        input_ids = self.tokenizer(captions, max_length=self.tokenizer.model_max_length, **options).input_ids
        return input_ids.to(self.device)

    def predict(self, noisy_latents: torch.Tensor, timesteps: torch.Tensor, input_ids: torch.Tensor) -> torch.Tensor:
        encoder_hidden_states = self.text_encoder(input_ids)[0]  # (N, 77, HIDDEN_SIZE)
        return self.unet(noisy_latents, timesteps, encoder_hidden_states).sample


def build_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """A CLIP text encoder of two layers."""
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=HIDDEN_SIZE,
        intermediate_size=4 * HIDDEN_SIZE,
        projection_dim=HIDDEN_SIZE,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=tokenizer.model_max_length,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return CLIPTextModel(config)


def build_unet() -> UNet2DConditionModel:
    """SD1.5's UNet with three levels, a layer a block, and about a tenth of its channels.

    The first level is wider than its share: at full size and low noise the flatness of a cell is decided.
    """
    return UNet2DConditionModel(
        sample_size=24,
        block_out_channels=(48, 64, 96),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=HIDDEN_SIZE,
        attention_head_dim=4,
        norm_num_groups=8,
    )


def build_denoiser(tokenizer: CLIPTokenizer, seed: int) -> Denoiser:
    """Fresh weights from `seed`; torch's global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        denoiser = Denoiser(build_unet(), build_text_encoder(tokenizer), tokenizer)
    denoiser.unet.to(memory_format=torch.channels_last)
    return denoiser


@dataclass(frozen=True, slots=True)
class Split:
    """A latent set with its captions tokenized, cut into what is trained on and what is held out."""

    latents: torch.Tensor
    input_ids: torch.Tensor
    held_out_latents: torch.Tensor
    held_out_ids: torch.Tensor
    share: float


def split(denoiser: Denoiser, latent_set: LatentSet) -> Split:
    """Hold out at most `NUM_HELD_OUT` pictures, the last ones."""
    num_held_out = min(NUM_HELD_OUT, len(latent_set.captions) // 10)
    num_kept = len(latent_set.captions) - num_held_out
    input_ids = denoiser.tokenize(latent_set.captions)
    latents = latent_set.latents
    return Split(latents[:num_kept], input_ids[:num_kept], latents[num_kept:], input_ids[num_kept:], latent_set.share)


class EmaCopy:
    """Exponential moving average of a denoiser's weights, with warm-up."""

    def __init__(self, denoiser: Denoiser) -> None:
        self.denoiser = Denoiser(
            copy.deepcopy(denoiser.unet).eval(), copy.deepcopy(denoiser.text_encoder).eval(), denoiser.tokenizer
        )

    @torch.no_grad()
    def update(self, denoiser: Denoiser, step: int) -> None:
        weight = 1 - min(EMA_DECAY, (1 + step) / (10 + step))
        torch._foreach_lerp_(self.denoiser.parameters(), denoiser.parameters(), weight)


def _timesteps(batch_size: int, generator: torch.Generator) -> torch.Tensor:
    """Stratified over 0..999, low noise more often: there the flatness of a cell is decided."""
    jitter = torch.rand(batch_size, generator=generator, device=generator.device)
    place = torch.arange(batch_size, device=generator.device)
    return (((place + jitter) / batch_size) ** LOW_NOISE_POWER * 1000).long()


def _loss(
    denoiser: Denoiser,
    noise_scheduler: DDPMScheduler,
    latents: torch.Tensor,
    input_ids: torch.Tensor,
    generator: torch.Generator,
    noise_offset: float = 0.0,
) -> torch.Tensor:
    """Mean squared error of the predicted noise."""
    noise = torch.randn(latents.shape, generator=generator, device=generator.device)
    if noise_offset:
        noise += noise_offset * torch.randn((*latents.shape[:2], 1, 1), generator=generator, device=generator.device)
    timesteps = _timesteps(len(latents), generator)
    noisy_latents = noise_scheduler.add_noise(latents, noise, timesteps)
    noisy_latents = noisy_latents.contiguous(memory_format=torch.channels_last)
    return functional.mse_loss(denoiser.predict(noisy_latents, timesteps, input_ids), noise)


@torch.no_grad()
def validation_loss(denoiser: Denoiser, noise_scheduler: DDPMScheduler, held_out: Split) -> float:
    """Loss on held-out pictures with fixed noise and stratified timesteps."""
    generator = torch.Generator(denoiser.device).manual_seed(0)
    latents, input_ids = held_out.held_out_latents.float(), held_out.held_out_ids
    return _loss(denoiser, noise_scheduler, latents, input_ids, generator).item()


def _batches(splits: list[Split], null_ids: torch.Tensor, batch_size: int, rng: np.random.Generator) -> Iterator:
    """Endless batches of one size each: (latents (N, 4, S, S) float32, input_ids (N, 77))."""
    shares = np.array([part.share for part in splits])
    while True:
        part = splits[int(rng.choice(len(splits), p=shares / shares.sum()))]
        indices = torch.from_numpy(rng.integers(len(part.latents), size=batch_size)).to(null_ids.device)
        dropped = torch.from_numpy(rng.random(batch_size) < CAPTION_DROPOUT).to(null_ids.device)
        input_ids = torch.where(dropped[:, None], null_ids, part.input_ids[indices])
        yield part.latents[indices].float(), input_ids


def _learning_rate(step: int, share: float, peak: float) -> float:
    return peak * min(1, (step + 1) / NUM_WARMUP_STEPS) * (0.01 + 0.99 * 0.5 * (1 + np.cos(np.pi * share)))


def train_denoiser(
    denoiser: Denoiser,
    latent_sets: list[LatentSet],
    seed: int,
    duration_s: float,
    save_every_s: float,
    batch_size: int = 32,
    learning_rate: float = 1e-3,
) -> Iterator[Denoiser]:
    """Train for `duration_s` seconds; yield the averaged weights every `save_every_s` seconds and at the end."""
    splits = [split(denoiser, latent_set) for latent_set in latent_sets]
    generator = torch.Generator(denoiser.device).manual_seed(seed)
    batches = _batches(splits, denoiser.tokenize([""]), batch_size, np.random.default_rng([seed, 2]))
    noise_scheduler = DDPMScheduler(**_ddpm_config())
    # the schedule's levels live where the latents do: `add_noise` would copy them there at every step
    noise_scheduler.alphas_cumprod = noise_scheduler.alphas_cumprod.to(denoiser.device)
    optimizer = torch.optim.AdamW(denoiser.parameters(), lr=learning_rate, weight_decay=0.01, fused=True)
    ema = EmaCopy(denoiser)
    start, last_save_s, step = time.monotonic(), 0.0, 0
    while (elapsed_s := time.monotonic() - start) < duration_s:
        for group in optimizer.param_groups:
            group["lr"] = _learning_rate(step, elapsed_s / duration_s, learning_rate)
        loss = _loss(denoiser, noise_scheduler, *next(batches), generator, NOISE_OFFSET)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(denoiser.parameters(), 1.0)
        optimizer.step()
        ema.update(denoiser, step)
        step += 1
        if step % 200 == 0:  # also what keeps the queue of a GPU, and so the clock of the schedule, honest
            held_out = validation_loss(ema.denoiser, noise_scheduler, splits[0])
            share = 100 * elapsed_s / duration_s
            logger.info("unet: %3.0f%%, step %d, loss %.4f, held-out %.4f", share, step, loss.item(), held_out)
        if elapsed_s - last_save_s > save_every_s:
            last_save_s = elapsed_s
            yield ema.denoiser
    yield ema.denoiser


def _ddpm_config() -> dict[str, object]:
    """What of the scheduler's configuration the forward process needs."""
    names = ("num_train_timesteps", "beta_schedule", "beta_start", "beta_end", "prediction_type", "clip_sample")
    return {name: SCHEDULER_CONFIG[name] for name in names}
