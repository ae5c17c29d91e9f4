"""What a benchmark of the engine trains on: random latents and embeddings, without a VAE or a text encoder."""

import torch

from pixelpipe.training.cache import TrainingCache
from pixelpipe.training.rows import DeviceRows


def random_cache(
    count: int, resolution: int, device: torch.device, tokens: int = 77, width: int = 768
) -> TrainingCache:
    """`count` pictures at `resolution` px; embeddings are (tokens, width) each, SD1.5's by default."""
    generator = torch.Generator(device).manual_seed(1)
    side = resolution // 8
    moments = torch.randn((count, 2, 4, side, side), generator=generator, device=device)
    moments[:, 1] = 0.1
    embeddings = torch.randn((count + 1, tokens, width), generator=generator, device=device)
    return TrainingCache(
        latents=DeviceRows(moments),
        captions=tuple(str(number) for number in range(count)),
        caption_rows=torch.arange(1, count + 1),
        embeddings=DeviceRows(embeddings),
        null_embedding=embeddings[0],
        latent_shape=(4, side, side),
        encode=lambda texts: embeddings[: len(texts)],
    )
