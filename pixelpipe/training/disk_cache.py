"""A cache on disk of rows that cost a model to compute, by the content that they are computed from.

A folder holds packs: `<name>.npy`, memory-mapped, and `<name>.json`, written last, with each row's key and hash. What
differs from its hash is computed again. Anybody may delete anything here at any time.
"""

import hashlib
import json
import logging
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pixelpipe.store import STALE_AFTER_S

logger = logging.getLogger(__name__)

ROWS_PER_PACK = 1024


@dataclass(frozen=True, slots=True)
class StoredRows:
    """Where rows lie: row i is `packs[pack[i]][offset[i]]`."""

    packs: list[np.ndarray]
    pack: np.ndarray
    offset: np.ndarray

    def load(self) -> np.ndarray:
        """All rows in memory, (N, ...) fp32."""
        return np.stack([self.packs[pack][offset] for pack, offset in zip(self.pack, self.offset, strict=True)])


class DiskCache:
    """Rows of one kind: equal keys are equal rows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._packs: dict[str, np.ndarray] = {}
        self._places: dict[str, tuple[str, int, str]] = {}  # key -> pack, offset, hash
        self._intact: set[str] = set()
        self._sweep()
        for index in sorted(folder.glob("*.json")) if folder.is_dir() else []:
            self._read_index(index)

    def missing(self, keys: Sequence[str]) -> list[str]:
        """Keys, each once, of which there is no intact row; a pack with a broken row is dropped with a warning."""
        different = list(dict.fromkeys(keys))
        for key in different:
            self._drop_pack_if_corrupt(key)
        return [key for key in different if key not in self._places]

    def put(self, keys: Sequence[str], rows: np.ndarray) -> None:
        """Add rows (N, ...). `OSError` when the disk does not take them; then nothing was added."""
        name = uuid.uuid4().hex
        self.folder.mkdir(parents=True, exist_ok=True)
        table, index = self.folder / f"{name}.npy", self.folder / f"{name}.json"
        entries = [[key, _hash(row)] for key, row in zip(keys, rows, strict=True)]
        try:
            for path, write in (
                (table, lambda file: np.save(file, rows)),
                (index, lambda file: file.write(json.dumps(entries).encode())),
            ):
                partial = path.with_suffix(".partial")
                with partial.open("wb") as file:
                    write(file)
                partial.replace(path)
        except OSError:
            for path in (table.with_suffix(".partial"), table, index):
                path.unlink(missing_ok=True)
            raise
        self._read_index(index)

    def hold(self, keys: Sequence[str], rows: np.ndarray) -> None:
        """The same for this process alone, where `put` could not."""
        name = uuid.uuid4().hex
        self._packs[name] = rows
        self._places |= {key: (name, offset, "") for offset, key in enumerate(keys)}
        self._intact |= set(keys)

    def rows(self, keys: Sequence[str]) -> StoredRows:
        """Rows of keys that are not missing, in their order."""
        names = sorted({self._places[key][0] for key in keys})
        number = {name: index for index, name in enumerate(names)}
        return StoredRows(
            packs=[self._packs[name] for name in names],
            pack=np.array([number[self._places[key][0]] for key in keys]),
            offset=np.array([self._places[key][1] for key in keys]),
        )

    def _sweep(self) -> None:
        """Remove halves of packs whose process was killed; a young one may still be written."""
        for path in [*self.folder.glob("*.partial"), *self.folder.glob("*.npy")]:
            with suppress(OSError):  # removed by another process by now, or another person's: it is no obstacle
                stale = time.time() - path.stat().st_mtime > STALE_AFTER_S
                if stale and not path.with_suffix(".json").exists():
                    path.unlink()

    def _read_index(self, index: Path) -> None:
        try:
            entries = json.loads(index.read_bytes())
            table = np.load(index.with_suffix(".npy"), mmap_mode="r", allow_pickle=False)
            places = {key: (index.stem, offset, digest) for offset, (key, digest) in enumerate(entries)}
            if len(table) != len(places):
                raise ValueError(f"{len(table)} rows, {len(places)} keys")
        except (OSError, ValueError, TypeError) as error:
            logger.warning("cache %s is broken, its rows are computed again: %s", index, error)
            return
        self._packs[index.stem] = table
        self._places |= places

    def _drop_pack_if_corrupt(self, key: str) -> None:
        if key in self._intact or key not in self._places:
            return
        name, offset, digest = self._places[key]
        if _hash(self._packs[name][offset]) == digest:
            self._intact.add(key)
            return
        logger.warning("cache %s is corrupt, its rows are computed again", self.folder / f"{name}.npy")
        for suffix in (".json", ".npy"):
            (self.folder / f"{name}{suffix}").unlink(missing_ok=True)
        self._places = {key: place for key, place in self._places.items() if place[0] != name}


def _hash(row: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(row).tobytes()).hexdigest()
