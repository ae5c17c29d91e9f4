"""A line: one art style at one grid. It owns the prompts, the pinned profile of its art, and the champion's history."""

import json
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, TypeAdapter

from pixelpipe.analysis.profile import Profile
from pixelpipe.errors import AlreadyExistsError, ConfigError
from pixelpipe.keys import LINES, line_key
from pixelpipe.sampling.evaluation import Prompt
from pixelpipe.store import Store

_PROMPTS = TypeAdapter(tuple[Prompt, ...])


class Champion(BaseModel):
    """One entry of a line's champion history; the newest is the champion."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sequence: int  # from 1
    experiment_id: str
    epoch: int
    reason: str
    set_by: str  # "rule", or the person who said so
    set_at: str  # ISO 8601, UTC

    @property
    def reference(self) -> str:
        return f"{self.experiment_id}@{self.epoch}"


def champion_history(store: Store, line: str) -> list[Champion]:
    """Oldest first; empty for a line without a champion."""
    keys = [key for key in store.list(line_key(line, "champions")) if key.endswith(".json")]
    return [Champion.model_validate_json(store.read(key)) for key in keys]


def champion(store: Store, line: str) -> Champion | None:
    history = champion_history(store, line)
    return history[-1] if history else None


def move_champion(
    store: Store, line: str, *, after: int, experiment_id: str, epoch: int, reason: str, set_by: str
) -> Champion | None:
    """Append to the history, only if `after` (a sequence number, 0 for none) is still its end.

    One atomic step: of two racing promotions one gets the champion and the other gets None.
    """
    entry = Champion(
        sequence=after + 1,
        experiment_id=experiment_id,
        epoch=epoch,
        reason=reason,
        set_by=set_by,
        set_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    key = line_key(line, "champions", f"{entry.sequence:06d}.json")
    try:
        store.put(key, entry.model_dump_json(indent=2).encode())
    except AlreadyExistsError:
        return None
    return entry


def stored_prompts(store: Store, line: str) -> tuple[Prompt, ...] | None:
    key = line_key(line, "prompts.json")
    return _PROMPTS.validate_json(store.read(key)) if store.exists(key) else None


def pin_prompts(store: Store, line: str, prompts: tuple[Prompt, ...]) -> tuple[Prompt, ...]:
    """Give a line its prompts, once; returns those that it has."""
    data = json.dumps([prompt.model_dump() for prompt in prompts], indent=1, ensure_ascii=False)
    _put_once(store, line_key(line, "prompts.json"), data.encode())
    pinned = stored_prompts(store, line)
    assert pinned is not None
    return pinned


def pinned_profile(store: Store, line: str, grid: int) -> Profile | None:
    """The profile of the line's first training art: the same thresholds for every experiment of the line.

    Raises `ConfigError` when the line is of another grid.
    """
    key = line_key(line, "profile.json")
    if not store.exists(key):
        return None
    profile = Profile.model_validate_json(store.read(key))
    if profile.grid != grid:
        raise ConfigError(f"`dataset.grid` must be {profile.grid}, that of line {line}, but got {grid}")
    return profile


def pin_profile(store: Store, line: str, profile: Profile) -> Profile:
    """Give a line its profile, once; returns the one that it has."""
    _put_once(store, line_key(line, "profile.json"), profile.model_dump_json(indent=1).encode())
    pinned = pinned_profile(store, line, profile.grid)
    assert pinned is not None
    return pinned


def _put_once(store: Store, key: str, data: bytes) -> None:
    if not store.exists(key):
        try:
            store.put(key, data)
        except AlreadyExistsError:
            return  # another experiment of the line was first, and its choice holds


def line_names(store: Store) -> list[str]:
    """Lines that the store knows, sorted; a file beside their folders is none."""
    parts = (key.split("/") for key in store.list(LINES))
    return sorted({line for _, line, *rest in parts if rest})
