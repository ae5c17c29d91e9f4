"""Captions written beside images, in either convention; every file appears whole or not at all."""

import csv
import io
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Literal

from pixelpipe.captions.sidecar import METADATA_NAMES, metadata_rows, same_name
from pixelpipe.errors import BadInputError

Convention = Literal["txt", "jsonl", "csv"]


def convention_of(dataset: Path) -> Convention:
    """How a folder's captions are kept; `.txt` files where there are none yet."""
    present = [name for name in METADATA_NAMES if (dataset / name).is_file()]
    if not present:
        return "txt"
    return "jsonl" if present[0].endswith(".jsonl") else "csv"


def write_captions(
    directory: Path,
    captions: Mapping[str, str],
    convention: Convention,
    column: str = "text",
    columns_of: Path | None = None,
) -> None:
    """Write captions by file name into `directory`: UTF-8, `\\n`.

    `columns_of`: a folder whose `metadata.*` gives the other columns. `BadInputError` if the disk refuses.
    """
    try:
        if convention == "txt":
            for name, caption in captions.items():
                _put(directory / PurePosixPath(name).with_suffix(".txt"), f"{caption}\n")
            return
        rows = _rows(captions, column, columns_of)
        text = _jsonl(rows) if convention == "jsonl" else _csv(rows)
        _put(directory / f"metadata.{convention}", text)
    except OSError as error:
        raise BadInputError(f"{directory}: must be a folder that can be written but: {error.strerror}") from None


def write_copy(
    dataset: Path,
    directory: Path,
    captions: Mapping[str, str],
    column: str = "text",
    convention: Convention | None = None,
) -> None:
    """A dataset of its own: the images as they are, and these captions (default: in the convention of the original).

    `directory` must be new or empty. It appears under its name once it is whole.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise BadInputError(f"{directory}: a copy must go to a new or empty folder")
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory.parent, prefix=f".{directory.name}-") as temporary:
            part = Path(temporary) / "dataset"
            for name in captions:
                (part / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(dataset / name, part / name)
            write_captions(part, captions, convention or convention_of(dataset), column, columns_of=dataset)
            if directory.exists():
                directory.rmdir()
            part.replace(directory)
    except OSError as error:
        raise BadInputError(f"{directory}: must be a folder that can be written but: {error.strerror}") from None


def _rows(captions: Mapping[str, str], column: str, columns_of: Path | None) -> list[dict[str, object]]:
    others: dict[str, dict[str, object]] = {}
    for name in METADATA_NAMES:
        if columns_of is not None and (columns_of / name).is_file():
            for _, row in metadata_rows(columns_of / name):
                others[same_name(PurePosixPath(str(row["file_name"])))] = row
    return [
        {"file_name": name, column: caption}
        | {key: value for key, value in others.get(same_name(name), {}).items() if key not in ("file_name", column)}
        for name, caption in captions.items()
    ]


def _jsonl(rows: list[dict[str, object]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _csv(rows: list[dict[str, object]]) -> str:
    names = list(dict.fromkeys(key for row in rows for key in row))
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _put(path: Path, text: str) -> None:
    """Through a temporary file of the same folder, so that a reader sees the old text or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".caption-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
