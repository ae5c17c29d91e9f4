"""The lease, with real processes: a living holder refuses, a dead one does not, and of two starters one wins."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pixelpipe.errors import ExperimentHeldError
from pixelpipe.lease import acquire
from pixelpipe.store import Store

EXPERIMENT = "portraits-1a2b3c4d"
HOLDER = """
import sys
from pixelpipe.errors import ExperimentHeldError
from pixelpipe.lease import acquire
from pixelpipe.store import Store
store = Store.open(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
try:
    print(acquire(store, sys.argv[2]).attempt, flush=True)
except ExperimentHeldError as error:
    print(error, flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


def start(store: Store) -> subprocess.Popen[str]:
    """A process that is about to acquire: `tell` it to."""
    command = [sys.executable, "-c", HOLDER, store.url, EXPERIMENT]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert read_line(process) == "ready"
    return process


def tell(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def attempt_file(store: Store, name: str) -> str:
    return f"experiments/{EXPERIMENT}/attempts/{name}"


def test_attempts_are_numbered_and_released(store: Store):
    for attempt in (1, 2, 3):
        with acquire(store, EXPERIMENT) as lease:
            assert lease.attempt == attempt
            assert store.exists(attempt_file(store, f"{attempt:04d}.json"))
            assert not store.exists(attempt_file(store, f"{attempt:04d}.ended.json"))
        assert store.exists(attempt_file(store, f"{attempt:04d}.ended.json"))


def test_the_record_says_who(store: Store):
    acquire(store, EXPERIMENT)
    record = json.loads(store.read(attempt_file(store, "0001.json")))
    assert record["pid"] == os.getpid()
    assert record["attempt"] == 1
    assert record["command"] == sys.orig_argv
    assert record["acquired_at"].endswith("+00:00")
    assert record["process_started_at"] <= record["acquired_at"]


def test_the_same_process_is_refused_too(store: Store):
    acquire(store, EXPERIMENT)
    with pytest.raises(ExperimentHeldError, match=f"{EXPERIMENT} is running: pid {os.getpid()} on"):
        acquire(store, EXPERIMENT)


def test_experiments_are_held_one_by_one(store: Store):
    acquire(store, EXPERIMENT)
    assert acquire(store, "another-1a2b3c4d").attempt == 1


def test_an_error_releases_and_is_named(store: Store):
    with pytest.raises(KeyboardInterrupt), acquire(store, EXPERIMENT):
        raise KeyboardInterrupt
    assert json.loads(store.read(attempt_file(store, "0001.ended.json")))["error"] == "KeyboardInterrupt"


def test_releasing_twice_is_fine_and_keeps_the_first(store: Store):
    lease = acquire(store, EXPERIMENT)
    lease.release()
    first = store.read(attempt_file(store, "0001.ended.json"))
    lease.release("Later")
    assert store.read(attempt_file(store, "0001.ended.json")) == first


def test_a_living_holder_refuses_and_a_killed_one_does_not(store: Store):
    with start(store) as holder:
        tell(holder)
        assert read_line(holder) == "1"
        with pytest.raises(ExperimentHeldError, match=f"pid {holder.pid} on .* since .*; stop it first") as caught:
            acquire(store, EXPERIMENT)
        assert "\n" not in str(caught.value)
        holder.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)  # dead, but still a zombie
        assert acquire(store, EXPERIMENT).attempt == 2
    assert not store.exists(attempt_file(store, "0001.ended.json"))


def test_of_racing_processes_one_wins(store: Store):
    racers = [start(store) for _ in range(4)]
    for racer in racers:
        tell(racer)
    answers = sorted(read_line(racer) for racer in racers)
    for racer in racers:
        racer.communicate("\n")
    assert answers[0] == "1"
    assert all("is running: pid" in answer for answer in answers[1:])


def rewrite(store: Store, **changes: object) -> None:
    key = attempt_file(store, "0001.json")
    store.replace(key, json.dumps({**json.loads(store.read(key)), **changes}).encode())


def test_a_reused_pid_is_another_process(store: Store):
    acquire(store, EXPERIMENT)
    rewrite(store, start_after_boot_s=1.0)
    assert acquire(store, EXPERIMENT).attempt == 2


@pytest.mark.parametrize("field", ["name", "boot", "pid_namespace"])
def test_another_host_holds_until_it_is_ended_by_hand(store: Store, field: str):
    acquire(store, EXPERIMENT)
    host = json.loads(store.read(attempt_file(store, "0001.json")))["host"]
    rewrite(store, host={**host, field: "elsewhere"}, pid=999_999_999)
    ended = attempt_file(store, "0001.ended.json")
    with pytest.raises(ExperimentHeldError, match="if that process is gone, create ") as caught:
        acquire(store, EXPERIMENT)
    assert str(caught.value).endswith(store.uri(ended))
    store.put(ended, b"")
    assert acquire(store, EXPERIMENT).attempt == 2


def test_other_files_beside_the_attempts_are_ignored(store: Store):
    store.put(attempt_file(store, "notes.txt"), b"")
    assert acquire(store, EXPERIMENT).attempt == 1


def test_an_object_store_leases_too():
    store = Store.open("memory://lease-test")
    with acquire(store, EXPERIMENT) as lease, pytest.raises(ExperimentHeldError):
        acquire(store, EXPERIMENT)
    assert lease.attempt == 1
    store.delete_tree("experiments")
