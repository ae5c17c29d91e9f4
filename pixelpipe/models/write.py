"""Writing safetensors: tensor by tensor, with a bar, and nothing under the final name until all of it is on the disk.

safetensors' own `save_file` needs every tensor at once in its final type and says nothing for the seconds or minutes
that gigabytes take.
"""

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

from pixelpipe.errors import BadInputError
from pixelpipe.progress import progress_bar

DTYPE_NAMES = {
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
}
ALIGNMENT = 8  # bytes: the header is filled up with spaces, so that readers can map the data


def write_safetensors(path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]) -> None:
    """Write tensors in order of name, each in its own type; large types first would align no better here.

    Raises `OSError` if the disk is full; the caller's `staged` removes what was written.
    """
    names = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    header = header_bytes({name: tensors[name] for name in names}, metadata)
    total = sum(tensor.nbytes for tensor in tensors.values()) // 1_000_000
    with path.open("wb") as file, progress_bar(f"writing {path.name} (MB)", total) as advance:
        file.write(header)
        written = 0
        for name in names:
            file.write(tensor_bytes(tensors[name]))
            before, written = written, written + tensors[name].nbytes
            advance(written // 1_000_000 - before // 1_000_000)
        file.flush()
        os.fsync(file.fileno())


def header_bytes(tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]) -> bytes:
    """The header of a file that holds `tensors` in the order given."""
    entries: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    end = 0
    for name, tensor in tensors.items():
        start, end = end, end + tensor.nbytes
        entries[name] = {
            "dtype": DTYPE_NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    return len(text).to_bytes(8, "little") + text


def hash_tensors(tensors: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 (hex) of the data as `write_safetensors` lays it out: what sd-scripts and ModelSpec call the hash."""
    digest = hashlib.sha256()
    for name in sorted(tensors, key=lambda name: (-tensors[name].element_size(), name)):
        digest.update(tensor_bytes(tensors[name]))
    return digest.hexdigest()


def tensor_bytes(tensor: torch.Tensor) -> memoryview:
    """The tensor's values, row by row, little-endian."""
    return memoryview(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())


@contextmanager
def staged(target: Path, overwrite: bool = False) -> Iterator[Path]:
    """A temporary path beside `target` that becomes it when the block ends without an error, and is removed otherwise.

    Raises `BadInputError` if the target exists and `overwrite` is not given, or cannot be written.
    """
    refuse_existing(target, overwrite)
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _publish(temporary, target, overwrite)
    except OSError as error:
        raise BadInputError(f"{target}: cannot be written: {error.strerror or error}; nothing was left there") from None
    finally:
        _remove(temporary)


def refuse_existing(target: Path, overwrite: bool) -> None:
    """`BadInputError` if something is there already that must not, or cannot safely, be replaced."""
    try:
        exists = target.exists() or target.is_symlink()
        other = exists and target.is_dir() and any(target.iterdir()) and not _is_export(target)
    except OSError as error:
        raise BadInputError(f"{target}: must be a path that can be written but: {error.strerror}") from None
    if exists and not overwrite:
        raise BadInputError(f"{target}: exists already; give another path, or --overwrite")
    if other:
        raise BadInputError(f"{target}: is a folder of other things, which is never overwritten")


def _is_export(folder: Path) -> bool:
    return any((folder / name).is_file() for name in ("model_index.json", "pytorch_lora_weights.safetensors"))


def _publish(temporary: Path, target: Path, overwrite: bool) -> None:
    """One rename; a folder that is replaced steps aside first and is removed last."""
    if not (overwrite and target.is_dir()):
        temporary.rename(target)
        return
    aside = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.old")
    target.rename(aside)
    try:
        temporary.rename(target)
    except OSError:
        aside.rename(target)
        raise
    _remove(aside)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)
