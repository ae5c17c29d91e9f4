"""How a pydantic model reads as a form: titles in words, and the range of every number in its description."""

from typing import Any

_WORDS = {
    "vlm": "VLM", "lr": "learning rate", "ema": "EMA", "snr": "SNR",
    "sd": "deviation", "usd": "dollars", "gpu": "GPU", "num": "number of",
}  # fmt: skip
_LIMITS = {
    "minimum": "at least {:g}",
    "exclusiveMinimum": "above {:g}",
    "maximum": "at most {:g}",
    "exclusiveMaximum": "below {:g}",
}
_ENDLESS = 1e12  # a limit that nobody reaches is no help


def title(name: str, _info: object) -> str:
    """`lr_warmup_steps` -> "Learning rate warmup steps"; for `ConfigDict(field_title_generator=...)`."""
    words = " ".join(_WORDS.get(word, word) for word in name.split("_"))
    return words[0].upper() + words[1:]


def describe_ranges(schema: dict[str, Any]) -> None:
    """Append its range to the description of every number; for `ConfigDict(json_schema_extra=...)`."""
    for field in schema.get("properties", {}).values():
        limits = {key: part[key] for part in (field, *field.get("anyOf", [])) for key in _LIMITS if key in part}
        said = ", ".join(_LIMITS[key].format(limits[key]) for key in _LIMITS if limits.get(key, _ENDLESS) < _ENDLESS)
        if said and "description" in field:
            field["description"] += f" ({said[0].upper()}{said[1:]}.)"
