"""SHA-256 of a file of weights, remembered from run to run: gigabytes take seconds, and a schedule asks every night.

Remembered by the file's place, size, inode and times of change, as git does with what it tracks. A file that changed a
moment ago is not remembered: a second change might have the same time.
"""

import contextlib
import hashlib
import os
import time
from pathlib import Path

from pixelpipe.cache_folder import cache_folder

REMEMBERED_BYTES = 64 * 2**20  # smaller files are hashed in less than 0.1 s
SETTLED_S = 2.0


def file_hash(path: Path) -> str:
    """SHA-256 (hex) of the file's content."""
    path = path.resolve()
    stat = path.stat()
    if stat.st_size < REMEMBERED_BYTES:
        return _hash(path)
    memory = cache_folder() / "hashes" / _name(path, stat)
    if memory.is_file() and len(found := memory.read_text()) == 64:
        return found
    found = _hash(path)
    if time.time() - max(stat.st_mtime, stat.st_ctime) > SETTLED_S and _name(path, path.stat()) == memory.name:
        with contextlib.suppress(OSError):  # a cache that cannot be written costs time, and nothing else
            _put(memory, found)
    return found


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _name(path: Path, stat: os.stat_result) -> str:
    known = (str(path), stat.st_size, stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns)
    return hashlib.sha256(repr(known).encode()).hexdigest()[:32]


def _put(memory: Path, found: str) -> None:
    memory.parent.mkdir(parents=True, exist_ok=True)
    partial = memory.with_name(f"{memory.name}.{os.getpid()}")
    partial.write_text(found)
    partial.replace(memory)
