"""The store: files put whole and only if absent, on a local disk or any fsspec file system.

Local writes go to `<store>/.tmp/` first, are synced, and appear under their key by a hard link, which fails
when the key exists: no reader sees a partial file, whenever the writer dies. Object stores create a key whole
by themselves (S3, GCS: a conditional put). fsspec's fallback for other systems checks and then writes, which
two writers at once can both pass. Keys come from `pixelpipe.keys`.
"""

import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pixelpipe.errors import AlreadyExistsError, BadInputError, CorruptCheckpointError, PixelpipeError, StoreError
from pixelpipe.keys import LINES, check_key
from pixelpipe.local_files import LocalFiles

if TYPE_CHECKING:  # `pixelpipe --help` does not wait for pyarrow
    from pyarrow.fs import FileSystem

MANIFEST = "manifest.json"
DEFAULT_STORE = "./pixelpipe-store"
STALE_AFTER_S = 24 * 3600.0


class Files(Protocol):
    """What a store needs of a file system; keys are checked before they come here."""

    def uri(self, key: str) -> str: ...
    def local_path(self, key: str) -> Path | None: ...
    def arrow(self, key: str) -> "tuple[FileSystem, str]": ...
    def create(self, key: str, data: bytes) -> None: ...
    def create_from(self, key: str, local: Path, move: bool) -> None: ...
    def replace(self, key: str, data: bytes) -> None: ...
    def read(self, key: str) -> bytes: ...
    def read_many(self, keys: Sequence[str]) -> Sequence[bytes]: ...
    def download(self, key: str, local: Path) -> None: ...
    def exists(self, key: str) -> bool: ...
    def list(self, prefix: str) -> list[str]: ...
    def sizes(self, prefix: str) -> dict[str, int]: ...
    def delete(self, key: str) -> None: ...
    def delete_many(self, keys: Sequence[str]) -> None: ...
    def delete_tree(self, prefix: str) -> None: ...
    def probe(self) -> None: ...
    def probe_reading(self, prefix: str) -> None: ...
    def scratch(self, name: str) -> AbstractContextManager[Path]: ...
    def sweep(self, older_than_s: float, dry_run: bool) -> dict[str, int]: ...


class Store:
    """A store at `url`: a path, or any fsspec URL such as `s3://bucket/prefix`. `Store.open` makes one.

    Where its disk or network fails (full, read-only, out of reach), every method raises `StoreError` with one line.
    """

    def __init__(self, url: str, files: Files) -> None:
        self.url = url
        self._files = files

    @classmethod
    def open(cls, url: str | Path) -> "Store":
        """The store at `url`; creates nothing, so reading a store that is not there finds it empty.

        `BadInputError` when a local path is no folder, or the URL's protocol is unknown or not installed.
        """
        url = str(url)
        if not url.strip():
            raise BadInputError("--store: must be a path or a URL but is empty")
        if "://" in url and not url.startswith("file://"):
            return cls(url, _object_files(url))
        return cls(url, LocalFiles(_local_root(url)))

    def __repr__(self) -> str:
        return f"Store({self.url!r})"

    def uri(self, key: str) -> str:
        """Absolute path or URL of a key, for people and for `sample_uri`."""
        return self._files.uri(check_key(key))

    def local_path(self, key: str) -> Path | None:
        """Where the key lies on this machine; None for object stores. Read there, never write."""
        return self._files.local_path(check_key(key))

    def arrow(self, key: str) -> "tuple[FileSystem, str]":
        """The key as pyarrow's file system and path: to read parts of a large file."""
        return self._files.arrow(check_key(key))

    def put(self, key: str, data: bytes) -> None:
        """Write a new key whole; `AlreadyExistsError` when it exists, of two writers exactly one wins."""
        with self._failures(f"write {key}"):
            self._files.create(check_key(key), data)

    def commit(self, key: str, data: bytes) -> None:
        """`put` of what makes an epoch exist; under a lease (`fence.py`) once for all attempts at the experiment."""
        self.put(key, data)

    def put_file(self, key: str, local: Path, move: bool = False) -> None:
        """Like `put`, from a file; `move` removes it, without a copy if the disk is the same."""
        with self._failures(f"write {key}"):
            self._files.create_from(check_key(key), local, move)

    def replace(self, key: str, data: bytes) -> None:
        """Write a key whole, over what is there: for what can be rebuilt (verdict.md, report.html)."""
        with self._failures(f"write {key}"):
            self._files.replace(check_key(key), data)

    def redraw(self, key: str, data: bytes) -> None:
        """`replace` of a picture, which is the same whoever draws it: under a lease it asks less (`fence.py`)."""
        self.replace(key, data)

    def read(self, key: str) -> bytes:
        """Everything under the key; `FileNotFoundError` when it is not there."""
        with self._failures(f"read {key}", FileNotFoundError):
            return self._files.read(check_key(key))

    def read_many(self, keys: Iterable[str]) -> Sequence[bytes]:
        """What `read` gives of each key; at once where that is quicker (object stores)."""
        keys = [check_key(key) for key in keys]
        with self._failures(f"read {len(keys)} files", FileNotFoundError):
            return self._files.read_many(keys)

    def exists(self, key: str) -> bool:
        with self._failures(f"look for {key}"):
            return self._files.exists(check_key(key))

    def list(self, prefix: str = "") -> list[str]:
        """Sorted keys below the folder `prefix` ("" for all), recursively; never temporary files."""
        with self._failures(f"list {prefix}"):
            keys = self._files.list(check_key(prefix) if prefix else "")
        return sorted(key for key in keys if not key.startswith(".tmp/"))

    def sizes(self, prefix: str) -> dict[str, int]:
        """Key -> bytes of every file below the folder `prefix`, recursively."""
        with self._failures(f"list {prefix}"):
            return self._files.sizes(check_key(prefix))

    def delete(self, key: str) -> None:
        """Remove a key; a key that is not there is fine, as in object stores."""
        with self._failures(f"remove {key}"):
            self._files.delete(check_key(key))

    def delete_many(self, keys: Iterable[str]) -> None:
        """Remove many keys, in few requests where the store can do that."""
        keys = [check_key(key) for key in keys]
        with self._failures(f"remove {len(keys)} files"):
            self._files.delete_many(keys)

    def delete_tree(self, prefix: str) -> None:
        with self._failures(f"remove {prefix}"):
            self._files.delete_tree(check_key(prefix))

    def put_tree(self, prefix: str, directory: Path, move: bool = False) -> str:
        """Write every file of `directory`, then `<prefix>/manifest.json`, which commits them.

        What an earlier try left without a manifest is removed first. Returns the manifest's SHA-256 (hex): of
        names and contents only. `AlreadyExistsError` when the tree is committed already.
        """
        manifest_key = f"{check_key(prefix)}/{MANIFEST}"
        if self.exists(manifest_key):
            raise AlreadyExistsError(f"{self.uri(prefix)} is committed already")
        self.delete_tree(prefix)
        entries = {name: _entry(directory / name) for name in _tree_files(directory)}
        for name in entries:
            self.put_file(f"{prefix}/{name}", directory / name, move)
        manifest = json.dumps(entries, indent=1, sort_keys=True).encode()
        self.put(manifest_key, manifest)
        return hashlib.sha256(manifest).hexdigest()

    def fetch_tree(self, prefix: str, directory: Path | None = None) -> Path:
        """A committed tree as a local folder, every file's hash verified: in place for local stores.

        Object stores download to `directory` (default: a fresh temporary one), keeping what is intact there.
        Raises `CorruptCheckpointError`, which names the file, or says that there is no manifest.
        """
        entries = self._manifest(prefix)
        in_place = self.local_path(prefix)
        folder = in_place or directory or Path(tempfile.mkdtemp(prefix="pixelpipe-"))
        for name, entry in entries.items():
            if in_place is None:
                self._download(f"{prefix}/{name}", folder / name, entry)
            found = _entry(folder / name) if (folder / name).is_file() else None
            if found != entry:
                state = "is missing" if found is None else f"differs from its manifest: {_difference(found, entry)}"
                raise CorruptCheckpointError(f"{self.uri(f'{prefix}/{name}')} {state}")
        return folder

    def _download(self, key: str, local: Path, entry: dict[str, str | int]) -> None:
        if (local.is_file() and _entry(local) == entry) or not self.exists(key):
            return
        local.parent.mkdir(parents=True, exist_ok=True)
        partial = local.with_name(f"{local.name}.partial")
        with self._failures(f"read {key}", FileNotFoundError):
            self._files.download(key, partial)
        partial.replace(local)

    def _manifest(self, prefix: str) -> dict[str, dict[str, str | int]]:
        key = f"{check_key(prefix)}/{MANIFEST}"
        if not self.exists(key):
            raise CorruptCheckpointError(f"{self.uri(prefix)} has no {MANIFEST}: it was never written to its end")
        try:
            entries = json.loads(self.read(key))
            for name, entry in entries.items():
                check_key(f"{prefix}/{name}")
                assert set(entry) == {"sha256", "bytes"}
        except (ValueError, AttributeError, TypeError, AssertionError):
            raise CorruptCheckpointError(f"{self.uri(key)} is not a manifest") from None
        return entries

    @contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        """An empty folder for files that are then moved here: on the store's own disk where it is local.

        Removed at the end. `name`: one folder at a time has it; what a process that was killed left there goes first.
        """
        with ExitStack() as stack:
            with self._failures("make a temporary folder"):
                folder = stack.enter_context(self._files.scratch(name))
            yield folder

    def check_writable(self) -> None:
        """Write and remove a small file where the store is or will be; `BadInputError` says why not."""
        try:
            self._files.probe()
        except Exception as error:  # whatever the file system's library raises: the user must see one line
            raise BadInputError(
                f"store {self.url}: must be a place that can be written but: {_reason(error)}"
            ) from None

    def check_reachable(self) -> None:
        """`BadInputError` says why the place cannot be read: no such server, no credentials, no permission."""
        try:
            with self._failures(f"list {LINES}"):
                self._files.probe_reading(LINES)
        except StoreError as error:
            hint = " (a wrong address, or no credentials?)" if "://" in self.url else ""
            raise BadInputError(f"{error}{hint}") from None

    def sweep(self, dry_run: bool = False) -> dict[str, int]:
        """Remove temporary files that killed processes left behind a day ago or more; returns their sizes in bytes."""
        with self._failures("remove temporary files"):
            return self._files.sweep(STALE_AFTER_S, dry_run)

    @contextmanager
    def _failures(self, action: str, *expected: type[Exception]) -> Iterator[None]:
        try:
            yield
        except (PixelpipeError, AssertionError, *expected):
            raise
        except Exception as error:  # whatever the file system's library raises, as in `check_writable`
            raise StoreError(f"store {self.url}: cannot {action}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """Without "[Errno 28]" and the temporary name that it happened to."""
    text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return " ".join(text.split()) or type(error).__name__


def _local_root(url: str) -> Path:
    try:
        root = Path(url.removeprefix("file://")).expanduser().absolute()
        in_the_way = root.exists() and not root.is_dir()
    except (OSError, RuntimeError) as error:  # RuntimeError: ~ of a user that does not exist
        raise BadInputError(f"store {url}: must be a folder that can be read but: {error}") from None
    if in_the_way:
        raise BadInputError(f"store {url}: must be a folder but is a file")
    return root


def _object_files(url: str) -> Files:
    from pixelpipe.object_files import open_url

    try:
        return open_url(url)
    except ImportError as error:
        raise BadInputError(f"store {url}: {_reason(error)}") from None
    except ValueError as error:
        raise BadInputError(f"store {url}: must be a path or a URL that fsspec knows but: {error}") from None


def _tree_files(directory: Path) -> list[str]:
    """Relative posix names of every file below `directory`, sorted."""
    names = sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())
    assert names, f"{directory} has no files"
    assert MANIFEST not in names, f"{directory} has a {MANIFEST} of its own"
    return names


def _entry(path: Path) -> dict[str, str | int]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"sha256": digest, "bytes": path.stat().st_size}


def _difference(found: dict[str, str | int], entry: dict[str, str | int]) -> str:
    if found["bytes"] != entry["bytes"]:
        return f"{found['bytes']} bytes instead of {entry['bytes']}"
    return f"sha256 {str(found['sha256'])[:12]}… instead of {str(entry['sha256'])[:12]}…"
