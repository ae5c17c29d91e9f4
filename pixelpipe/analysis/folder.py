"""The metrics of image files: streamed in order, in batches, and one bad file never stops the rest."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pixelpipe.analysis.downscale import check_images
from pixelpipe.analysis.duplicates import TrainSprites
from pixelpipe.analysis.gates import gates
from pixelpipe.analysis.metrics import (
    DOWNSCALE_METHOD,
    METRIC_VERSION,
    check_train_sprites,
    measure_sprites,
    sprites,
)
from pixelpipe.analysis.profile import Profile
from pixelpipe.data.images import IMAGE_SUFFIXES, parse_color, read_rgb
from pixelpipe.data.listing import visible_files
from pixelpipe.errors import BadInputError

_WINDOW_FILES = 64
_WINDOW_PIXELS = 64 * 512 * 512  # 50 MB of uint8, whatever the sizes

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class AnalyzedFile:
    """One file that was measured."""

    path: Path
    source_width: int  # px
    source_height: int  # px
    sprite: Image  # (grid, grid, 3) uint8 sRGB, `cell_median`
    metrics: dict[str, Any]  # METRIC_SCHEMA, and GATE_SCHEMA where there is a profile

    def row(self) -> dict[str, Any]:
        """Plain JSON values: the file, how it was measured, and the metrics."""
        return {
            "file": str(self.path),
            "source_width": self.source_width,
            "source_height": self.source_height,
            "grid": self.sprite.shape[0],
            "downscale_method": DOWNSCALE_METHOD,
            "metric_version": METRIC_VERSION,
            **self.metrics,
        }


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """One file that was not measured, and why: one line that names it."""

    path: Path
    reason: str


@dataclass(slots=True)
class _Window:
    """Files that were read and wait for their batch: bounded in files and in pixels."""

    entries: list[tuple[Path, Image] | SkippedFile] = field(default_factory=list)
    num_pixels: int = 0

    def add(self, entry: tuple[Path, Image] | SkippedFile) -> None:
        self.entries.append(entry)
        if not isinstance(entry, SkippedFile):
            self.num_pixels += entry[1].shape[0] * entry[1].shape[1]

    def is_full(self) -> bool:
        return len(self.entries) >= _WINDOW_FILES or self.num_pixels >= _WINDOW_PIXELS


def find_images(paths: Iterable[str | Path]) -> list[Path]:
    """The image files of `paths`: files as given, folders searched through and sorted; each file once.

    In folders only names that end in png, webp, jpg, jpeg, bmp or gif count, and none that begin with a dot.
    Raises `BadInputError` for a path that does not exist, and for a folder without images.
    """
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        exists, is_folder = _look(path)
        if is_folder:
            images = visible_files(path, IMAGE_SUFFIXES)
            if not images:
                raise BadInputError(f"{path}: must hold images ({', '.join(IMAGE_SUFFIXES)}) but has none")
            found.update(dict.fromkeys(images))
        elif exists:
            found[path] = None
        else:
            raise BadInputError(f"{path}: must be an image or a folder of images but does not exist")
    return list(found)


def _look(path: Path) -> tuple[bool, bool]:
    """Whether there is something, and whether it is a folder."""
    try:
        return path.exists(), path.is_dir()
    except OSError as error:  # out of reach, or too long for a name
        raise BadInputError(f"{path}: must be an image or a folder of images but: {error.strerror}") from None


def analyze_files(
    paths: Iterable[str | Path],
    grid: int,
    background: str = "#ffffff",
    profile: Profile | None = None,
    train_sprites: Image | None = None,
) -> Iterator[AnalyzedFile | SkippedFile]:
    """Measure `paths` and yield one result a file, in their order, in bounded memory.

    Files of one size among each 64 are measured together. A file that is no still, complete, square image of
    at least `grid` px is yielded as `SkippedFile`. Raises `BadInputError` at once for a bad `grid`,
    `background`, `profile` or `train_sprites`.
    """
    check_images(np.empty((0, grid, grid, 3), dtype=np.uint8), grid)
    parse_color(background)
    if profile is not None:
        profile.check(grid)
    train = None
    if train_sprites is not None:
        check_train_sprites(train_sprites, grid)
        train = TrainSprites(train_sprites)
    return _analyze(paths, grid, background, profile, train)


def _analyze(
    paths: Iterable[str | Path],
    grid: int,
    background: str,
    profile: Profile | None,
    train: TrainSprites | None,
) -> Iterator[AnalyzedFile | SkippedFile]:
    window = _Window()
    for path in map(Path, paths):
        window.add(_read(path, grid, background))
        if window.is_full():
            yield from _measure_window(window, grid, profile, train)
            window = _Window()
    yield from _measure_window(window, grid, profile, train)


def _read(path: Path, grid: int, background: str) -> tuple[Path, Image] | SkippedFile:
    try:
        image = read_rgb(path, background)
    except BadInputError as error:
        return SkippedFile(path, str(error))
    height, width = image.shape[:2]
    if height != width:
        return SkippedFile(path, f"{path}: must be square but is {width} x {height} px")
    if width < grid:
        return SkippedFile(path, f"{path}: must be at least {grid} x {grid} px but is {width} x {height}")
    return path, image


def _measure_window(
    window: _Window, grid: int, profile: Profile | None, train: TrainSprites | None
) -> Iterator[AnalyzedFile | SkippedFile]:
    results: list[AnalyzedFile | SkippedFile | None] = [
        entry if isinstance(entry, SkippedFile) else None for entry in window.entries
    ]
    by_size: dict[int, list[int]] = {}
    for index, entry in enumerate(window.entries):
        if not isinstance(entry, SkippedFile):
            by_size.setdefault(len(entry[1]), []).append(index)
    for indices in by_size.values():
        batch = [entry for index in indices if not isinstance(entry := window.entries[index], SkippedFile)]
        for index, result in zip(indices, _measure_batch(batch, grid, profile, train), strict=True):
            results[index] = result
    for result in results:
        assert result is not None
        yield result


def _measure_batch(
    batch: list[tuple[Path, Image]], grid: int, profile: Profile | None, train: TrainSprites | None
) -> Iterator[AnalyzedFile]:
    images = np.stack([image for _, image in batch])
    median_sprites = sprites(images, grid)
    table = measure_sprites(images, median_sprites, profile, train)
    rows = table.to_pylist()
    if profile is not None:
        rows = [row | gate for row, gate in zip(rows, gates(table, profile).to_pylist(), strict=True)]
    for (path, image), sprite, row in zip(batch, median_sprites, rows, strict=True):
        yield AnalyzedFile(path, image.shape[1], image.shape[0], sprite, row)
