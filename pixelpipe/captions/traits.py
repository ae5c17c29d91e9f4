"""Captions from a table of traits: CSV, JSON Lines or JSON, through a template whose empty phrases fall away.

Without a template every trait is a phrase of its own, in the table's order: a color is followed by its column's name
("red hair", of `hair` or `hair_color`), anything else speaks for itself ("top hat").
"""

import json
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pixelpipe.captions.color_words import COLOR_WORDS
from pixelpipe.captions.sidecar import METADATA_NAMES, fold, match_names, metadata_rows, same_name
from pixelpipe.config import CaptionsConfig
from pixelpipe.data.sprites import Sprite
from pixelpipe.errors import ConfigError, DatasetError
from pixelpipe.text_file import read_text

ABSENT = frozenset({"", "none", "null", "nan", "n/a", "na", "no", "false", "-"})
NOT_TRAITS = frozenset({"file_name", "text", "caption", "detailed", "prompt"})

Traits = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TraitsStrategy:
    table: Path
    traits: Mapping[str, Traits]  # by the file name that the table gives
    template: str | None
    from_pixels: bool = False

    @classmethod
    def of(cls, config: CaptionsConfig, dataset: Path) -> "TraitsStrategy":
        """Reads the table; `ConfigError` for a template that names columns which the table lacks."""
        table = config.table or _metadata_of(dataset)
        traits = read_traits(table)
        if config.template is not None:
            _check_template(config.template, table, traits)
        return cls(table, traits, config.template)

    @property
    def identity(self) -> dict[str, Any]:
        """The captions that come of the table are hashed by themselves; renamed files change nothing."""
        return {"strategy": "traits", "template": self.template}

    def describe(self, sprites: Sequence[Sprite]) -> list[str]:
        matched = match_names(self.table, self.traits, [sprite.file_name for sprite in sprites])
        return [traits_caption(matched[sprite.file_name], self.template) for sprite in sprites]


def traits_caption(traits: Traits, template: str | None) -> str:
    """`{column}` in the template is its value; a comma part with a trait that is absent falls away."""
    if template is None:
        phrases = [_phrase(column, value) for column, value in traits.items()]
    else:
        phrases = [_filled(part, traits) for part in template.split(",")]
    return ", ".join(phrase for phrase in map(fold, phrases) if phrase)


def read_traits(path: Path) -> dict[str, Traits]:
    """File name -> column -> value, absent ones as "".

    `.csv` and `.jsonl` have one row a sprite with `file_name`; `.json` is a list of such rows, or an object from file
    name to row. A row may hold `attributes: [{"trait_type": ..., "value": ...}]`, as collections publish them.
    """
    traits: dict[str, Traits] = {}
    for where, row in _rows(path):
        name = row.get("file_name")
        if not isinstance(name, str) or not name.strip():
            raise DatasetError(f"{where}: must have a `file_name`")
        name = same_name(Path(name).as_posix())
        if name in traits:
            raise DatasetError(f"{where}: {name} stands twice")
        traits[name] = {key: _value(where, key, value) for key, value in _flat(where, row) if key not in NOT_TRAITS}
    if not any(traits.values()):
        raise DatasetError(f"{path}: must hold traits (columns besides file_name) but has none")
    return traits


def _rows(path: Path) -> list[tuple[str, Mapping[str, Any]]]:
    if path.suffix.lower() in (".csv", ".jsonl"):
        return [(f"{path}:{line}", row) for line, row in metadata_rows(path)]
    if path.suffix.lower() != ".json":
        raise DatasetError(f"{path}: a table of traits must be .csv, .jsonl or .json")
    try:
        values = json.loads(read_text(path, "a table of traits", DatasetError))
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{path}: must be JSON but is not: {getattr(error, 'msg', error)}") from None
    if isinstance(values, dict):
        values = [{"file_name": name} | row if isinstance(row, dict) else row for name, row in values.items()]
    if not isinstance(values, list) or not all(isinstance(row, dict) for row in values):
        raise DatasetError(f"{path}: must be a list of objects, or an object from file name to object")
    return [(f"{path}: row {number}", row) for number, row in enumerate(values, start=1)]


def _flat(where: str, row: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """(column, value) of a row, with published `attributes` as columns."""
    pairs = []
    for key, value in row.items():
        if key != "attributes":
            pairs.append((key, value))
            continue
        wanted = {"trait_type", "value"}
        if not isinstance(value, list) or not all(isinstance(a, dict) and wanted <= a.keys() for a in value):
            raise DatasetError(f"{where}: `attributes` must be a list of trait_type and value")
        pairs += [(str(attribute["trait_type"]), attribute["value"]) for attribute in value]
    return pairs


def _value(where: str, column: str, value: Any) -> str:
    if value is True:
        return column.replace("_", " ")
    if value is None or value is False:
        return ""
    if not isinstance(value, str | int | float):
        raise DatasetError(f"{where}: `{column}` must be text, a number or a truth value but is {type(value).__name__}")
    text = fold(str(value))
    return "" if text.lower() in ABSENT else text


def _phrase(column: str, value: str) -> str:
    if value.lower() in COLOR_WORDS:
        return f"{value} {column.replace('_', ' ').removesuffix(' color').removesuffix(' colour')}"
    return value


def _filled(part: str, traits: Traits) -> str:
    pieces = []
    for literal, field, _, _ in string.Formatter().parse(part):
        pieces.append(literal)
        if field is not None:
            if not traits.get(field):
                return ""
            pieces.append(traits[field])
    return "".join(pieces)


def _check_template(template: str, table: Path, traits: Mapping[str, Traits]) -> None:
    if unknown := sorted(_fields(template) - _columns(traits)):
        columns = ", ".join(sorted(_columns(traits)))
        raise ConfigError(f"`captions.template` names {', '.join(unknown)}, but the columns of {table} are {columns}")


def _fields(template: str) -> set[str]:
    try:
        return {field for _, field, _, _ in string.Formatter().parse(template) if field is not None}
    except ValueError as error:
        raise ConfigError(f"`captions.template` must be text with {{column}} in it but: {error}") from None


def _columns(traits: Mapping[str, Traits]) -> set[str]:
    return {column for row in traits.values() for column in row}


def _metadata_of(dataset: Path) -> Path:
    found = [dataset / name for name in METADATA_NAMES if (dataset / name).is_file()]
    if not found:
        raise ConfigError(
            f"`captions.table` must name a table of traits: {dataset} has no {' or '.join(METADATA_NAMES)}"
        )
    return found[0]
