"""A safetensors file's header: names, types and shapes of its tensors, read without torch and without the tensors.

The format (https://github.com/huggingface/safetensors): 8 bytes with the length of a JSON text, the text, the data.
"""

import json
import math
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pixelpipe.errors import WeightsError

MAX_HEADER_BYTES = 100_000_000  # the format's own limit
DTYPE_BITS = {
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 64),
    **dict.fromkeys(("F32", "I32", "U32"), 32),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16),
    **dict.fromkeys(("I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2"), 8),
}
HUB_DOWNLOADS = ".cache/huggingface/download"  # below the folder that `hf download --local-dir` fills
UNFINISHED = (".incomplete", ".part", ".partial", ".crdownload", ".download", ".aria2", ".tmp")


@dataclass(frozen=True, slots=True)
class TensorInfo:
    dtype: str  # as in the file: F32, F16, ...
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Header:
    tensors: dict[str, TensorInfo]
    metadata: dict[str, str]


def read_header(path: Path) -> Header:
    """Read and check a header against the file's size.

    Raises `WeightsError`, one line, if the file is no safetensors file, is damaged, or ends too early.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            entries = _read_json(path, file, size)
            start = file.tell()
    except OSError as error:
        raise WeightsError(f"{path}: must be a safetensors file but cannot be read: {error.strerror}") from None
    metadata = entries.pop("__metadata__", {})
    try:
        tensors = {name: _tensor_info(entry) for name, entry in entries.items()}
        end = start + max((entry["data_offsets"][1] for entry in entries.values()), default=0)
        metadata = {str(key): str(value) for key, value in metadata.items()}
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        raise WeightsError(f"{path}: must be a safetensors file but its header is damaged") from None
    if size < end:
        raise WeightsError(f"{path}: is cut off: {size:,} of {end:,} bytes are there; download or copy it again")
    if size > end:
        raise WeightsError(f"{path}: is damaged: {size - end:,} bytes follow its last tensor")
    return Header(tensors, metadata)


def unfinished_download(path: Path) -> Path | None:
    """What a download of `path` that did not end has left, under the names that browsers and the hub's client use."""
    path = path.absolute()
    beside = [path.with_name(path.name + ending) for ending in UNFINISHED]
    places = [path.parent / HUB_DOWNLOADS, path.parent.parent / HUB_DOWNLOADS / path.parent.name]
    if path.match("snapshots/*/*/*"):  # the hub's cache: <model>/snapshots/<commit>/<part>/<file>
        places.append(path.parents[3] / "blobs")
    by_the_hub = (other for place in places for other in place.glob("*.incomplete"))
    return next((other for other in [*beside, *by_the_hub] if other.exists()), None)


def _read_json(path: Path, file: Any, size: int) -> dict[str, Any]:
    if size == 0:
        raise WeightsError(f"{path}: must be a safetensors file but is empty")
    start = file.read(8)
    length = struct.unpack("<Q", start)[0] if len(start) == 8 else MAX_HEADER_BYTES + 1
    if length > MAX_HEADER_BYTES or start.startswith(b"PK"):
        raise WeightsError(f"{path}: must be a safetensors file but is {_what_else(start)}")
    text = file.read(length)
    if len(text) < length:
        raise WeightsError(f"{path}: is cut off within its header; download or copy it again")
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError):
        raise WeightsError(f"{path}: must be a safetensors file but its header is damaged") from None
    if not isinstance(entries, dict):
        raise WeightsError(f"{path}: must be a safetensors file but its header is damaged")
    return entries


def _what_else(start: bytes) -> str:
    """What a file is that begins so, as far as users mistake it for weights."""
    if start.startswith((b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04")):
        return "a pickle (.ckpt, .bin, .pt), which can run any code when it is opened"
    if start.startswith(b"version "):
        return "a Git LFS pointer, not the file itself: run git lfs pull"
    if start.lstrip().lower().startswith((b"<!doctyp", b"<html", b"<!")):
        return "a web page: the download went to a log-in or an error page"
    return "something else"


def _tensor_info(entry: dict[str, Any]) -> TensorInfo:
    """Raises `ValueError` or `KeyError` where the entry contradicts itself."""
    shape = tuple(entry["shape"])
    begin, end = entry["data_offsets"]
    if any(not isinstance(length, int) or length < 0 for length in (*shape, begin, end)):
        raise ValueError
    if (end - begin) * 8 != math.prod(shape) * DTYPE_BITS[entry["dtype"]]:
        raise ValueError
    return TensorInfo(entry["dtype"], shape)


def is_pickle(name: str | os.PathLike[str]) -> bool:
    """By its name: the formats that weights are published in besides safetensors."""
    return Path(name).suffix.lower() in {".ckpt", ".bin", ".pt", ".pth", ".pkl"}
