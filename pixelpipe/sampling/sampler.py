"""Sampling: pictures of prompts and seeds, in batches of one fixed size, each independent of its neighbors."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from diffusers import DPMSolverMultistepScheduler, UNet2DConditionModel

from pixelpipe.models.encode import decode_latents, encode_prompts
from pixelpipe.models.load import BaseModel
from pixelpipe.progress import progress_bar
from pixelpipe.sampling.evaluation import ImagePlan
from pixelpipe.training.compilation import Stopwatch, TimedSteps, compiled

MIN_TIMED_BATCHES = 3
TIMESTEP_SPACING = "leading"  # as SD1.5's own scheduler spaces them; said, since DPM-Solver++ has another default


class Sampler:
    """Samples with the base's frozen parts around any UNet of its kind, which stays warm.

    The pictures are those of `StableDiffusionPipeline` with the same seeds; each prompt is encoded once for good, and
    nothing waits for the device between the steps. A picture depends on the weights, its prompt and its seed. On one
    machine and at one batch size it is the same bit for bit wherever it stands in a batch: the last batch is filled up,
    never smaller.
    """

    def __init__(
        self,
        base: BaseModel,
        *,
        resolution: int,
        num_inference_steps: int,
        guidance_scale: float,
        batch_size: int,
    ) -> None:
        self.base, self.resolution, self.batch_size = base, resolution, batch_size
        self.num_inference_steps, self.guidance_scale = num_inference_steps, guidance_scale
        self._embeddings: dict[str, torch.Tensor] = {}
        self._compiled: tuple[UNet2DConditionModel, Callable[..., Any]] | None = None
        self._timed = False

    def sample(
        self, unet: UNet2DConditionModel, images: Sequence[ImagePlan], description: str = "sampling"
    ) -> Iterator[tuple[ImagePlan, np.ndarray]]:
        """Yields every planned picture as (H, W, 3) uint8 sRGB with H = W = `resolution`, in the order given."""
        unet.eval()
        self._encode(["", *(image.prompt for image in images)])
        num_batches = -(-len(images) // self.batch_size)
        stopwatch = self._stopwatch(unet, num_batches)
        with progress_bar(description, len(images)) as advance:
            for number in range(num_batches):
                batch = images[number * self.batch_size : (number + 1) * self.batch_size]
                pictures = self._sample_batch(unet, batch)
                if stopwatch is not None and number == 0:
                    stopwatch.first_done()
                yield from zip(batch, pictures, strict=False)
                advance(len(batch))
        if stopwatch is not None:
            stopwatch.all_done(num_batches)

    def compile(self, unet: UNet2DConditionModel) -> None:
        """From now on, for this UNet; the first batch will take long. Pictures may differ by 1/255."""
        self._compiled = unet, compiled(unet)

    def timed_batches(self, unet: UNet2DConditionModel) -> TimedSteps:
        kind = (dict(unet.config), unet.dtype, self.batch_size, self.resolution, self.num_inference_steps)
        return TimedSteps(unet.device, "sampling", *kind, self.guidance_scale > 1)

    def _stopwatch(self, unet: UNet2DConditionModel, num_batches: int) -> Stopwatch | None:
        """For the first pictures, if there are enough batches to tell."""
        if self._timed or num_batches < MIN_TIMED_BATCHES:
            return None
        self._timed = True
        return Stopwatch(self.timed_batches(unet), compiled=self._compiled is not None)

    @torch.no_grad()
    def _sample_batch(self, unet: UNet2DConditionModel, batch: Sequence[ImagePlan]) -> np.ndarray:
        """(batch_size, H, W, 3) uint8; beyond `len(batch)`, the last picture again."""
        filled = [*batch, *[batch[-1]] * (self.batch_size - len(batch))]
        scheduler = DPMSolverMultistepScheduler.from_config(
            self.base.noise_scheduler_config, timestep_spacing=TIMESTEP_SPACING
        )
        scheduler.set_timesteps(self.num_inference_steps)  # on the CPU: its own arithmetic is of a few numbers
        hidden = self._hidden_states([image.prompt for image in filled]).to(unet.dtype)
        latents = self._initial_latents(unet, [image.seed for image in filled])
        for number, timestep in enumerate(scheduler.timesteps.to(unet.device)):
            noise = self._predict(unet, latents, timestep, hidden)
            latents = scheduler.step(noise, scheduler.timesteps[number], latents, return_dict=False)[0]
        return decode_latents(self.base, latents)

    def _predict(
        self, unet: UNet2DConditionModel, latents: torch.Tensor, timestep: torch.Tensor, hidden: torch.Tensor
    ) -> torch.Tensor:
        """The guided prediction, (B, 4, h, w) fp32; both halves of the guidance in one call (Ho and Salimans 2022)."""
        halves = len(hidden) // len(latents)
        noisy = latents.repeat(halves, 1, 1, 1).to(unet.dtype)
        forward = self._compiled[1] if self._compiled is not None and self._compiled[0] is unet else unet
        prediction = forward(noisy, timestep, hidden, return_dict=False)[0].float()
        if halves == 1:
            return prediction
        unconditional, conditional = prediction.chunk(2)
        return unconditional + self.guidance_scale * (conditional - unconditional)

    def _hidden_states(self, prompts: Sequence[str]) -> torch.Tensor:
        """(2B, tokens, width): first of the empty prompt, then the prompts'; without guidance the prompts' only."""
        texts = ["" for _ in prompts] if self.guidance_scale > 1 else []
        return torch.stack([self._embeddings[text] for text in (*texts, *prompts)])

    def _initial_latents(self, unet: UNet2DConditionModel, seeds: Sequence[int]) -> torch.Tensor:
        """(B, 4, h, w) fp32, drawn on the CPU: the same on every device."""
        side = self.resolution // 8
        shape = (1, unet.config.in_channels, side, side)
        draws = [torch.randn(shape, generator=torch.Generator("cpu").manual_seed(seed)) for seed in seeds]
        return torch.cat(draws).to(unet.device)

    def _encode(self, prompts: Sequence[str]) -> None:
        new = [prompt for prompt in dict.fromkeys(prompts) if prompt not in self._embeddings]
        if new:
            self._embeddings |= dict(zip(new, encode_prompts(self.base, new), strict=True))
