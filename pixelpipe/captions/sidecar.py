"""Captions that lie beside the images: `.txt` files, or `metadata.jsonl` / `metadata.csv` (Hugging Face imagefolder)."""

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pixelpipe.errors import DatasetError

METADATA_NAMES = ("metadata.jsonl", "metadata.csv")
NOT_CAPTIONS = frozenset({"readme", "license", "licence", "notice", "credits"})


def read_captions(directory: Path, file_names: Sequence[str], column: str = "text") -> dict[str, str]:
    """The caption of every image, by its posix path below `directory`; white space is folded.

    Raises `DatasetError` if an image has no caption, a caption has no image, or both conventions are mixed.
    """
    metadata = [directory / name for name in METADATA_NAMES if (directory / name).is_file()]
    texts = _caption_files(directory)
    if len(metadata) > 1 or (metadata and texts):
        second = metadata[1].name if len(metadata) > 1 else f"{len(texts)} .txt files"
        raise DatasetError(f"{directory}: captions must come from one place but there are {metadata[0].name} and {second}")
    if metadata:
        captions = _from_metadata(metadata[0], column)
        _check_match(metadata[0], captions, file_names)
    else:
        captions = _from_text_files(directory, texts, file_names)
    for name, caption in captions.items():
        if not caption:
            raise DatasetError(f"{directory / name}: its caption must not be empty")
    return captions


def _caption_files(directory: Path) -> list[Path]:
    paths = sorted(directory.rglob("*.txt"))
    return [path for path in paths if path.stem.lower() not in NOT_CAPTIONS]


def _from_text_files(directory: Path, texts: Sequence[Path], file_names: Sequence[str]) -> dict[str, str]:
    by_stem: dict[str, str] = {}
    for name in file_names:
        stem = str(Path(name).with_suffix(""))
        if stem in by_stem:
            raise DatasetError(f"{directory}: {by_stem[stem]} and {name} would share the caption {stem}.txt")
        by_stem[stem] = name
    captions = {}
    for path in texts:
        stem = str(path.relative_to(directory).with_suffix(""))
        if stem not in by_stem:
            raise DatasetError(f"{path}: a caption without its image")
        captions[by_stem[stem]] = _fold(_read_text(path))
    for name in file_names:
        if name not in captions:
            caption_file = Path(name).with_suffix(".txt")
            raise DatasetError(f"{directory / name}: an image without its caption; expected {caption_file} or {METADATA_NAMES[0]}")
    return captions


def _from_metadata(path: Path, column: str) -> dict[str, str]:
    captions: dict[str, str] = {}
    for line, row in _metadata_rows(path):
        name = row.get("file_name")
        if not isinstance(name, str) or not name:
            raise DatasetError(f"{path}:{line}: must have a `file_name`")
        if name in captions:
            raise DatasetError(f"{path}:{line}: {name} stands twice")
        caption = row.get(column)
        if not isinstance(caption, str):
            columns = ", ".join(sorted(str(key) for key in row if key != "file_name")) or "none"
            raise DatasetError(f"{path}:{line}: must have a text in `{column}` (captions.column) but has: {columns}")
        captions[name] = _fold(caption)
    return captions


def _metadata_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    text = _read_text(path)
    if path.suffix == ".csv":
        reader = csv.DictReader(text.splitlines())
        for row in reader:
            yield reader.line_num, row
        return
    for line, record in enumerate(text.split("\n"), start=1):
        if not record.strip():
            continue
        try:
            row = json.loads(record)
        except json.JSONDecodeError as error:
            raise DatasetError(f"{path}:{line}: must be one JSON object a line: {error.msg}") from None
        if not isinstance(row, dict):
            raise DatasetError(f"{path}:{line}: must be a JSON object but is {type(row).__name__}")
        yield line, row


def _check_match(metadata: Path, captions: dict[str, str], file_names: Sequence[str]) -> None:
    images = set(file_names)
    if without_caption := sorted(images - captions.keys()):
        raise DatasetError(f"{metadata}: must name every image but has no line for {without_caption[0]}")
    if without_image := sorted(captions.keys() - images):
        raise DatasetError(f"{metadata}: names {without_image[0]}, which is no image in {metadata.parent}")


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise DatasetError(f"{path}: must be UTF-8 text") from None


def _fold(text: str) -> str:
    return " ".join(text.split())
