"""Worker processes that apply one function to many tasks, and give the results in the order of the tasks.

Processes, since decoding a small image and measuring it hold Python's lock nearly all the time. They end with this
process, however it ends. This module imports nothing heavy: a worker
limits the threads of its libraries before it loads them.
"""

import os
import signal
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import cycle
from multiprocessing import get_context, parent_process, resource_tracker
from multiprocessing.connection import Connection
from threading import Thread
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from pixelpipe.errors import WorkerDiedError

Task = TypeVar("Task")
Result = TypeVar("Result")

TASKS_AHEAD = 2  # a worker: one under way and one waiting, which must fit into a pipe together
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_HELLO, _READY = "hello", "ready"
_END_S = 2.0  # a worker that was told to end


def available_cores() -> int:
    """Cores that this process may use: in a container often fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Workers(Generic[Task, Result]):
    """Processes that start at once and load in the background; end them with `with`."""

    def __init__(self, function: Callable[[Task], Result], num_workers: int) -> None:
        """`function` is pickled, and so are tasks (at most 20 KB each) and results."""
        context = get_context("spawn")  # a fork would copy locks that our threads hold
        self._processes, self._connections = [], list[Connection]()
        resource_tracker.ensure_running()  # its start, which is the first spawn's otherwise, lets interrupts through
        with _interrupts_held():
            for _ in range(num_workers):
                ours, theirs = context.Pipe()
                process = context.Process(target=_serve, args=(theirs,), daemon=True)
                process.start()
                theirs.close()
                self._processes.append(process)
                self._connections.append(ours)
        self._function = function
        self._starting = set(self._connections)

    def ready(self) -> bool:
        """Whether all have loaded; returns at once."""
        for connection in list(self._starting):
            if connection.poll():
                self._start(connection)
        return not self._starting

    def map(self, tasks: Iterable[Task]) -> Iterator[Result]:
        """The results of `tasks`, in their order; takes at most `TASKS_AHEAD` tasks a worker ahead.

        Raises what the function raised, and `WorkerDiedError` for a worker that was killed.
        """
        for connection in self._connections:
            while connection in self._starting:
                self._start(connection)
        under_way: deque[Connection] = deque()
        for task, connection in zip(tasks, cycle(self._connections), strict=False):
            self._send(connection, task)
            under_way.append(connection)
            if len(under_way) == TASKS_AHEAD * len(self._connections):
                yield self._receive(under_way.popleft())
        while under_way:
            yield self._receive(under_way.popleft())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for connection in self._connections:
            connection.close()
        for process in self._processes:
            if kind is not None or self._starting:  # nobody wants what it is doing
                process.terminate()
            process.join(_END_S)
            if process.is_alive():
                process.kill()
                process.join()

    def _start(self, connection: Connection) -> None:
        """The function is sent once the worker listens: it may be larger than a pipe holds."""
        if self._receive(connection) == _HELLO:
            self._send(connection, self._function)
        else:
            self._starting.discard(connection)

    def _send(self, connection: Connection, message: Any) -> None:
        try:
            connection.send(message)
        except (BrokenPipeError, ConnectionResetError):
            raise self._died(connection) from None

    def _receive(self, connection: Connection) -> Any:
        try:
            result, error = connection.recv()
        except (EOFError, ConnectionResetError):
            raise self._died(connection) from None
        if error is not None:
            raise error
        return result

    def _died(self, connection: Connection) -> WorkerDiedError:
        process = self._processes[self._connections.index(connection)]
        process.join(_END_S)
        return WorkerDiedError(f"a worker process ended by itself (exit code {process.exitcode})")


def _serve(connection: Connection) -> None:
    """What a worker does until its pipe ends."""
    os.environ |= dict.fromkeys(ONE_THREAD, "1")  # as many workers as cores
    Thread(target=_end_with_parent, daemon=True).start()
    try:
        connection.send((_HELLO, None))
        function = connection.recv()
        connection.send((_READY, None))
        while True:
            connection.send(_call(function, connection.recv()))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _end_with_parent() -> None:
    """In the midst of a task too: nobody is left to take its result."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _call(function: Callable[[Any], Any], task: Any) -> tuple[Any, Exception | None]:
    try:
        return function(task), None
    except Exception as error:
        error.add_note(f"in a worker process:\n{traceback.format_exc()}")
        return None, error


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Ctrl-C reaches every process of a terminal. Workers inherit that it is blocked: this process ends them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
