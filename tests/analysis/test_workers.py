"""Real processes: their order, their errors, and that none outlives its work."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from operator import neg

import psutil
import pytest

from pixelpipe.analysis.workers import TASKS_AHEAD, Workers, available_cores
from pixelpipe.errors import WorkerDiedError


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]


def pids_of(workers: Workers) -> list[int]:
    return [process.pid for process in workers._processes]


def test_results_come_in_the_order_of_the_tasks_and_tasks_are_taken_as_needed():
    taken = 0

    def tasks():
        nonlocal taken
        for number in range(100):
            taken += 1
            yield number

    with Workers(neg, 3) as workers:
        results = workers.map(tasks())
        assert next(results) == 0
        assert taken == 3 * TASKS_AHEAD
        assert list(results) == [-number for number in range(1, 100)]
        assert workers.ready()
        pids = pids_of(workers)
        assert len(alive(pids)) == 3
    assert not alive(pids)


def test_an_error_in_a_worker_is_raised_here_and_ends_all():
    with Workers(neg, 2) as workers:
        pids = pids_of(workers)
        with pytest.raises(TypeError, match="bad operand") as error:
            list(workers.map([1, 2, "no number", 4]))
    assert "in a worker process" in "".join(error.value.__notes__)
    assert not alive(pids)


@pytest.mark.parametrize("gone_before_the_next_task", [True, False])
def test_a_worker_that_is_killed_is_an_error_not_a_hang(gone_before_the_next_task):
    with Workers(neg, 2) as workers:
        assert list(workers.map([1])) == [-1]
        os.kill(pids_of(workers)[0], signal.SIGKILL)
        if gone_before_the_next_task:
            workers._processes[0].join()
        with pytest.raises(WorkerDiedError, match=r"ended by itself \(exit code -9\)"):
            list(workers.map([1, 2, 3]))


def test_leaving_early_ends_workers_that_still_load_or_work():
    workers = Workers(time.sleep, 2)
    pids = pids_of(workers)
    with contextlib.suppress(KeyboardInterrupt), workers:
        next(workers.map([0, 60, 60, 60, 60]))
        raise KeyboardInterrupt
    assert not alive(pids)
    with Workers(neg, 2) as workers:
        pids = pids_of(workers)
    assert not alive(pids)


PARENT = """
import signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored by what a shell starts in the background
from pixelpipe.analysis.workers import Workers
with Workers(time.sleep, 2) as workers:
    results = workers.map([0, 0, 0.5] + [60] * 9)
    next(results)
    print(*[process.pid for process in workers._processes], flush=True)
    for _ in results: pass
"""


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_workers_end_with_their_parent_however_it_ends(sent):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert parent.stdout is not None
    with parent.stdout as stdout:
        pids = [int(pid) for pid in stdout.readline().split()]
    assert len(alive(pids)) == 2
    parent.send_signal(sent)
    parent.wait(20)
    idle_s = time.monotonic() + 10
    while time.monotonic() < idle_s and alive(pids):
        time.sleep(0.05)
    assert not alive(pids)


def test_cores_are_those_that_this_process_may_use():
    assert 1 <= available_cores() <= (os.cpu_count() or 1)
