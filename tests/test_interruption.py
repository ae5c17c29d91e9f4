"""An interruption stays one, whatever error comes of it on its way out."""

import subprocess
import sys

import pytest

from pixelpipe.interruption import was_interrupted


def raised(first: BaseException, second: Exception | None = None) -> BaseException:
    """`first` as it was caught, or `second` that was raised while `first` was handled."""
    try:
        try:
            raise first
        except BaseException:
            if second is None:
                raise
            raise second  # noqa: B904 -- as Prefect does it
    except BaseException as error:
        return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (raised(KeyboardInterrupt()), True),
        (raised(SystemExit(1)), True),
        (raised(KeyboardInterrupt(), ValueError("Task run is not set")), True),
        (raised(ValueError("bad")), False),
        (raised(OSError("full"), ValueError("bad")), False),
    ],
)
def test_was_interrupted(error, expected):
    assert was_interrupted(error) is expected


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_that_a_library_swallowed_is_remembered(name):
    code = (
        "import os, signal; from pixelpipe.interruption import listen, was_interrupted\n"
        "assert not was_interrupted(ValueError())\n"
        "listen()\n"
        f"try: os.kill(os.getpid(), signal.{name})\n"
        "except BaseException as error: print(type(error).__name__)\n"
        "print(was_interrupted(ValueError()))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "KeyboardInterrupt\nTrue\n"


def test_a_signal_that_came_in_a_destructor_stops_at_the_next_epoch():
    code = (
        "import os, signal; from pixelpipe.interruption import listen, stop_if_interrupted\n"
        "class Freed:\n"
        "    def __del__(self): os.kill(os.getpid(), signal.SIGINT)\n"
        "listen(); stop_if_interrupted()\n"
        "freed = Freed(); del freed; print('goes on')\n"
        "stop_if_interrupted()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "goes on\n"
    assert done.stderr.splitlines()[-1] == "KeyboardInterrupt"
