"""What every step needs and training never changes, computed once: latents of the sprites, embeddings of captions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from pixelpipe.data.manifest import Sample
from pixelpipe.models.encode import encode_images, encode_prompts
from pixelpipe.models.load import BaseModel


@dataclass(frozen=True, slots=True)
class TrainingCache:
    """Tensors on the training device; row i belongs to sample i.

    The VAE's mean *and* standard deviation are kept, so that every step draws a fresh latent.
    """

    latent_mean: torch.Tensor  # (N, 4, h, w) fp32, already times the VAE's scaling factor
    latent_std: torch.Tensor  # (N, 4, h, w) fp32
    caption_index: torch.Tensor  # (N,) int64, row of `embeddings`
    embeddings: torch.Tensor  # (number of different captions + 1, tokens, width) fp32; row 0: the empty caption

    def __len__(self) -> int:
        return len(self.caption_index)


def build_cache(base: BaseModel, samples: Sequence[Sample], resolution: int) -> TrainingCache:
    """Encode sprites (NEAREST upscaled to `resolution` px) and their captions, each different one once."""
    captions = sorted({sample.caption for sample in samples})
    row_of = {caption: row for row, caption in enumerate(captions, start=1)}
    pixels = np.stack([sample.sprite.pixels for sample in samples])
    mean, std = encode_images(base, pixels, resolution)
    index = torch.tensor([row_of[sample.caption] for sample in samples], device=mean.device)
    return TrainingCache(mean, std, index, encode_prompts(base, ["", *captions]))
