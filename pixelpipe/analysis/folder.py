"""The metrics of image files: streamed in order, in batches, on every core, and one bad file never stops the rest."""

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pixelpipe.analysis.downscale import check_images
from pixelpipe.analysis.duplicates import TrainSprites
from pixelpipe.analysis.gates import GATE_SCHEMA, gates
from pixelpipe.analysis.metrics import (
    DOWNSCALE_METHOD,
    METRIC_SCHEMA,
    METRIC_VERSION,
    check_train_sprites,
    measure_sprites,
    sprites,
)
from pixelpipe.analysis.profile import Profile
from pixelpipe.analysis.workers import Workers
from pixelpipe.config import BACKGROUND
from pixelpipe.data.images import parse_color, read_rgb
from pixelpipe.errors import BadInputError

CHUNK_FILES = 32  # a task of a worker: tens of milliseconds
CHUNK_NAMES = 8192  # characters of their names: two tasks fit into a pipe
_BATCH_PIXELS = 16 * 512 * 512  # 12 MB of uint8 that wait to be measured, whatever the sizes
_ALONE_S = 1.0  # before other processes are started, which takes each about a second

Image = npt.NDArray[np.uint8]


def _column(name: str, kind: pa.DataType, description: str, unit: str = "") -> pa.Field:
    return pa.field(name, kind, False, metadata={"unit": unit, "description": description})


ANALYSIS_SCHEMA = pa.schema(
    [
        _column("file", pa.string(), "Path as given or found; bytes that are not UTF-8 as escapes."),
        _column("source_width", pa.int32(), "Of the image file, upright.", "px"),
        _column("source_height", pa.int32(), "Of the image file, upright.", "px"),
        _column("grid", pa.int32(), "Sprite side.", "cells"),
        _column("downscale_method", pa.string(), "How the sprite was made of the image."),
        _column("metric_version", pa.string(), "Changes when a figure can."),
        *METRIC_SCHEMA,
        *GATE_SCHEMA,
    ]
)


@dataclass(frozen=True, slots=True)
class Analyzed:
    """Some files, measured: one row each, in their order, but for those that were skipped."""

    rows: pa.Table  # ANALYSIS_SCHEMA
    sprites: Image  # (rows, grid, grid, 3) uint8 sRGB, `cell_median`
    skipped: tuple[str, ...]  # one line each: the file, and what it must be

    @property
    def num_files(self) -> int:
        return len(self.rows) + len(self.skipped)


@dataclass(frozen=True, slots=True)
class FileAnalyzer:
    """Reads and measures files; the same in this process and in a worker."""

    grid: int
    background: str = BACKGROUND
    profile: Profile | None = None
    train: TrainSprites | None = None

    def __call__(self, paths: Sequence[str]) -> Analyzed:
        """Measure `paths`; those of one size together, a bounded number of pixels at a time."""
        batch, parts, skipped = _Batch(), list[Analyzed](), list[str]()
        for path in paths:
            try:
                image = self._read(path)
            except BadInputError as error:
                skipped.append(str(error))
                continue
            batch.add(path, image)
            if batch.num_pixels >= _BATCH_PIXELS:
                parts.append(self._measure(batch))
                batch = _Batch()
        parts.append(self._measure(batch))
        rows = pa.concat_tables([part.rows for part in parts]).combine_chunks()
        return Analyzed(rows, np.concatenate([part.sprites for part in parts]), tuple(skipped))

    def _read(self, path: str) -> Image:
        image = read_rgb(path, self.background)
        height, width = image.shape[:2]
        if height != width:
            raise BadInputError(f"{path}: must be square but is {width} x {height} px")
        if width < self.grid:
            raise BadInputError(f"{path}: must be at least {self.grid} x {self.grid} px but is {width} x {height}")
        return image

    def _measure(self, batch: "_Batch") -> Analyzed:
        """Sizes are measured apart and put back into the order of the files."""
        parts = [self._measure_size(*zip(*files, strict=True)) for files in batch.by_size.values()]
        if not parts:
            return Analyzed(ANALYSIS_SCHEMA.empty_table(), np.empty((0, self.grid, self.grid, 3), np.uint8), ())
        positions = np.argsort([position for files in batch.by_size.values() for position, _, _ in files])
        rows = pa.concat_tables([part.rows for part in parts])
        small = np.concatenate([part.sprites for part in parts])
        return Analyzed(rows if len(parts) == 1 else rows.take(positions), small[positions], ())

    def _measure_size(self, _: tuple[int, ...], paths: tuple[str, ...], images: tuple[Image, ...]) -> Analyzed:
        stacked = np.stack(images)
        small = sprites(stacked, self.grid)
        metrics = measure_sprites(stacked, small, self.profile, self.train)
        about = {
            "file": pa.array([os.fsencode(path).decode(errors="backslashreplace") for path in paths]),
            "source_width": np.full(len(paths), stacked.shape[2], np.int32),
            "source_height": np.full(len(paths), stacked.shape[1], np.int32),
            "grid": np.full(len(paths), self.grid, np.int32),
            "downscale_method": pa.repeat(DOWNSCALE_METHOD, len(paths)),
            "metric_version": pa.repeat(METRIC_VERSION, len(paths)),
        }
        columns = [*about.values(), *metrics.columns, *gates(metrics, self.profile).columns]
        return Analyzed(pa.Table.from_arrays(columns, schema=ANALYSIS_SCHEMA), small, ())


@dataclass(slots=True)
class _Batch:
    """Images that were read and wait to be measured."""

    by_size: dict[int, list[tuple[int, str, Image]]] = field(default_factory=dict)  # px -> position, path, image
    num_pixels: int = 0
    num_files: int = 0

    def add(self, path: str, image: Image) -> None:
        self.by_size.setdefault(len(image), []).append((self.num_files, path, image))
        self.num_pixels += image.shape[0] * image.shape[1]
        self.num_files += 1


def file_analyzer(
    grid: int, background: str = BACKGROUND, profile: Profile | None = None, train_sprites: Image | None = None
) -> FileAnalyzer:
    """Raises `BadInputError` for a bad `grid`, `background`, `profile` or `train_sprites` (M, grid, grid, 3) uint8."""
    check_images(np.empty((0, grid, grid, 3), dtype=np.uint8), grid)
    parse_color(background)
    if profile is not None:
        profile.check(grid)
    if train_sprites is None:
        return FileAnalyzer(grid, background, profile)
    check_train_sprites(train_sprites, grid)
    return FileAnalyzer(grid, background, profile, TrainSprites(train_sprites))


def analyze_files(analyzer: FileAnalyzer, paths: Iterable[str], num_workers: int = 1) -> Iterator[Analyzed]:
    """Measure `paths` and yield the results of some files at a time, in their order, in bounded memory.

    A file that is no still, complete, square image of at least `grid` px is skipped and says so. What takes longer
    than a moment is shared between `num_workers` processes, more than 1 of which ask for a guarded main module.
    """
    chunks = _chunks(paths)
    started = time.monotonic()
    for chunk in chunks:
        yield analyzer(chunk)
        if num_workers > 1 and time.monotonic() - started > _ALONE_S:
            break
    else:
        return
    if (chunk := next(chunks, None)) is None:
        return
    chunks = chain([chunk], chunks)
    with Workers(analyzer, num_workers) as workers:
        while not workers.ready():  # they take their time to load: nobody waits for them
            if (chunk := next(chunks, None)) is None:
                return
            yield analyzer(chunk)
        yield from workers.map(chunks)


def _chunks(paths: Iterable[str]) -> Iterator[list[str]]:
    chunk, size = [], 0
    for path in paths:
        chunk.append(path)
        size += len(path)
        if len(chunk) == CHUNK_FILES or size >= CHUNK_NAMES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
