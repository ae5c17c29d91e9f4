"""The parts of a caption: phrases between commas, and the trigger that begins it."""

import re

_SEPARATOR = re.compile(r"\s*[,;]\s*")
KEEP_SEPARATOR = "|||"  # sd-scripts: what stands before it is never shuffled


def phrases(caption: str) -> list[str]:
    """The parts between commas or semicolons, without empty ones."""
    return [phrase for phrase in _SEPARATOR.split(caption.strip()) if phrase]


def put_first(caption: str, trigger: str | None) -> str:
    """The caption with the trigger's phrases first and nowhere else, whatever their case."""
    if trigger is None:
        return caption
    wanted = {phrase.casefold() for phrase in phrases(trigger)}
    return ", ".join([*phrases(trigger), *(p for p in phrases(caption) if p.casefold() not in wanted)])
