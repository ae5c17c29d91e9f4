"""Captions beside the images: `.txt` files, or `metadata.jsonl` / `metadata.csv` (Hugging Face imagefolder)."""

import csv
import io
import json
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, TypeVar

from pixelpipe.data.listing import visible_files
from pixelpipe.data.sprites import Sprite
from pixelpipe.errors import DatasetError
from pixelpipe.text_file import read_text

METADATA_NAMES = ("metadata.jsonl", "metadata.csv")
NOT_CAPTIONS = frozenset({"readme", "license", "licence", "notice", "credits"})


Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class SidecarStrategy:
    """What a person, or another tool, wrote beside the sprites."""

    dataset: Path
    column: str = "text"
    from_pixels: bool = False

    @property
    def identity(self) -> dict[str, Any]:
        return {"strategy": "sidecar", "column": self.column}

    def describe(self, sprites: Sequence[Sprite]) -> list[str]:
        captions = read_captions(self.dataset, [sprite.file_name for sprite in sprites], self.column)
        return [captions[sprite.file_name] for sprite in sprites]


def read_captions(directory: Path, file_names: Sequence[str], column: str = "text") -> dict[str, str]:
    """The caption of every image, by its posix path below `directory`; white space is folded.

    Raises `DatasetError` if an image has no caption, a caption has no image, or both conventions are mixed.
    """
    metadata = [directory / name for name in METADATA_NAMES if (directory / name).is_file()]
    texts = _caption_files(directory, file_names)
    if len(metadata) > 1 or (metadata and texts):
        second = metadata[1].name if len(metadata) > 1 else f"{len(texts)} .txt files"
        raise DatasetError(f"{directory}: captions must come from one place but are in {metadata[0].name} and {second}")
    if metadata:
        captions = match_names(metadata[0], _from_metadata(metadata[0], column), file_names)
    else:
        captions = _from_text_files(directory, texts, file_names)
    for name, caption in captions.items():
        _check_text(directory / name, caption)
    return captions


def _check_text(image: Path, caption: str) -> None:
    if not caption:
        raise DatasetError(f"{image}: its caption must not be empty")
    try:
        caption.encode()
    except UnicodeEncodeError:  # JSON can write half of a character
        raise DatasetError(f"{image}: its caption must be Unicode text but is {caption!a}") from None
    if "\0" in caption:
        raise DatasetError(f"{image}: its caption must be text but holds a NUL character")


def _caption_files(directory: Path, file_names: Sequence[str]) -> list[Path]:
    """The `.txt` files, without a README or a license that belongs to no image."""
    stems = {_stem(name) for name in file_names}
    paths = [path for path in visible_files(directory, {".txt"}) if path.is_file()]
    return [p for p in paths if p.stem.lower() not in NOT_CAPTIONS or _stem(p.relative_to(directory)) in stems]


def _from_text_files(directory: Path, texts: Sequence[Path], file_names: Sequence[str]) -> dict[str, str]:
    by_stem: dict[str, str] = {}
    for name in file_names:
        stem = _stem(name)
        if stem in by_stem:
            raise DatasetError(f"{directory}: {by_stem[stem]} and {name} would share the caption {stem}.txt")
        by_stem[stem] = name
    captions: dict[str, str] = {}
    for path in texts:
        name = by_stem.get(_stem(path.relative_to(directory)))
        if name is None:
            raise DatasetError(f"{path}: a caption without its image")
        if name in captions:
            raise DatasetError(f"{path}: {name} has another caption file, whose name differs in case only")
        captions[name] = fold(read_text(path, "a caption", DatasetError))
    for name in file_names:
        if name not in captions:
            expected = f"{Path(name).with_suffix('.txt')}, {METADATA_NAMES[0]} or {METADATA_NAMES[1]}"
            raise DatasetError(f"{directory / name}: an image without its caption; expected {expected}")
    return captions


def _from_metadata(path: Path, column: str) -> dict[str, str]:
    """Caption by `file_name`."""
    captions: dict[str, str] = {}
    for line, row in metadata_rows(path):
        name = row.get("file_name")
        if not isinstance(name, str) or not name.strip():
            raise DatasetError(f"{path}:{line}: must have a `file_name`")
        name = same_name(PurePosixPath(name))
        if name in captions:
            raise DatasetError(f"{path}:{line}: {name} stands twice")
        caption = row.get(column)
        if not isinstance(caption, str):
            others = sorted(key for key, value in row.items() if isinstance(value, str) and key != "file_name")
            found = ", ".join(others) or "no column"
            raise DatasetError(
                f"{path}:{line}: must have a text in `{column}` (captions.column) but has one in {found}"
            )
        captions[name] = fold(caption)
    return captions


def metadata_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(number of the line, from 1, at which a record ends; the record)."""
    text = read_text(path, "a table of texts", DatasetError)
    return _csv_rows(path, text) if path.suffix == ".csv" else _jsonl_rows(path, text)


def _csv_rows(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        header = reader.fieldnames or ()
        if twice := [name for name, count in Counter(header).items() if count > 1]:
            raise DatasetError(f"{path}:1: must name every column once but names `{twice[0]}` again")
        if text.strip() and "file_name" not in header:
            found = text.splitlines()[0][:80]  # a caption may be long
            raise DatasetError(
                f"{path}:1: must be names of columns, with commas between, and `file_name` among them, but is {found!r}"
            )
        for row in reader:
            if None in row:  # else the rest of the caption would be lost
                raise DatasetError(
                    f"{path}:{reader.line_num}: must have {len(reader.fieldnames or ())} fields but has more; "
                    'a caption that holds commas must stand in "quotes"'
                )
            yield reader.line_num, row
    except csv.Error as error:
        raise DatasetError(f"{path}:{reader.line_num + 1}: must be CSV but is not: {error}") from None


def _jsonl_rows(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, record in enumerate(text.split("\n"), start=1):
        if not record.strip():
            continue
        try:
            row = json.loads(record)
        except (ValueError, RecursionError) as error:
            reason = getattr(error, "msg", error)
            raise DatasetError(f"{path}:{line}: must be one JSON object a line: {reason}") from None
        if not isinstance(row, dict):
            raise DatasetError(f"{path}:{line}: must be a JSON object but is {type(row).__name__}")
        yield line, row


def match_names(metadata: Path, captions: Mapping[str, Value], file_names: Sequence[str]) -> dict[str, Value]:
    """The captions (or rows) of a table by the names that the files have on this disk."""
    names: dict[str, str] = {}
    for name in file_names:
        if names.setdefault(same_name(name), name) != name:
            raise DatasetError(f"{metadata.parent / name}: there is another image whose name looks the same (NFC, NFD)")
    if without_caption := sorted(names.keys() - captions.keys()):
        raise DatasetError(f"{metadata}: must name every image but has no line for {_and_more(without_caption)}")
    if without_image := sorted(captions.keys() - names.keys()):
        raise DatasetError(f"{metadata}: names {_and_more(without_image)}, which is no image in {metadata.parent}")
    return {name: captions[same] for same, name in names.items()}


def _and_more(names: Sequence[str]) -> str:
    return names[0] + (f" (and {len(names) - 1} more)" if len(names) > 1 else "")


def _stem(name: str | Path) -> str:
    return same_name(Path(name).with_suffix(""))


def same_name(name: str | PurePath) -> str:
    """One spelling of a name: macOS takes accents apart (NFD), most editors do not (NFC)."""
    return unicodedata.normalize("NFC", str(name))


def fold(text: str) -> str:
    return " ".join(text.split())
