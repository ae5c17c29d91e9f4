"""A store's files on any fsspec file system: S3, GCS, memory, ...

A key is created by a conditional put, so of two writers one wins. When the answer to such a put is lost, the library
asks again and is told that the key exists, by whom it cannot know; so on S3 every put carries a mark of its own, and
what bears our mark is ours.
"""

import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from posixpath import commonpath, dirname
from typing import Any, TypeVar

import fsspec
from pyarrow.fs import FileSystem, FSSpecHandler, PyFileSystem

from pixelpipe.errors import AlreadyExistsError

MARK = "pixelpipe-put"  # of the object's metadata
UPLOAD_PART_BYTES = 50 * 2**20  # a file of twice this size goes up in parts, and appears whole when the last is there
READ_TRIES = 5  # a connection that is cut within a body is not tried again by every library
FIRST_WAIT_S = 0.1
_S3 = {  # no listing is remembered: other processes write; six tries after a 500: half a minute
    "use_listings_cache": False,
    "config_kwargs": {"retries": {"max_attempts": 6, "mode": "legacy"}},
}
_Answer = TypeVar("_Answer")


def open_url(url: str) -> "ObjectFiles":
    """Raises `ImportError` for a protocol that is not installed, `ValueError` for one that fsspec does not know."""
    file_system, root = fsspec.core.url_to_fs(url, **(_S3 if url.startswith(("s3://", "s3a://")) else {}))
    return ObjectFiles(file_system, root)


class ObjectFiles:
    def __init__(self, file_system: Any, root: str) -> None:
        """`root`: the path within the file system, without its protocol."""
        self.fs = file_system
        self.root = root.rstrip("/")
        self._on_s3 = "s3" in (
            [file_system.protocol] if isinstance(file_system.protocol, str) else file_system.protocol
        )

    @property
    def _read_options(self) -> dict[str, Any]:
        """In one request: in parts, s3fs asks for the size first. Large files are downloaded, not read."""
        return {"max_concurrency": 1} if self._on_s3 else {}

    def uri(self, key: str) -> str:
        return self.fs.unstrip_protocol(self._path(key))

    def local_path(self, key: str) -> Path | None:  # noqa: ARG002 -- the signature of `Files`
        return None

    def arrow(self, key: str) -> tuple[FileSystem, str]:
        return PyFileSystem(FSSpecHandler(self.fs)), self._path(key)

    def create(self, key: str, data: bytes) -> None:
        self._create(key, lambda mark: self.fs.pipe_file(self._path(key), data, mode="create", **mark))

    def create_from(self, key: str, local: Path, move: bool) -> None:
        parts = {"chunksize": UPLOAD_PART_BYTES} if self._on_s3 else {}
        self._create(key, lambda mark: self.fs.put_file(str(local), self._path(key), mode="create", **parts, **mark))
        if move:
            local.unlink()

    def _create(self, key: str, put: Callable[[dict[str, Any]], object]) -> None:
        token = uuid.uuid4().hex
        try:
            put({"Metadata": {MARK: token}} if self._on_s3 else {})
        except Exception as error:  # whatever the library raises: the put may have been done all the same
            if self._on_s3 and self._mark(key) == token:
                return
            if isinstance(error, FileExistsError):
                raise AlreadyExistsError(f"{self.uri(key)} exists already and is written only once") from None
            raise

    def _mark(self, key: str) -> str | None:
        try:
            return self.fs.metadata(self._path(key), refresh=True).get(MARK)
        except FileNotFoundError:
            return None

    def replace(self, key: str, data: bytes) -> None:
        self.fs.pipe_file(self._path(key), data)

    def read(self, key: str) -> bytes:
        return _patiently(lambda: self.fs.cat_file(self._path(key), **self._read_options))

    def read_many(self, keys: Sequence[str]) -> Sequence[bytes]:
        """Many small files at once; `FileNotFoundError` if one is not there."""
        if not keys:
            return []
        paths = [self._path(key) for key in keys]
        found = _patiently(lambda: self.fs.cat(paths, **self._read_options))
        return [found[path] for path in paths]

    def download(self, key: str, local: Path) -> None:
        _patiently(lambda: self.fs.get_file(self._path(key), str(local)))

    def exists(self, key: str) -> bool:
        """`isfile` would answer no whatever is wrong, and what exists would be written or removed again."""
        self.fs.invalidate_cache()  # another process may have written since
        try:
            return self.fs.info(self._path(key))["type"] == "file"
        except FileNotFoundError:
            return False

    def list(self, prefix: str) -> list[str]:
        return [*self.sizes(prefix)]

    def sizes(self, prefix: str) -> dict[str, int]:
        """As `exists`: an error is no empty folder."""
        self.fs.invalidate_cache()
        folder = (self._path(prefix) if prefix else self.root) + "/"
        found = self.fs.find(folder.rstrip("/"), detail=True)
        if not found:
            self._raise_unless_absent(folder.rstrip("/"))
        return {
            path[len(self.root) :].lstrip("/"): int(info["size"])
            for path, info in found.items()
            if path.startswith(folder) and path[-1] != "/"
        }

    def _raise_unless_absent(self, folder: str) -> None:
        """fsspec's own `find` takes errors for emptiness."""
        try:
            self.fs.info(folder)
        except FileNotFoundError:
            if self._on_s3:
                self.fs.ls(folder.split("/")[0])  # a bucket that is not there is an error, an empty one is not

    def delete(self, key: str) -> None:
        try:
            self.fs.rm_file(self._path(key))
        except FileNotFoundError:
            return

    def delete_many(self, keys: Sequence[str]) -> None:
        """s3fs says nothing of keys that the server failed to remove: so it is looked at."""
        left = sorted(keys)
        folder = commonpath([dirname(key) for key in left]) if left else ""
        for wait_s in (0.0, FIRST_WAIT_S, 1.0):
            if not left:
                return
            time.sleep(wait_s)
            with suppress(FileNotFoundError):  # others removed some of them first
                self.fs.rm([self._path(key) for key in left])
            left = sorted({*left}.intersection(self.list(folder)))
        raise OSError(f"{len(left)} files remain, {left[0]} among them")

    def delete_tree(self, prefix: str) -> None:
        self.delete_many(self.list(prefix))

    def probe(self) -> None:
        key, files = f".tmp/{uuid.uuid4().hex}", self._impatient()
        files.create(key, b"pixelpipe")
        files.delete(key)

    def probe_reading(self, prefix: str) -> None:
        self._impatient().list(prefix)

    def _impatient(self) -> "ObjectFiles":
        """For a person who may have given a wrong address, and waits: seconds, where the work would try for longer."""
        if not self._on_s3:
            return self
        options = {**self.fs.storage_options, "config_kwargs": {"retries": {"max_attempts": 2, "mode": "legacy"}}}
        return ObjectFiles(type(self.fs)(**options), self.root)

    @contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix=f"pixelpipe-{name}-") as folder:
            yield Path(folder)

    def sweep(self, older_than_s: float, dry_run: bool) -> dict[str, int]:  # noqa: ARG002 -- the signature of `Files`
        """Nothing to do: an object appears whole; unfinished uploads are for the bucket's lifecycle rules."""
        return {}

    def _path(self, key: str) -> str:
        return f"{self.root}/{key}"


def _patiently(read: Callable[[], _Answer]) -> _Answer:
    """Reading can be tried again whatever went wrong, but for a file that is absent or forbidden."""
    for number in range(READ_TRIES - 1):
        try:
            return read()
        except (FileNotFoundError, PermissionError, NotImplementedError):
            raise
        except Exception:  # the libraries below have many kinds
            time.sleep(FIRST_WAIT_S * 2**number)
    return read()
