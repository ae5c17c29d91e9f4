"""Writing portraits as an image folder: PNG files beside a `metadata.jsonl`."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image

from pixelpipe.data.portraits.captions import detailed_caption, plain_caption
from pixelpipe.data.portraits.drawing import render
from pixelpipe.data.portraits.traits import Traits, draw_traits
from pixelpipe.errors import BadInputError

METADATA_NAME = "metadata.jsonl"


def _generators(seed: int, index: int) -> Iterator[np.random.Generator]:
    """Yield the generators of portrait `index` (from 1): traits, then detailed caption."""
    for child in np.random.SeedSequence([seed, index]).spawn(2):
        yield np.random.default_rng(child)


def _write_portrait(directory: Path, seed: int, index: int) -> dict[str, str]:
    traits_rng, caption_rng = _generators(seed, index)
    traits: Traits = draw_traits(traits_rng)
    file_name = f"portrait-{index:04d}.png"
    Image.fromarray(render(traits)).save(directory / file_name)
    captions = {"text": plain_caption(traits), "detailed": detailed_caption(traits, caption_rng)}
    return {"file_name": file_name} | captions | asdict(traits)


def write_dataset(directory: Path, num_portraits: int, seed: int) -> None:
    """Write `num_portraits` sprites (24x24 RGB PNG, `portrait-0001.png` ...) and `metadata.jsonl`.

    The rows have `file_name`, `text` (plain caption), `detailed` and one key a trait. Portrait i depends on
    (seed, i) only, so a longer dataset begins with the shorter one.

    Raises:
        BadInputError: `directory` exists and is not an empty folder.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise BadInputError(f"`directory` must be a new or empty folder but got {directory}")
    directory.mkdir(parents=True, exist_ok=True)
    rows = [_write_portrait(directory, seed, index) for index in range(1, num_portraits + 1)]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (directory / METADATA_NAME).write_text(lines, encoding="utf-8")
