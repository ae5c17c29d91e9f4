"""Who runs an experiment: an attempt's file names its process, and a heartbeat beside it says that it still runs.

`experiments/<id>/attempts/0001.json` is put once. `0001.heartbeat.json` is replaced again and again, `0001.ended.json`
ends the attempt, and `0001/claim-0001.json` and on are what it committed (`fence.py`).
"""

import json
import platform
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from pixelpipe.keys import experiment_key
from pixelpipe.store import Store

HEARTBEAT_S = 10.0
EXPIRES_AFTER_S = 60.0  # without a heartbeat; less than what Prefect waits before it calls a run crashed
START_TOLERANCE_S = 0.5
_ATTEMPT = re.compile(r"(\d{4,})\.json")

Record = dict[str, Any]


def attempt_key(experiment_id: str, attempt: int, kind: str = "") -> str:
    """`kind`: "", ".heartbeat" or ".ended"."""
    return experiment_key(experiment_id, "attempts", f"{attempt:04d}{kind}.json")


def newest_attempt(store: Store, experiment_id: str) -> int:
    """0 for none."""
    names = [Path(key).name for key in store.list(experiment_key(experiment_id, "attempts"))]
    return max((int(match[1]) for match in map(_ATTEMPT.fullmatch, names) if match), default=0)


def holder_record(experiment_id: str, attempt: int, heartbeat_s: float, expires_after_s: float) -> Record:
    """This process, as the holder of an attempt."""
    process = psutil.Process()
    return {
        "experiment_id": experiment_id,
        "attempt": attempt,
        "host": this_host(),
        "pid": process.pid,
        "process_started_at": datetime.fromtimestamp(process.create_time(), UTC).isoformat(timespec="seconds"),
        "start_after_boot_s": _start_after_boot_s(process),
        "acquired_at": now(),
        "heartbeat_s": heartbeat_s,
        "expires_after_s": expires_after_s,
        "command": sys.orig_argv,
    }


def read_record(store: Store, experiment_id: str, attempt: int) -> Record:
    return json.loads(store.read(attempt_key(experiment_id, attempt)))


def last_heartbeat(store: Store, record: Record) -> str:
    """When it was, by the holder's clock; at first, when it acquired the lease."""
    key = attempt_key(record["experiment_id"], record["attempt"], ".heartbeat")
    return json.loads(store.read(key))["at"] if store.exists(key) else record["acquired_at"]


def age_s(moment: str) -> float:
    """Seconds since an ISO 8601 time, by this machine's clock."""
    return (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()


def now() -> str:
    return datetime.now(UTC).isoformat()


def is_here(record: Record) -> bool:
    return record["host"] == this_host()


def lives(record: Record) -> bool:
    """Of a record of this host. A reused pid is another process: it started at another time."""
    try:
        process = psutil.Process(record["pid"])
        return (
            process.status() != psutil.STATUS_ZOMBIE
            and abs(_start_after_boot_s(process) - record["start_after_boot_s"]) < START_TOLERANCE_S
        )
    except psutil.NoSuchProcess:
        return False


def this_host() -> dict[str, str]:
    """Where a pid means something: host, its present boot, and the container's process namespace."""
    return {"name": platform.node(), "boot": _boot_id(), "pid_namespace": _pid_namespace()}


def as_json(record: Record) -> bytes:
    return json.dumps(record, indent=1).encode()


def _start_after_boot_s(process: psutil.Process) -> float:
    """Start of a process since the machine's boot: setting the clock moves the time of day, but not this."""
    return process.create_time() - psutil.boot_time()


def _boot_id() -> str:
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else ""


def _pid_namespace() -> str:
    path = Path("/proc/self/ns/pid")
    return str(path.readlink()) if path.is_symlink() else ""
