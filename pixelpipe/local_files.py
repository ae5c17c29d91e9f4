"""A store's files on a local disk: written to `<root>/.tmp/`, synced, then linked or renamed to their name.

A hard link fails when the name exists, so `create` is atomic between processes and against kill -9 at any
moment: the name shows the whole file or nothing. Where links are not supported, a rename under a file lock
does the same.
"""

import errno
import fcntl
import os
import shutil
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pixelpipe.errors import AlreadyExistsError

if TYPE_CHECKING:  # `pixelpipe --help` does not wait for pyarrow
    from pyarrow.fs import FileSystem

LOCK = "create.lock"
_NO_LINKS = {errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK, errno.EACCES}


class LocalFiles:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.tmp = root / ".tmp"

    def uri(self, key: str) -> str:
        return str(self.root / key)

    def local_path(self, key: str) -> Path | None:
        return self.root / key

    def arrow(self, key: str) -> "tuple[FileSystem, str]":
        from pyarrow.fs import LocalFileSystem

        return LocalFileSystem(), str(self.root / key)

    def create(self, key: str, data: bytes) -> None:
        self._refuse_existing(key)
        with self._temporary() as temporary:
            _write(temporary, data)
            self._publish(temporary, key)

    def create_from(self, key: str, local: Path, move: bool) -> None:
        """Linked in place when moved within a disk, copied otherwise."""
        self._refuse_existing(key)
        if move and not local.is_symlink() and _same_disk(local, self._created_root()):
            _sync(local)
            self._publish(local, key)
        else:
            with self._temporary() as temporary:
                shutil.copyfile(local, temporary)
                _sync(temporary)
                self._publish(temporary, key)
        if move:
            local.unlink(missing_ok=True)

    def replace(self, key: str, data: bytes) -> None:
        with self._temporary() as temporary:
            _write(temporary, data)
            path = self._with_parent(key)
            temporary.replace(path)
            _sync(path.parent)

    def read(self, key: str) -> bytes:
        return (self.root / key).read_bytes()

    def read_many(self, keys: Sequence[str]) -> Sequence[bytes]:
        return [self.read(key) for key in keys]

    def download(self, key: str, local: Path) -> None:
        shutil.copyfile(self.root / key, local)

    def exists(self, key: str) -> bool:
        return (self.root / key).is_file()

    def list(self, prefix: str) -> list[str]:
        keys = []
        for folder, subfolders, names in os.walk(self.root / prefix, onerror=_raise_unless_absent):
            if folder == str(self.root) and ".tmp" in subfolders:
                subfolders.remove(".tmp")
            keys += [(Path(folder) / name).relative_to(self.root).as_posix() for name in names]
        return keys

    def sizes(self, prefix: str) -> dict[str, int]:
        sizes = {}
        for key in self.list(prefix):
            with suppress(FileNotFoundError):  # removed by another process since
                sizes[key] = (self.root / key).stat().st_size
        return sizes

    def delete(self, key: str) -> None:
        (self.root / key).unlink(missing_ok=True)

    def delete_many(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.delete(key)

    def delete_tree(self, prefix: str) -> None:
        if (self.root / prefix).exists():
            shutil.rmtree(self.root / prefix)

    def probe(self) -> None:
        """Where the store will be, without making it: the run that asks may yet be refused for another reason."""
        existing = next(folder for folder in (self.root, *self.root.parents) if folder.exists())
        if not existing.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, f"{existing} is a file")
        with self._temporary(self.tmp if existing == self.root else existing) as temporary:
            _write(temporary, b"pixelpipe")

    def probe_reading(self, prefix: str) -> None:
        self.list(prefix)

    @contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        folder = self.tmp / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def sweep(self, older_than_s: float, dry_run: bool) -> dict[str, int]:
        """A temporary file's age is that of its last write, so a long copy in progress is young."""
        if not self.tmp.is_dir():
            return {}
        stale = [path for path in self.tmp.iterdir() if path.name != LOCK and _age_s(path) > older_than_s]
        sizes = {
            str(file.relative_to(self.tmp)): num_bytes
            for path in stale
            for file in (path, *path.rglob("*"))
            if (num_bytes := _num_bytes(file)) is not None
        }
        for path in [] if dry_run else stale:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        return sizes

    @contextmanager
    def _temporary(self, folder: Path | None = None) -> Iterator[Path]:
        folder = folder or self.tmp
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".pixelpipe-{uuid.uuid4().hex}"
        try:
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)

    def _publish(self, source: Path, key: str) -> None:
        """Give `source` (synced, on this disk) its name; the source may or may not remain."""
        path = self._with_parent(key)
        try:
            os.link(source, path)
        except FileExistsError:
            raise _already_exists(path) from None
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            self._publish_by_rename(source, path)
        _sync(path.parent)

    def _publish_by_rename(self, source: Path, path: Path) -> None:
        """Where hard links are not supported: the kernel frees the lock when its holder dies."""
        self.tmp.mkdir(parents=True, exist_ok=True)
        with (self.tmp / LOCK).open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if path.exists():
                raise _already_exists(path)
            source.rename(path)

    def _refuse_existing(self, key: str) -> None:
        """Before the bytes are written for nothing; the link decides."""
        if self.exists(key):
            raise _already_exists(self.root / key)

    def _with_parent(self, key: str) -> Path:
        path = self.root / key
        created = [folder for folder in path.parents if not folder.exists()]
        path.parent.mkdir(parents=True, exist_ok=True)
        for folder in created:
            _sync(folder.parent)  # else a power cut may lose the folder of a file that was kept
        return path

    def _created_root(self) -> Path:
        self.root.mkdir(parents=True, exist_ok=True)
        return self.root


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(path: Path) -> None:
    """Force a file, or a folder's names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _age_s(path: Path) -> float:
    """Seconds since the last write to a file, or below a folder; 0 when its writer just removed it."""
    try:
        return time.time() - max(each.stat().st_mtime for each in (path, *path.rglob("*")))
    except FileNotFoundError:
        return 0.0


def _num_bytes(path: Path) -> int | None:
    """Of a file; None: a folder, or somebody else has just removed it."""
    try:
        return path.stat().st_size if path.is_file() else None
    except FileNotFoundError:
        return None


def _same_disk(one: Path, other: Path) -> bool:
    return one.stat().st_dev == other.stat().st_dev


def _already_exists(path: Path) -> AlreadyExistsError:
    return AlreadyExistsError(f"{path} exists already and is written only once")


def _raise_unless_absent(error: OSError) -> None:
    """For `os.walk`: a folder that is not there, or that another process just removed, lists as empty."""
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error
