"""A lease: one process at a time runs an experiment, and its attempts are numbered.

Attempt n is the file `experiments/<id>/attempts/000n.json`, put only if absent, so of two starters one gets
it. It ends with `000n.ended.json`, or by its holder's death: a process is the same one when host, boot,
process namespace, pid and start time agree, so a reused pid does not count. Of another host nobody can tell,
so there the attempt is held.
"""

import json
import platform
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from pixelpipe.errors import AlreadyExistsError, ExperimentHeldError
from pixelpipe.keys import experiment_key
from pixelpipe.store import Store

START_TOLERANCE_S = 0.5
_ATTEMPT = re.compile(r"(\d{4,})\.json")


class Lease:
    """Held by this process; a context manager that releases at its end, however it ends."""

    def __init__(self, store: Store, experiment_id: str, attempt: int) -> None:
        self.experiment_id = experiment_id
        self.attempt = attempt
        self._store = store

    def release(self, error: str | None = None) -> None:
        """End the attempt; ending it twice, or after somebody ended it by hand, is fine."""
        ended = {"attempt": self.attempt, "ended_at": datetime.now(UTC).isoformat(), "error": error}
        key = _attempt_key(self.experiment_id, self.attempt, ended=True)
        if not self._store.exists(key):
            self._store.replace(key, _json(ended))

    def __enter__(self) -> "Lease":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release(None if kind is None else kind.__name__)


def acquire(store: Store, experiment_id: str) -> Lease:
    """The next attempt of an experiment, numbered from 1.

    Raises `ExperimentHeldError` (one line: who, where, since when) while the newest attempt's holder lives.
    """
    while True:
        attempt = check_free(store, experiment_id)
        try:
            store.put(_attempt_key(experiment_id, attempt + 1), _json(_holder(attempt + 1)))
        except AlreadyExistsError:
            continue  # another process was first: see whether it holds
        return Lease(store, experiment_id, attempt + 1)


def check_free(store: Store, experiment_id: str) -> int:
    """The number of the newest attempt, 0 for none; `ExperimentHeldError` while its holder lives."""
    attempt = _newest_attempt(store, experiment_id)
    if attempt and not store.exists(_attempt_key(experiment_id, attempt, ended=True)):
        _refuse_if_held(store, experiment_id, attempt)
    return attempt


def _newest_attempt(store: Store, experiment_id: str) -> int:
    names = [Path(key).name for key in store.list(experiment_key(experiment_id, "attempts"))]
    return max((int(match[1]) for match in map(_ATTEMPT.fullmatch, names) if match), default=0)


def _refuse_if_held(store: Store, experiment_id: str, attempt: int) -> None:
    holder = json.loads(store.read(_attempt_key(experiment_id, attempt)))
    here = holder["host"] == _host()
    if here and not _lives(holder):
        return
    who = f"pid {holder['pid']} on {holder['host']['name']} since {holder['acquired_at']}"
    ended = store.uri(_attempt_key(experiment_id, attempt, ended=True))
    hint = "stop it first" if here else f"if that process is gone, create {ended}"
    raise ExperimentHeldError(f"experiment {experiment_id} is running: {who}; {hint}")


def _lives(holder: dict[str, Any]) -> bool:
    try:
        process = psutil.Process(holder["pid"])
        return (
            process.status() != psutil.STATUS_ZOMBIE
            and abs(_start_after_boot_s(process) - holder["start_after_boot_s"]) < START_TOLERANCE_S
        )
    except psutil.NoSuchProcess:
        return False


def _holder(attempt: int) -> dict[str, Any]:
    process = psutil.Process()
    start_s = process.create_time()
    return {
        "attempt": attempt,
        "host": _host(),
        "pid": process.pid,
        "process_started_at": datetime.fromtimestamp(start_s, UTC).isoformat(timespec="seconds"),
        "start_after_boot_s": _start_after_boot_s(process),
        "acquired_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": sys.orig_argv,
    }


def _start_after_boot_s(process: psutil.Process) -> float:
    """Start of a process since the machine's boot: setting the clock moves the time of day, but not this."""
    return process.create_time() - psutil.boot_time()


def _host() -> dict[str, str]:
    """Where a pid means something: host, its present boot, and the container's process namespace."""
    return {"name": platform.node(), "boot": _boot_id(), "pid_namespace": _pid_namespace()}


def _boot_id() -> str:
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else ""


def _pid_namespace() -> str:
    path = Path("/proc/self/ns/pid")
    return str(path.readlink()) if path.is_symlink() else ""


def _attempt_key(experiment_id: str, attempt: int, ended: bool = False) -> str:
    return experiment_key(experiment_id, "attempts", f"{attempt:04d}{'.ended' if ended else ''}.json")


def _json(record: dict[str, Any]) -> bytes:
    return json.dumps(record, indent=1).encode()
