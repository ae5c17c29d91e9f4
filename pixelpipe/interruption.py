"""Ctrl-C, and the SIGTERM of a machine that is taken away: both raise KeyboardInterrupt, and are remembered.

Libraries make errors of their own of it: Prefect trips over Ctrl-C between two tasks, an import that it breaks off is
"cannot be loaded". The run was stopped all the same, and neither its status nor its exit code may say anything else.
"""

import signal
from typing import NoReturn

_received: list[int] = []


def listen() -> None:
    """For the main thread of a command."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)


def was_interrupted(error: BaseException) -> bool:
    """Whether an error that ends a run is an interruption, or came of one."""
    if _received:
        return True
    cause: BaseException | None = error
    while cause is not None:
        if not isinstance(cause, Exception):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def stop_if_interrupted() -> None:
    """Raise `KeyboardInterrupt` for one that was lost: what is raised in a destructor or a callback, Python ignores."""
    if _received:
        raise KeyboardInterrupt


def _interrupt(number: int, _frame: object) -> NoReturn:
    _received.append(number)
    raise KeyboardInterrupt
