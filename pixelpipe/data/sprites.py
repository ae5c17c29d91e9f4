"""Sprites as they are trained on: exactly one pixel a cell, checked, with a content hash."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pixelpipe.config import BACKGROUND
from pixelpipe.data.images import IMAGE_SUFFIXES, read_rgb
from pixelpipe.data.listing import visible_files
from pixelpipe.errors import DatasetError


@dataclass(frozen=True, slots=True)
class Sprite:
    file_name: str  # posix path below the dataset folder
    pixels: np.ndarray  # (grid, grid, 3) uint8, sRGB
    content_hash: str  # of the pixels: the same art in another file format has the same hash


def load_sprites(directory: Path, grid: int, background: str = BACKGROUND) -> list[Sprite]:
    """Every image below a folder as a sprite, in file-name order; hidden files are none.

    Each must be `grid` x `grid` px, or a whole multiple of it in which every cell is one flat color (a
    nearest-neighbor upscale). Raises `DatasetError` that names the first offender and counts the others.
    """
    _check_folder(directory)
    paths = visible_files(directory, IMAGE_SUFFIXES)
    if not paths:
        raise DatasetError(f"{directory}: must hold at least one image ({', '.join(IMAGE_SUFFIXES)}) but has none")
    sprites, problems = [], []
    for path in paths:
        try:
            sprites.append(_load_sprite(path, directory, grid, background))
        except DatasetError as problem:
            problems.append(str(problem))
    if problems:
        more = f" (and {len(problems) - 1} more of {len(paths)} files)" if len(problems) > 1 else ""
        raise DatasetError(problems[0] + more)
    return sprites


def _load_sprite(path: Path, directory: Path, grid: int, background: str) -> Sprite:
    file_name = path.relative_to(directory).as_posix()
    try:
        file_name.encode()
    except UnicodeEncodeError:  # no table could hold it
        raise DatasetError(f"{path}: its file name must be UTF-8") from None
    pixels = to_sprite(read_rgb(path, background), grid, path)
    return Sprite(file_name, pixels, content_hash(pixels))


def to_sprite(image: np.ndarray, grid: int, path: Path) -> np.ndarray:
    """(H, W, 3) uint8 -> (grid, grid, 3) uint8 without losing or inventing a color."""
    height, width = image.shape[:2]
    if height != width or height % grid:
        raise DatasetError(
            f"{path}: must be {grid}x{grid} px or a whole multiple (the grid is {grid}) but is {width}x{height}"
        )
    cell_px = height // grid
    sprite = np.ascontiguousarray(image[::cell_px, ::cell_px])
    if not np.array_equal(upscale(sprite, height), image):
        raise DatasetError(
            f"{path}: {width}x{height} must be a nearest-neighbor upscale of {grid}x{grid} but its cells are not flat"
        )
    return sprite


def upscale(sprites: np.ndarray, size_px: int) -> np.ndarray:
    """NEAREST upscale of (..., g, g, 3) uint8 to (..., size_px, size_px, 3), bit for bit as Pillow's.

    Pixel i shows the cell under its center, (i + 0.5) g / size_px; no color is ever mixed. Pillow adds the steps up
    in float64, which decides where a center lies on a border, and that rounding is repeated here.
    """
    step = sprites.shape[-2] / size_px
    centers = np.full(size_px, step)
    centers[0] = step * 0.5
    cell = np.add.accumulate(centers).astype(np.intp)
    return sprites[..., cell[:, None], cell[None, :], :]


def content_hash(pixels: np.ndarray) -> str:
    """SHA-256 (hex) of shape and RGB values."""
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()


def stack(sprites: Sequence[Sprite]) -> np.ndarray:
    """(N, grid, grid, 3) uint8."""
    return np.stack([sprite.pixels for sprite in sprites])


def _check_folder(directory: Path) -> None:
    try:
        if directory.is_dir():
            return
        what = "a file" if directory.exists() else f"missing (looked in {directory.absolute()})"
    except OSError as error:
        what = f"out of reach: {error.strerror}"
    raise DatasetError(f"{directory}: must be a folder of sprites but is {what}")
