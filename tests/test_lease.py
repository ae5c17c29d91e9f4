"""The lease, with real processes: a living holder refuses, a dead one does not, and of two starters one wins."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pixelpipe.errors import ExperimentHeldError, LeaseLostError
from pixelpipe.lease import acquire, check_free, deaths_in_a_row
from pixelpipe.store import Store

EXPERIMENT = "portraits-1a2b3c4d"
# Acquires, then runs the commands that it is told; `stop N`: SIGSTOP itself right before its N-th write.
HOLDER = """
import os, signal, sys
from pixelpipe.errors import PixelpipeError
from pixelpipe.lease import acquire
from pixelpipe.local_files import LocalFiles
from pixelpipe.store import Store

def stop_before(number):
    create, left = LocalFiles.create, number
    def stopping(self, key, data):
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGSTOP)
        create(self, key, data)
    LocalFiles.create = stopping

def answer(what):
    try:
        print(what() or "done", flush=True)
    except PixelpipeError as error:
        print(f"{type(error).__name__}: {error}", flush=True)

store = Store.open(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
def enter():
    global lease
    lease = acquire(store, sys.argv[2], heartbeat_s=0.1, expires_after_s=1.0).__enter__()
    return lease.attempt
answer(enter)
for line in sys.stdin:
    verb, _, key = line.rstrip().partition(" ")
    data = f"attempt {lease.attempt}".encode()
    answer({
        "commit": lambda: lease.store.commit(key, data),
        "put": lambda: lease.store.put(key, data),
        "delete": lambda: lease.store.delete(key),
        "replace": lambda: lease.store.replace(key, data),
        "step": lambda: lease.check_known(),
        "stop": lambda: stop_before(int(key)),
    }[verb])
"""
PACE = {"heartbeat_s": 0.1, "expires_after_s": 1.0}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


def start(store: Store) -> subprocess.Popen[str]:
    """A process that is about to acquire: `tell` it to."""
    command = [sys.executable, "-c", HOLDER, store.url, EXPERIMENT]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert read_line(process) == "ready"
    return process


def tell(process: subprocess.Popen[str], command: str = "") -> None:
    assert process.stdin is not None
    process.stdin.write(f"{command}\n")
    process.stdin.flush()


def ask(process: subprocess.Popen[str], command: str) -> str:
    tell(process, command)
    return read_line(process)


def wait_stopped(process: subprocess.Popen[str]) -> None:
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)


@contextmanager
def holding(store: Store) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lease as attempt 1."""
    with start(store) as process:
        tell(process)
        assert read_line(process) == "1"
        try:
            yield process
        finally:
            process.kill()


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
        racer.communicate("")
    assert answers[0] == "1"
    assert all("is running: pid" in answer for answer in answers[1:])


def rewrite(store: Store, attempt: str = "0001", **changes: object) -> None:
    key = attempt_file(store, f"{attempt}.json")
    store.replace(key, json.dumps({**json.loads(store.read(key)), **changes}).encode())


def test_a_reused_pid_is_another_process(store: Store):
    acquire(store, EXPERIMENT)
    rewrite(store, start_after_boot_s=1.0)
    assert acquire(store, EXPERIMENT).attempt == 2


def move_to_another_host(store: Store, field: str = "name", **changes: object) -> None:
    host = json.loads(store.read(attempt_file(store, "0001.json")))["host"]
    rewrite(store, "0001", host={**host, field: "elsewhere"}, **changes)


@pytest.mark.parametrize("field", ["name", "boot", "pid_namespace"])
def test_another_host_holds_as_long_as_it_gives_heartbeats(store: Store, field: str):
    """Whatever its clock says: this one is an hour late."""
    with holding(store) as holder:
        move_to_another_host(store, field, pid=999_999_999, acquired_at="2026-01-01T00:00:00+00:00")
        with pytest.raises(ExperimentHeldError, match="its last heartbeat was 0 s ago, and after 1 s without one"):
            acquire(store, EXPERIMENT)
        holder.kill()
        holder.wait()
        started = time.monotonic()
        assert acquire(store, EXPERIMENT).attempt == 2
        assert time.monotonic() - started < 5


def test_another_host_is_not_waited_for_where_that_is_not_asked(store: Store):
    acquire(store, EXPERIMENT)
    move_to_another_host(store)
    with pytest.raises(ExperimentHeldError, match="after 60 s without one it counts as gone"):
        check_free(store, EXPERIMENT)
    rewrite(store, acquired_at="2026-01-01T00:00:00+00:00")
    check_free(store, EXPERIMENT)


def test_an_attempt_of_another_host_can_be_ended_by_hand(store: Store):
    acquire(store, EXPERIMENT)
    move_to_another_host(store)
    store.put(attempt_file(store, "0001.ended.json"), b"")
    assert acquire(store, EXPERIMENT).attempt == 2


def test_who_stood_still_is_told_at_whatever_it_does_next(store: Store):
    with holding(store) as holder:
        assert ask(holder, "commit results/v1/epochs/x-1/epoch-01-1.parquet") == "done"
        assert ask(holder, "step") == "done"
        holder.send_signal(signal.SIGSTOP)
        wait_stopped(holder)
        while True:
            try:
                lease = acquire(store, EXPERIMENT, **PACE)
                break
            except ExperimentHeldError:  # its last heartbeat is too fresh
                time.sleep(0.1)
        assert lease.attempt == 2
        lease.store.commit("results/v1/epochs/x-1/epoch-02-2.parquet", b"attempt 2")
        before = store.list()
        holder.send_signal(signal.SIGCONT)
        for command in ("commit a", "put b", "delete results/v1/epochs/x-1/epoch-02-2.parquet", "replace d", "step"):
            refused = ask(holder, command)
            assert re.fullmatch(
                rf"LeaseLostError: experiment {EXPERIMENT}: attempt 1 stood still too long; since 20\S+ UTC attempt 2 "
                rf"goes on, pid {os.getpid()} on \S+",
                refused,
            )
        assert store.list() == before


@pytest.mark.parametrize(
    ("write", "committed", "answer"),
    [
        (1, [], "LeaseLostError"),  # the claim: it comes too late
        (2, ["epoch-01-1.parquet"], "done"),  # the row, after the claim: it is finished by whoever takes over
    ],
)
def test_stopped_between_looking_and_writing(store: Store, write: int, committed: list[str], answer: str):
    """Exactly one attempt commits an epoch, however late a write comes."""
    folder = "results/v1/epochs/x-1"
    with holding(store) as holder:
        assert ask(holder, f"stop {write}") == "done"
        tell(holder, f"commit {folder}/epoch-01-1.parquet")
        wait_stopped(holder)
        time.sleep(1.2)
        lease = acquire(store, EXPERIMENT, **PACE)
        assert [Path(key).name for key in store.list(folder)] == committed
        lease.store.commit(f"{folder}/epoch-02-2.parquet", b"attempt 2")
        before = store.list()
        holder.send_signal(signal.SIGCONT)
        assert read_line(holder).partition(":")[0] == answer
        assert ask(holder, f"commit {folder}/epoch-02-1.parquet").startswith("LeaseLostError")
        assert store.list() == before
    assert all(store.read(key) == b"attempt 1" for key in store.list(folder) if key.endswith("-1.parquet"))


def test_every_earlier_attempt_is_sealed(store: Store):
    """Attempt 2 died between taking over and sealing attempt 1, whose process still lives."""
    with holding(store) as holder:
        assert ask(holder, "stop 1") == "done"
        tell(holder, "commit a")
        wait_stopped(holder)
        second = json.loads(store.read(attempt_file(store, "0001.json"))) | {"attempt": 2, "pid": 999_999_999}
        store.put(attempt_file(store, "0002.json"), json.dumps(second).encode())
        assert acquire(store, EXPERIMENT).attempt == 3
        holder.send_signal(signal.SIGCONT)
        assert read_line(holder).startswith("LeaseLostError")
    assert not store.exists("a")


def test_a_document_is_replaced_by_nobody_who_lost_the_lease(store: Store):
    """Without a heartbeat since, which would have told: what is replaced looks by itself, pictures at what is known."""
    lease = acquire(store, EXPERIMENT)
    second = json.loads(store.read(attempt_file(store, "0001.json"))) | {"attempt": 2}
    store.put(attempt_file(store, "0002.json"), json.dumps(second).encode())
    store.put("config.yaml", b"attempt 2")
    lease.store.redraw("picture.png", b"the same")
    with pytest.raises(LeaseLostError, match="attempt 2 goes on"):
        lease.store.replace("config.yaml", b"attempt 1")
    assert store.read("config.yaml") == b"attempt 2"
    with pytest.raises(LeaseLostError):  # by now it is known
        lease.store.redraw("picture.png", b"the same")


def test_deaths_in_a_row_are_counted_from_the_last_epoch_on(store: Store):
    def die(commits: int = 0) -> None:
        lease = acquire(store, EXPERIMENT)
        for _ in range(commits):
            lease.store.commit(f"results/v1/epochs/x-1/epoch-01-{lease.attempt}.parquet", b"")
        rewrite(store, f"{lease.attempt:04d}", pid=999_999_999)

    for _ in range(2):
        die()
    assert deaths_in_a_row(store, EXPERIMENT, acquire(store, EXPERIMENT).attempt) == 2
    rewrite(store, "0003", pid=999_999_999)
    die(commits=1)
    assert deaths_in_a_row(store, EXPERIMENT, acquire(store, EXPERIMENT).attempt) == 0
    rewrite(store, "0005", pid=999_999_999)
    acquire(store, EXPERIMENT).release("MemoryError")
    with acquire(store, EXPERIMENT) as lease:
        assert deaths_in_a_row(store, EXPERIMENT, lease.attempt) == 0


def test_other_files_beside_the_attempts_are_ignored(store: Store):
    store.put(attempt_file(store, "notes.txt"), b"")
    assert acquire(store, EXPERIMENT).attempt == 1


def test_an_object_store_leases_too():
    store = Store.open("memory://lease-test")
    with acquire(store, EXPERIMENT) as lease, pytest.raises(ExperimentHeldError):
        acquire(store, EXPERIMENT)
    assert lease.attempt == 1
    store.delete_tree("experiments")
