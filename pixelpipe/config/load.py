"""From a YAML file, or plain values, to a configuration; and what identifies one."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pixelpipe.config.dataset import CaptionsConfig
from pixelpipe.config.experiment import ExperimentConfig, as_name
from pixelpipe.config.yaml_file import apply_override, describe_problem, field_names, read_yaml
from pixelpipe.errors import ConfigError


def load_config(path: Path, overrides: tuple[str, ...] = ()) -> ExperimentConfig:
    """Read a YAML file and apply `key=value` overrides (dotted keys, YAML values).

    `name` defaults to the file's. Raises `ConfigError`, one line for all that is wrong.
    """
    values = read_yaml(path)
    values.setdefault("name", as_name(path.stem, "experiment"))
    for override in overrides:
        apply_override(values, override)
    return parse_config(values, where=str(path))


def parse_config(values: dict[str, Any], where: str) -> ExperimentConfig:
    """The configuration in plain values; `ConfigError` begins with `where`."""
    try:
        return ExperimentConfig.model_validate(values)
    except ValidationError as error:
        fields = field_names(ExperimentConfig)
        problems = [describe_problem(problem, fields) for problem in error.errors()]
        raise ConfigError(f"{where}: {'; '.join(problems)}") from None


@contextmanager
def describe_validation(where: str) -> Iterator[None]:
    """A part of a configuration that is refused, as one line that begins with `where`."""
    try:
        yield
    except ValidationError as error:
        fields = field_names(CaptionsConfig)
        problems = [describe_problem(problem, fields) for problem in error.errors()]
        raise ConfigError(f"{where}: {'; '.join(problems)}") from None


def content_id(*parts: Any) -> str:
    """SHA-256 (hex) of JSON values, independent of key order."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
