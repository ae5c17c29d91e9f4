"""The manifest of a dataset: which sprite has which caption, what is held out, and the hashes of it all."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pixelpipe.config import content_id
from pixelpipe.data.sprites import Sprite
from pixelpipe.errors import DatasetError

Split = Literal["train", "validation"]


@dataclass(frozen=True, slots=True)
class Sample:
    sprite: Sprite
    caption: str
    split: Split


@dataclass(frozen=True, slots=True)
class Manifest:
    """Samples in the order of content hashes and captions: renaming files changes no training run."""

    grid: int
    samples: tuple[Sample, ...]

    @property
    def dataset_hash(self) -> str:
        return content_id("dataset", self.grid, [sample.sprite.content_hash for sample in self.samples])

    @property
    def captions_hash(self) -> str:
        return content_id("captions", [(s.sprite.content_hash, s.caption) for s in self.samples])

    def split(self, split: Split) -> list[Sample]:
        return [sample for sample in self.samples if sample.split == split]

    def pixels(self, split: Split | None = None) -> np.ndarray:
        """(N, grid, grid, 3) uint8 of one split, or of all."""
        return np.stack([s.sprite.pixels for s in self.samples if split in (None, s.split)])


def build_manifest(sprites: Sequence[Sprite], captions: Mapping[str, str], validation_fraction: float) -> Manifest:
    """Join sprites with captions by file name and hold some out.

    Raises `DatasetError` if there are not at least two different sprites: one to train on, one to hold out.
    """
    held_out = _held_out({sprite.content_hash for sprite in sprites}, validation_fraction)
    samples = [
        Sample(sprite, captions[sprite.file_name], "validation" if sprite.content_hash in held_out else "train")
        for sprite in sorted(sprites, key=lambda s: (s.content_hash, captions[s.file_name], s.file_name))
    ]
    return Manifest(grid=sprites[0].pixels.shape[0], samples=tuple(samples))


def _held_out(content_hashes: set[str], validation_fraction: float) -> set[str]:
    """Which sprites are held out depends on their own content, not on the experiment or on other sprites' order.

    So candidates of a line hold out what the baseline held out, and new art moves (almost) nothing.
    """
    if len(content_hashes) < 2:
        raise DatasetError("the dataset must hold at least 2 different sprites: one to train on, one to hold out")
    ranked = sorted(content_hashes, key=lambda value: hashlib.sha256(f"split:{value}".encode()).digest())
    count = round(len(ranked) * validation_fraction)
    return set(ranked[: min(max(count, 1), len(ranked) - 1)])
