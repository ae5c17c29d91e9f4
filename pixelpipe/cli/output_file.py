"""Files that a command writes where the user says: whole or not at all, and never over something else."""

import errno
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pixelpipe.errors import BadInputError, StorageFullError

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def check_outputs(outputs: Mapping[str, Path | None], inputs: Iterable[str | Path] = ()) -> None:
    """`outputs`: option -> file. Raises `BadInputError` where one is another one's file, or one of the `inputs`."""
    options: dict[Path, str] = {}
    for option, path in outputs.items():
        if path is None:
            continue
        other = options.setdefault(path.resolve(), option)
        if other != option:
            raise BadInputError(f"{option} {path}: must be another file than that of {other}")
    if not options:
        return
    for path in inputs:
        option = options.get(Path(path).resolve())
        if option:
            raise BadInputError(f"{option} {path}: must be a new file but is one of the images to measure")


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yields a temporary file beside `path`, which becomes `path` at the end; after an error nothing is left.

    A symbolic link stays, and the file that it points to is written. Raises `BadInputError` at once for a place that
    cannot be written, or that is no plain file (a device, a pipe), and `StorageFullError` when the disk gets full.
    """
    target = path.resolve()
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        if target.exists() and not target.is_file():
            what = "a folder" if target.is_dir() else "a device or a pipe"
            raise BadInputError(f"{path}: must be a file but is {what}")
        temporary.touch()
    except OSError as error:
        raise BadInputError(f"{path}: must be a file that can be written but: {error.strerror}") from None
    try:
        yield temporary
        temporary.replace(target)
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        raise StorageFullError(f"{path}: nothing was written: {os.strerror(error.errno)}") from None
    finally:
        temporary.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes | str) -> None:
    """A file of one piece, by `whole_file`; text as UTF-8."""
    with whole_file(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
