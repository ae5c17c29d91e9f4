"""A store's files on any fsspec file system: S3, GCS, memory, ..."""

import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pixelpipe.errors import AlreadyExistsError


class ObjectFiles:
    def __init__(self, file_system: Any, root: str) -> None:
        """`root`: the path within the file system, without its protocol."""
        self.fs = file_system
        self.root = root.rstrip("/")

    def uri(self, key: str) -> str:
        return self.fs.unstrip_protocol(self._path(key))

    def local_path(self, key: str) -> Path | None:  # noqa: ARG002 -- the signature of `Files`
        return None

    def create(self, key: str, data: bytes) -> None:
        try:
            self.fs.pipe_file(self._path(key), data, mode="create")
        except FileExistsError:
            raise self._already_exists(key) from None

    def create_from(self, key: str, local: Path, move: bool) -> None:
        try:
            self.fs.put_file(str(local), self._path(key), mode="create")
        except FileExistsError:
            raise self._already_exists(key) from None
        if move:
            local.unlink()

    def replace(self, key: str, data: bytes) -> None:
        self.fs.pipe_file(self._path(key), data)

    def read(self, key: str) -> bytes:
        return self.fs.cat_file(self._path(key))

    def download(self, key: str, local: Path) -> None:
        self.fs.get_file(self._path(key), str(local))

    def exists(self, key: str) -> bool:
        self.fs.invalidate_cache()  # another process may have written since
        return self.fs.isfile(self._path(key))

    def list(self, prefix: str) -> list[str]:
        self.fs.invalidate_cache()
        folder = self._path(prefix) if prefix else self.root
        paths = self.fs.find(folder) if self.fs.isdir(folder) else []
        return [path[len(self.root) :].lstrip("/") for path in paths]

    def delete(self, key: str) -> None:
        if self.exists(key):
            self.fs.rm_file(self._path(key))

    def delete_tree(self, prefix: str) -> None:
        if self.list(prefix):
            self.fs.rm(self._path(prefix), recursive=True)

    def probe(self) -> None:
        key = f".tmp/{uuid.uuid4().hex}"
        self.create(key, b"pixelpipe")
        self.delete(key)

    @contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix=f"pixelpipe-{name}-") as folder:
            yield Path(folder)

    def sweep(self, older_than_s: float) -> int:  # noqa: ARG002 -- the signature of `Files`
        """Nothing to do: an object appears whole; unfinished uploads are for the bucket's lifecycle rules."""
        return 0

    def _path(self, key: str) -> str:
        return f"{self.root}/{key}"

    def _already_exists(self, key: str) -> AlreadyExistsError:
        return AlreadyExistsError(f"{self.uri(key)} exists already and is written only once")
