"""A conversion as text: the YAML, and every line of the original that is not simply a field with the same value."""

from collections.abc import Iterator
from pathlib import Path

import yaml

from pixelpipe.kohya.conversion import Conversion

HEADINGS = {
    "unknown": "not known",
    "missing": "no counterpart",
    "changed": "changed",
    "anyway": "needs no setting",
}


def yaml_text(conversion: Conversion, source: Path) -> str:
    """The configuration, sections in the usual order."""
    order = ("name", "line", "seed", "dataset", "captions", "model", "training")
    values = {key: conversion.values[key] for key in order if key in conversion.values}
    assert values.keys() == conversion.values.keys()
    body = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, default_flow_style=False)
    return f"# made of {source.name} by pixelpipe import-kohya\n{body}"


def note_lines(conversion: Conversion) -> Iterator[str]:
    """`file:line: no counterpart: key = value: why`, the gravest kind first, each in the order of the file."""
    for kind, heading in HEADINGS.items():
        for note in conversion.notes:
            if note.kind == kind:
                yield f"{note.place}: {heading}: {note.text}"
