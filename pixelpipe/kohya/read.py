"""sd-scripts' TOML files as settings, each with the place that it was found at.

A training config (`--config_file`) is flat, whatever sections it has; a dataset config (`--dataset_config`) has
`general`, `datasets` and `datasets.subsets`, and the innermost wins. Either may be given, and the first may name the
second. Sources: `read_config_from_file` in library/train_util.py, docs/config_README-en.md.
"""

import math
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pixelpipe.errors import ConfigError, one_line
from pixelpipe.text_file import read_text

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of a file."""

    key: str
    value: Any
    file: Path
    line: int | None  # None: not found in the text, such as a quoted key

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}" if self.line else str(self.file)

    def whole(self) -> int:
        """A whole number from 0, written as one or as text; `ConfigError` otherwise."""
        number = self.number()
        if number != int(number) or number < 0:
            raise ConfigError(f"{self.place}: {self.key} must be a whole number but is {short(self.value)}")
        return int(number)

    def number(self, value: Any = None) -> float:
        """A finite number; `value`: a part of the setting's own. `ConfigError` otherwise."""
        try:
            number = float(str(self.value if value is None else value).strip())
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise ConfigError(f"{self.place}: {self.key} must be of numbers but is {short(self.value)}")
        return number

    def path(self) -> Path:
        """Windows' separators are read as well: configurations travel with their owners."""
        try:
            return Path(str(self.value).replace("\\", "/")).expanduser()
        except RuntimeError:
            raise ConfigError(f"{self.place}: {self.key} must begin with the home of a user that exists") from None


@dataclass(frozen=True, slots=True)
class Subset:
    """One folder of images, with the settings that hold for it: its own, its dataset's, the general ones."""

    settings: dict[str, Setting]

    def value(self, key: str) -> Any:
        """None where nothing sets it."""
        return self.settings[key].value if key in self.settings else None


@dataclass(frozen=True, slots=True)
class KohyaConfig:
    """Both files: `training` is flat; `subsets` are empty where the images are under `train_data_dir`."""

    training: dict[str, Setting]
    subsets: tuple[Subset, ...]


def read_kohya(path: Path) -> KohyaConfig:
    """Read a training or a dataset config, and the dataset config that the first names.

    Raises `ConfigError`, one line, if a file is missing or no TOML.
    """
    values, text = _read(path)
    training = {setting.key: setting for setting in _flat(values, path, text)}
    subsets = _subsets(values, path, text)
    named = training.pop("dataset_config", None)
    if named is not None:
        other = named.path()
        other = other if other.is_absolute() or other.is_file() else path.parent / other
        values, text = _read(other)
        subsets += _subsets(values, other, text)
    return KohyaConfig(training, tuple(subsets))


def _read(path: Path) -> tuple[Values, str]:
    text = read_text(path, "a TOML file of sd-scripts")
    try:
        return tomllib.loads(text), text
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: must be TOML but is not: {one_line(error)}") from None


def _flat(values: Values, path: Path, text: str) -> Iterator[Setting]:
    """sd-scripts ignores the sections of a training config, but for those of a dataset config."""
    for key, value in values.items():
        if key in ("datasets", "general"):
            continue
        if isinstance(value, dict):
            yield from (_setting(name, inner, path, text) for name, inner in value.items())
        else:
            yield _setting(key, value, path, text)


def _subsets(values: Values, path: Path, text: str) -> list[Subset]:
    general = _settings(values.get("general", {}), path, text)
    subsets = []
    for dataset in _tables(values.get("datasets", []), path, "datasets"):
        own = general | _settings({key: value for key, value in dataset.items() if key != "subsets"}, path, text)
        for subset in _tables(dataset.get("subsets", []), path, "datasets.subsets"):
            subsets.append(Subset(own | _settings(subset, path, text)))
    return subsets


def _settings(values: Values, path: Path, text: str) -> dict[str, Setting]:
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: general must be a section but is not")
    return {key: _setting(key, value, path, text) for key, value in values.items()}


def _tables(value: Any, path: Path, name: str) -> list[Values]:
    if not isinstance(value, list) or not all(isinstance(table, dict) for table in value):
        raise ConfigError(f"{path}: {name} must be tables ([[{name}]]) but is not")
    return value


def _setting(key: str, value: Any, path: Path, text: str) -> Setting:
    """The line is that of the first such key with such a value, which is all that a reader needs."""
    lines = [number for number, line in enumerate(text.splitlines(), 1) if re.match(rf"\s*{re.escape(key)}\s*=", line)]
    exact = [number for number in lines if _same(text.splitlines()[number - 1], value)]
    return Setting(key, value, path, next(iter(exact or lines), None))


def _same(line: str, value: Any) -> bool:
    try:
        return value in tomllib.loads(line).values()
    except tomllib.TOMLDecodeError:  # the first line of a value that takes several
        return False


def short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
