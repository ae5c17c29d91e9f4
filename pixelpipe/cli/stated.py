"""What a person states of an experiment that was trained elsewhere: a YAML file, `--set`, and who says so."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pixelpipe.elsewhere import ElsewhereConfig, Origin


def stated_config(
    origin: Origin, path: Path | None, overrides: tuple[str, ...], given: dict[str, Any]
) -> ElsewhereConfig:
    """The file, then `given` options (None: not given), then `--set`; `ConfigError` in one line for what is wrong."""
    from pixelpipe.config.yaml_file import apply_override, read_yaml
    from pixelpipe.elsewhere import parse_elsewhere
    from pixelpipe.errors import ConfigError

    values = {} if path is None else read_yaml(path)
    where = str(path) if path is not None else "options"
    if values.pop("origin", origin) != origin:  # as in the config.yaml of an import's own folder
        raise ConfigError(f"{where}: `origin` must be {origin} or not be there")
    values |= {name: value for name, value in given.items() if value is not None}
    for override in overrides:
        apply_override(values, override)
    if "name" not in values and path is not None:
        values["name"] = path.stem
    return parse_elsewhere({**_judged_by_what_is_known(values), "origin": origin}, where)


def stated_values(path: Path | None, overrides: tuple[str, ...]) -> dict[str, Any]:
    """The file's plain values, then `--set`: what is known of a checkpoint, by section."""
    from pixelpipe.config.yaml_file import apply_override, read_yaml

    values = {} if path is None else read_yaml(path)
    for name in ("origin", "line"):  # as in the config.yaml of an evaluation's own folder
        values.pop(name, None)
    for override in overrides:
        apply_override(values, override)
    return values


def _judged_by_what_is_known(values: dict[str, Any]) -> dict[str, Any]:
    """Figures that are all of one metric are judged by it, unless another one is asked for."""
    figures, judge = values.get("figures"), values.get("judge") or {}
    if not isinstance(figures, list) or not isinstance(judge, dict) or "metric" in judge:
        return values
    known = [set(entry) & {"unique_colors", "effective_colors"} for entry in figures if isinstance(entry, dict)]
    if known and all(names == {"unique_colors"} for names in known):
        return values | {"judge": judge | {"metric": "unique_colors"}}
    return values


def person() -> str:
    """Who sits here, as the machine knows them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        return f"uid {os.getuid()}"
