"""A YAML file as plain values, overrides on top of it, and what is wrong with a value in one line."""

import reprlib
from collections.abc import Collection
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from pixelpipe.errors import ConfigError
from pixelpipe.text_file import read_text

NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}"
REVIEW_PATTERN = r"^[0-9a-f]{8}$"
COLOR_PATTERN = r"^#[0-9a-fA-F]{6}$"

_PATTERNS = {
    f"^{NAME_PATTERN}$": "letters, digits, '.', '_' or '-', at most 80, and begin with a letter or digit",
    COLOR_PATTERN: "a color as '#rrggbb'",
    REVIEW_PATTERN: "the eight hex digits of a review",
}
_TYPES = {  # pydantic's error type -> what the value must be
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of sane size",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "string_type": "text (in quotes, if it reads as something else)",
    "path_type": "a path",
    "model_type": "a section with fields of its own",
    "invalid_key": "named by text",
}


class _UniqueKeys(yaml.SafeLoader):
    """Refuses a key that stands twice: YAML's own reader silently drops the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} stands twice", key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; `ConfigError` with one line if there is none."""
    try:
        values = _parse(read_text(path, "a YAML configuration"))
    except ValueError as error:
        raise ConfigError(f"{path}: must be YAML but is not: {error}") from None
    if not isinstance(values, dict):
        what = "is empty" if values is None else f"is a {type(values).__name__}"
        raise ConfigError(f"{path}: must be a mapping of fields but {what}")
    return values


def apply_override(values: dict[str, Any], override: str) -> None:
    """Set the field that `key=value` names, e.g. `training.epochs=4`; sections that lack are made."""
    key, equals, text = override.partition("=")
    if not equals or not all(part.strip() for part in key.split(".")):
        raise ConfigError(f"--set {override}: must be key=value, e.g. training.epochs=4")
    try:
        value = text if text.startswith("#") else _parse(text)  # a color, where YAML would see a comment
    except ValueError:
        raise ConfigError(f"--set {override}: the value must be YAML but is not") from None
    *sections, field = key.strip().split(".")
    for section in sections:
        if values.get(section) is None:
            values[section] = {}
        values = values[section]
        if not isinstance(values, dict):
            raise ConfigError(f"--set {override}: `{section}` must be a section but is a field")
    values[field] = value


def field_names(model: type[BaseModel]) -> list[str]:
    """Every section and field of a configuration, e.g. `training`, `training.epochs`."""
    names = []
    for name, field in model.model_fields.items():
        names.append(name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            names += [f"{name}.{inner}" for inner in field_names(field.annotation)]
    return names


def describe_problem(problem: Any, fields: Collection[str] = ()) -> str:
    """One of pydantic's errors as "`field` must be `contract` but got `value`"; `fields`: what there is instead."""
    field = ".".join(str(part) for part in problem["loc"] if part != "[key]")
    message = " ".join(problem["msg"].removeprefix("Value error, ").split())
    if not field:
        return message
    if problem["type"] == "extra_forbidden":
        return f"`{field}` is not a field of the configuration{_did_you_mean(field, fields)}"
    if problem["type"] == "missing":
        return f"`{field}` is missing"
    return f"`{field}` must {_contract(problem, message)} but got {_as_yaml(problem['input'])}"


def _did_you_mean(field: str, fields: Collection[str]) -> str:
    """The same name in another section, or a name that is spelled much the same."""
    name = field.rpartition(".")[2]
    meant = [known for known in fields if known.rpartition(".")[2] == name]
    meant = meant or get_close_matches(field, fields, n=1, cutoff=0.75)
    return f" (did you mean {' or '.join(f'`{known}`' for known in meant)}?)" if meant else ""


def _as_yaml(value: Any) -> str:
    """Python's spelling but for what YAML spells otherwise."""
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    return reprlib.repr(value)


def _contract(problem: Any, message: str) -> str:
    kind = problem["type"]
    if kind == "string_pattern_mismatch":
        return f"be {_PATTERNS[problem['ctx']['pattern']]}"
    if kind == "string_too_short":
        return "not be empty"
    if kind in _TYPES:
        return f"be {_TYPES[kind]}"
    if kind == "value_error":
        return message.removeprefix("must ")
    return f"be {message.removeprefix('Input should be ')}"


def _parse(text: str) -> Any:
    """YAML's value; `ValueError` with one line for whatever its reader makes of a bad text."""
    try:
        return yaml.load(text, _UniqueKeys)
    except yaml.YAMLError as error:
        raise ValueError(_describe_yaml(error)) from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _describe_yaml(error: yaml.YAMLError) -> str:
    """What is wrong and where, without the reader's picture of it."""
    problem = " ".join(str(getattr(error, "problem", None) or error).split())
    if "'\\t'" in problem:
        problem = "a tab, where YAML wants spaces"
    elif problem.startswith("but found another document"):
        problem = "a second document (---), where one is wanted"
    mark = getattr(error, "problem_mark", None)
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else problem
