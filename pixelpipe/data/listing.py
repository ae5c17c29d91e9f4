"""Which files a folder of art holds: what a person put there, not what their system left beside it."""

import glob
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

from pixelpipe.errors import BadInputError, DatasetError


def visible_files(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """Files below `folder` whose suffix, in lower case, is one of `suffixes`; sorted.

    Hidden names are left out (macOS puts `._hero.png` beside `hero.png`). Linked folders are searched too, each
    once. Raises `DatasetError` for a folder that cannot be listed.
    """

    def refuse(problem: str) -> None:
        raise DatasetError(problem)

    return sorted(map(Path, _walk(folder, suffixes, refuse)))


def find_files(paths: Iterable[str | Path], suffixes: Collection[str]) -> tuple[list[str], list[str]]:
    """The files that a person means by `paths`, each once, and one line for each folder that cannot be listed.

    A file counts as it is, whatever its name. A folder is searched through as by `visible_files`, in sorted order.
    What does not exist is a pattern if it has one of `*?[`, where `**` is any folders; it finds files of `suffixes`.
    Raises `BadInputError` for a path that is none of these, and for a folder or pattern that finds nothing.
    """
    found: dict[str, None] = {}
    problems: list[str] = []
    for path in map(Path, paths):
        unreadable: list[str] = []
        files = list(_files_of(path, suffixes, unreadable.append))
        if not files and not unreadable:
            raise BadInputError(f"{path}: must hold images ({', '.join(suffixes)}) but has none")
        found.update(dict.fromkeys(files))
        problems += unreadable
    return list(found), problems


def _files_of(path: Path, suffixes: Collection[str], on_problem: Callable[[str], None]) -> Iterator[str]:
    try:
        is_folder, exists = path.is_dir(), path.exists() or path.is_symlink()
    except OSError as error:  # out of reach, or too long for a name
        raise BadInputError(f"{path}: must be an image or a folder of images but: {error.strerror}") from None
    if is_folder:
        yield from _walk(path, suffixes, on_problem)
    elif exists:
        yield str(path)
    elif glob.has_magic(str(path)):
        names = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207, Path.glob refuses absolute patterns
        yield from (name for name in names if _has_suffix(name, suffixes) and not os.path.isdir(name))  # noqa: PTH112
    else:
        raise BadInputError(f"{path}: must be an image or a folder of images but does not exist")


def _walk(folder: str | Path, suffixes: Collection[str], on_problem: Callable[[str], None]) -> Iterator[str]:
    def report(error: OSError) -> None:
        on_problem(f"{error.filename}: must be a readable folder but is not: {error.strerror}")

    seen = set()
    for root, folders, names in os.walk(folder, onerror=report, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        real = os.path.realpath(root)
        if real in seen:  # a link back up
            folders.clear()
            continue
        seen.add(real)
        for name in sorted(names):
            if not name.startswith(".") and _has_suffix(name, suffixes):
                yield os.path.normpath(os.path.join(root, name))  # noqa: PTH118


def _has_suffix(name: str, suffixes: Collection[str]) -> bool:
    return os.path.splitext(name)[1].lower() in suffixes  # noqa: PTH122, half the time of Path on 100,000 names
