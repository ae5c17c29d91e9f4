"""Captions by a vision-language model: any that transformers' image-text-to-text pipeline loads.

Sprites are enlarged by a whole factor with NEAREST first: a captioner's own bicubic or Lanczos resize turns 10 colors
into thousands. Decoding is greedy, so the model's files, the prompt and the sprite decide the text.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pixelpipe.captions.sidecar import fold
from pixelpipe.config import CaptionsConfig
from pixelpipe.data.sprites import Sprite
from pixelpipe.errors import BaseModelError, ConfigError, one_line

MIN_SIDE_PX = 384  # the smallest side that common captioners look at (BLIP: 384, CLIP-L: 336)
WEIGHTS = (".safetensors", ".json", ".jinja", ".txt", ".model")  # what decides a model's output


@dataclass(frozen=True)
class VlmStrategy:
    model: str  # a folder or a hub id, for messages
    folder: Path
    prompt: str
    max_new_tokens: int
    batch_size: int
    from_pixels: bool = True

    @classmethod
    def of(cls, config: CaptionsConfig) -> "VlmStrategy":
        """Finds the model; `ConfigError` or `BaseModelError` with one line when there is none."""
        if config.vlm is None:
            raise ConfigError("`captions.vlm` must name a folder or a hub id of an image-text-to-text model")
        folder = find_model(config.vlm)
        return cls(config.vlm, folder, config.vlm_prompt, config.vlm_max_new_tokens, config.vlm_batch_size)

    @property
    def identity(self) -> dict[str, Any]:
        """Not the batch size: it changes a text only where two words are a rounding apart."""
        settings = {"prompt": self.prompt, "max_new_tokens": self.max_new_tokens, "min_side_px": MIN_SIDE_PX}
        return {"strategy": "vlm", "model": self._model_hash, **settings}

    @cached_property
    def _model_hash(self) -> str:
        digest = hashlib.sha256()
        for path in sorted(path for path in self.folder.iterdir() if path.suffix in WEIGHTS):
            digest.update(path.name.encode())
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()

    @cached_property
    def _pipeline(self) -> Any:
        import torch
        from transformers.pipelines import pipeline
        from transformers.utils import logging as transformers_logging

        transformers_logging.disable_progress_bar()
        device = 0 if torch.cuda.is_available() else -1
        try:
            return pipeline("image-text-to-text", model=str(self.folder), device=device, local_files_only=True)
        except Exception as error:  # transformers has many exceptions for a folder that it cannot load
            reason = one_line(error)[:200]
            raise BaseModelError(f"`captions.vlm` {self.model}: cannot be loaded: {reason}") from error

    def describe(self, sprites: Sequence[Sprite]) -> list[str]:
        """What the model says, white space folded; "" where it says nothing."""
        images = [enlarged(sprite.pixels) for sprite in sprites]
        settings: dict[str, Any] = {"do_sample": False, "num_beams": 1, "max_new_tokens": self.max_new_tokens}
        if getattr(self._pipeline.processor, "chat_template", None):
            inputs = [_message(image, self.prompt) for image in images]
            outputs = self._pipeline(
                text=inputs, batch_size=self.batch_size, return_full_text=False, generate_kwargs=settings
            )
        else:  # BLIP and its like continue a text
            outputs = self._pipeline(
                images=images,
                text=[self.prompt] * len(images),
                batch_size=self.batch_size,
                return_full_text=False,
                generate_kwargs=settings,
            )
        return [fold(_generated(output)) for output in outputs]


def enlarged(sprite: np.ndarray) -> Image.Image:
    """(g, g, 3) uint8 -> an image of at least 384 px by a whole factor: no color is invented."""
    factor = -(-MIN_SIDE_PX // sprite.shape[0])
    return Image.fromarray(sprite.repeat(factor, axis=0).repeat(factor, axis=1))


def find_model(model: str) -> Path:
    """The folder of a model: a local one, or a hub id's (downloaded, or found in the hub's cache)."""
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    if model.startswith((".", "/", "~")) or model.count("/") != 1:
        raise BaseModelError(f"`captions.vlm` must be a folder or a hub id (owner/name) but {model} is none")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(model, allow_patterns=[f"*{suffix}" for suffix in WEIGHTS]))
    except Exception as error:  # offline, unknown, gated: the hub's client raises many kinds
        reason = one_line(error)[:200]
        raise BaseModelError(
            f"`captions.vlm` {model}: no such folder, and the hub did not give it: {reason}"
        ) from error


def _message(image: Image.Image, prompt: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": "image", "image": image}, {"type": "text", "text": prompt}]}]


def _generated(output: Any) -> str:
    """The pipeline gives one record a sample, or a list of them; a chat's text may be a list of messages."""
    record = output[0] if isinstance(output, list) else output
    text = record["generated_text"]
    return text if isinstance(text, str) else str(text[-1]["content"])
