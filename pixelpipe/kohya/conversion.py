"""What an import makes: plain values of a configuration, and what became of every setting."""

from dataclasses import dataclass, field
from typing import Any, Literal

from pixelpipe.kohya.read import Setting, short

Kind = Literal["changed", "missing", "unknown", "anyway"]


@dataclass(frozen=True, slots=True)
class Note:
    """What became of a setting that is not simply a field with the same value."""

    kind: Kind
    place: str
    text: str


@dataclass(slots=True)
class Conversion:
    """`values`: plain values of a configuration, by section."""

    values: dict[str, Any] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)

    def put(self, path: str, value: Any) -> None:
        section, _, name = path.rpartition(".")
        (self.values.setdefault(section, {}) if section else self.values)[name] = value

    def note(self, kind: Kind, setting: Setting | str, text: str) -> None:
        if isinstance(setting, str):
            self.notes.append(Note(kind, setting, text))
        else:
            self.notes.append(Note(kind, setting.place, f"{setting.key} = {short(setting.value)}: {text}"))
