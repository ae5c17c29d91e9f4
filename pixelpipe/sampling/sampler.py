"""Sampling: pictures of prompts and seeds, in batches of one fixed size, each independent of its neighbors."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline, UNet2DConditionModel

from pixelpipe.models.encode import encode_prompts
from pixelpipe.models.load import BaseModel
from pixelpipe.progress import progress_bar
from pixelpipe.sampling.evaluation import ImagePlan

TIMESTEP_SPACING = "leading"  # as SD1.5's own scheduler spaces them; said, since DPM-Solver++ has another default


class Sampler:
    """A warm pipeline around the base's frozen parts.

    A picture depends on the weights, its prompt and its seed. On one machine and at one batch size it is the same bit
    for bit wherever it stands in a batch: the last batch is filled up, never smaller.
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
        self.empty = encode_prompts(base, [""])

    def sample(
        self, unet: UNet2DConditionModel, images: Sequence[ImagePlan], description: str = "sampling"
    ) -> Iterator[tuple[ImagePlan, np.ndarray]]:
        """Yields every planned picture as (H, W, 3) uint8 sRGB with H = W = `resolution`, in the order given."""
        unet.eval()
        pipeline = self._pipeline(unet)
        with progress_bar(description, len(images)) as advance:
            for start in range(0, len(images), self.batch_size):
                batch = images[start : start + self.batch_size]
                yield from zip(batch, self._sample_batch(pipeline, batch), strict=False)
                advance(len(batch))

    @torch.no_grad()
    def _sample_batch(self, pipeline: StableDiffusionPipeline, batch: Sequence[ImagePlan]) -> np.ndarray:
        """(batch_size, H, W, 3) uint8; beyond `len(batch)`, the last picture again."""
        filled = [*batch, *[batch[-1]] * (self.batch_size - len(batch))]
        result: Any = pipeline(
            prompt_embeds=encode_prompts(self.base, [image.prompt for image in filled]),
            negative_prompt_embeds=self.empty.expand(self.batch_size, -1, -1),
            generator=[torch.Generator("cpu").manual_seed(image.seed) for image in filled],
            num_inference_steps=self.num_inference_steps,
            guidance_scale=self.guidance_scale,
            height=self.resolution,
            width=self.resolution,
            output_type="np",
        )
        return (result.images * 255).round().astype(np.uint8)

    def _pipeline(self, unet: UNet2DConditionModel) -> StableDiffusionPipeline:
        pipeline = StableDiffusionPipeline(
            vae=self.base.vae,
            text_encoder=self.base.text_encoder,
            tokenizer=self.base.tokenizer,
            unet=unet,
            scheduler=DPMSolverMultistepScheduler.from_config(
                self.base.noise_scheduler_config, timestep_spacing=TIMESTEP_SPACING
            ),
            safety_checker=None,
            feature_extractor=None,  # type: ignore[arg-type]  # diffusers accepts None here
            requires_safety_checker=False,
        )
        pipeline.set_progress_bar_config(disable=True)
        return pipeline
