"""Sprites on demand, from the champion or any checkpoint of the store."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from pixelpipe.analysis.metrics import sprites
from pixelpipe.data.sprites import upscale
from pixelpipe.errors import BadInputError
from pixelpipe.lines import champion, line_names
from pixelpipe.pipeline.baseline import trajectory
from pixelpipe.pipeline.weights import checkpoint_sampler, stored_settings
from pixelpipe.sampling.evaluation import ImagePlan
from pixelpipe.store import Store

SHEET_COLUMNS, SHEET_SPRITE_PX, SHEET_GAP_PX = 8, 144, 8


def choose_checkpoint(store: Store, checkpoint: str | None, line: str | None) -> str:
    """`EXPERIMENT@EPOCH` of the store: as given (default epoch: the last), or the champion of the (only) line."""
    if checkpoint is not None:
        return _named(store, checkpoint)
    lines = line_names(store)
    if line is None and len(lines) != 1:
        known = f"has {', '.join(lines)}" if lines else "has none yet: run an experiment first"
        raise BadInputError(f"--line: must name one line, but {store.url} {known}")
    current = champion(store, line or lines[0])
    if current is None:
        raise BadInputError(f"line {line or lines[0]} has no champion yet; name a checkpoint with --from")
    return current.reference


def generate_sprites(store: Store, checkpoint: str, prompt: str, num_seeds: int, directory: Path) -> list[Path]:
    """Write `<seed>.png` at the grid's size for seeds 0, 1, ..., and `sheet.png`; returns their paths."""
    settings = stored_settings(store, checkpoint.rpartition("@")[0])
    settings = replace(settings, batch_size=min(settings.batch_size, num_seeds))  # a batch is always filled up
    plans = [ImagePlan("generate", prompt, seed) for seed in range(num_seeds)]
    sampler, unet = checkpoint_sampler(store, checkpoint, settings)
    images = [image for _, image in sampler.sample(unet, plans)]
    small = sprites(np.stack(images), settings.grid)
    paths = [directory / f"{plan.seed:04d}.png" for plan in plans]
    _make_folder(directory)
    for path, sprite in zip(paths, small, strict=True):
        Image.fromarray(sprite).save(path)
    _sheet(small).save(directory / "sheet.png")
    return [*paths, directory / "sheet.png"]


def _named(store: Store, checkpoint: str) -> str:
    experiment_id, _, epoch = checkpoint.partition("@")
    epochs = trajectory(store, experiment_id)
    if not epochs:
        raise BadInputError(f"--from: must be an experiment of {store.url} but {experiment_id} has no epochs there")
    chosen = epoch or str(max(epochs))
    if not chosen.isdecimal() or int(chosen) not in epochs:
        raise BadInputError(f"--from {checkpoint}: must be one of epochs {min(epochs)}-{max(epochs)}")
    return f"{experiment_id}@{chosen}"


def _make_folder(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInputError(f"--to {directory}: must be a folder that can be written but: {error.strerror}") from None


def _sheet(small: np.ndarray) -> Image.Image:
    """(N, g, g, 3) uint8 -> one picture, sprites enlarged by a whole factor."""
    size = max(1, SHEET_SPRITE_PX // small.shape[1]) * small.shape[1]
    columns = min(SHEET_COLUMNS, len(small))
    step = size + SHEET_GAP_PX
    sheet = Image.new("RGB", (columns * step, -(-len(small) // columns) * step), "white")
    for index, sprite in enumerate(upscale(small, size)):
        sheet.paste(Image.fromarray(sprite), (index % columns * step, index // columns * step))
    return sheet
