"""Which files a folder of art holds: what a person put there, not what their system left beside it."""

import os
from collections.abc import Collection
from pathlib import Path

from pixelpipe.errors import DatasetError


def visible_files(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """Files below `folder` whose suffix, in lower case, is one of `suffixes`; sorted.

    Hidden names are left out (macOS puts `._hero.png` beside `hero.png`). Linked folders are searched too, each
    once. Raises `DatasetError` for a folder that cannot be listed.
    """
    found, seen = [], set()
    for root, folders, names in os.walk(folder, onerror=_refuse, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        real = os.path.realpath(root)
        if real in seen:  # a link back up
            folders.clear()
            continue
        seen.add(real)
        visible = (Path(root, name) for name in names if not name.startswith("."))
        found += [path for path in visible if path.suffix.lower() in suffixes]
    return sorted(found)


def _refuse(error: OSError) -> None:
    raise DatasetError(f"{error.filename}: must be a readable folder but is not: {error.strerror}")
