"""What every step needs and training never changes, computed once for good: latents of sprites, embeddings of captions.

Rows are found by content: a latent by its sprite, the VAE and the size; an embedding by its tokens and text encoder.
So nothing pairs a sprite with another one's caption, whatever the order, and the next run with the same art only reads.
Encoding goes in batches of one size, filled up, so that a row does not depend on what was encoded beside it.
"""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import torch

from pixelpipe.cache_folder import cache_folder
from pixelpipe.data.manifest import Sample
from pixelpipe.models.encode import BATCH_PX, encode_images, encode_prompts
from pixelpipe.models.load import BaseModel
from pixelpipe.training.disk_cache import ROWS_PER_PACK, DiskCache, StoredRows
from pixelpipe.training.rows import DeviceRows, Rows, StreamedRows

logger = logging.getLogger(__name__)

PROMPT_BATCH = 32
RESIDENT_SHARE = 0.25  # of the device's free memory that a table may take; beyond, it is streamed


@dataclass(frozen=True, slots=True)
class TrainingCache:
    """Everything of one split. Sample i has latent row i, and mirrored N + i where flips were asked for."""

    latents: Rows  # (N or 2N, 2, 4, h, w) fp32: the VAE's mean and standard deviation, times its scaling factor
    captions: tuple[str, ...]  # of sample i
    caption_rows: torch.Tensor  # (N,) int64, on the CPU: row of `embeddings`
    embeddings: Rows  # (number of different captions, tokens, width) fp32
    null_embedding: torch.Tensor  # (tokens, width) fp32, on the device: of the empty caption
    latent_shape: tuple[int, int, int]  # (4, h, w)
    encode: Callable[[Sequence[str]], torch.Tensor]  # captions that are not known beforehand -> (B, tokens, width)

    def __len__(self) -> int:
        return len(self.captions)


def build_cache(
    base: BaseModel,
    samples: Sequence[Sample],
    resolution: int,
    *,
    horizontal_flips: bool = False,
    folder: Path | None = None,
    max_resident_bytes: int | None = None,
) -> TrainingCache:
    """Encode sprites (NEAREST upscaled to `resolution` px) and captions, but for what `folder` has already.

    `folder`: default `cache_folder()`. `max_resident_bytes`: of a table that is held in the device's memory; default:
    a quarter of what is free.
    """
    folder = folder or cache_folder()
    latents = _latents(base, samples, resolution, horizontal_flips, folder)
    captions = tuple(sample.caption for sample in samples)
    different = sorted(set(captions))
    embeddings = _embeddings(base, ["", *different], folder)
    row_of = {caption: row for row, caption in enumerate(different, start=1)}
    device = base.unet.device
    table = _rows(embeddings, device, max_resident_bytes)
    return TrainingCache(
        latents=_rows(latents, device, max_resident_bytes),
        captions=captions,
        caption_rows=torch.tensor([row_of[caption] for caption in captions]),
        embeddings=table,
        null_embedding=next(iter(table.batches([torch.zeros(1, dtype=torch.int64)])))[0],
        latent_shape=latents.packs[0].shape[2:],
        encode=lambda texts: encode_prompts(base, texts),
    )


def module_hash(module: torch.nn.Module) -> str:
    """SHA-256 (hex) of a module's weights: names, dtypes, shapes and values."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.cpu().contiguous().view(torch.uint8).numpy())
    return digest.hexdigest()


def _latents(
    base: BaseModel, samples: Sequence[Sample], resolution: int, horizontal_flips: bool, folder: Path
) -> StoredRows:
    cache = DiskCache(folder / "latents" / f"{module_hash(base.vae)[:16]}-{resolution}")
    sides = ("as drawn", "mirrored") if horizontal_flips else ("as drawn",)
    pixels = {
        f"{sample.sprite.content_hash} {side}": sample.sprite.pixels[:, ::-1]
        if side == "mirrored"
        else sample.sprite.pixels
        for side in sides
        for sample in samples
    }
    keys = [f"{sample.sprite.content_hash} {side}" for side in sides for sample in samples]
    batch_size = max(1, BATCH_PX // resolution**2)

    def encode(wanted: Sequence[str]) -> np.ndarray:
        sprites = np.stack([pixels[key] for key in _filled_up(wanted, batch_size)])
        return torch.stack(encode_images(base, sprites, resolution), dim=1)[: len(wanted)].cpu().numpy()

    return _computed_once(cache, keys, encode)


def _embeddings(base: BaseModel, captions: Sequence[str], folder: Path) -> StoredRows:
    cache = DiskCache(folder / "embeddings" / module_hash(base.text_encoder)[:16])
    length = base.tokenizer.model_max_length
    tokens = base.tokenizer(list(captions), padding="max_length", max_length=length, truncation=True).input_ids
    keys = [hashlib.sha256(repr(ids).encode()).hexdigest() for ids in tokens]
    text_of = dict(zip(keys, captions, strict=True))

    def encode(wanted: Sequence[str]) -> np.ndarray:
        texts = [text_of[key] for key in _filled_up(wanted, PROMPT_BATCH)]
        return encode_prompts(base, texts, PROMPT_BATCH)[: len(wanted)].cpu().numpy()

    return _computed_once(cache, keys, encode)


def _computed_once(cache: DiskCache, keys: list[str], compute: Callable[[Sequence[str]], np.ndarray]) -> StoredRows:
    """Rows of `keys`; those that lack are computed and kept, or held in memory where the disk takes none."""
    missing = cache.missing(keys)
    for start in range(0, len(missing), ROWS_PER_PACK):
        part = missing[start : start + ROWS_PER_PACK]
        rows = compute(part)
        try:
            cache.put(part, rows)
        except OSError as error:
            logger.warning("%s: the cache cannot be kept, and is held in memory: %s", cache.folder, error.strerror)
            cache.hold(part, rows)
    return cache.rows(keys)


def _filled_up(keys: Sequence[str], batch_size: int) -> list[str]:
    """With the last one again, to a whole number of batches."""
    return [*keys, *[keys[-1]] * (-len(keys) % batch_size)]


def _rows(stored: StoredRows, device: torch.device, max_resident_bytes: int | None) -> Rows:
    size = len(stored.pack) * stored.packs[0][0].nbytes
    limit = int(RESIDENT_SHARE * _free_bytes(device)) if max_resident_bytes is None else max_resident_bytes
    if size <= limit:
        return DeviceRows(torch.from_numpy(stored.load()).to(device))
    return StreamedRows(stored.packs, stored.pack, stored.offset, device)


def _free_bytes(device: torch.device) -> int:
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else psutil.virtual_memory().available
