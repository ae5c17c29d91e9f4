"""Runs an experiment and ends just before a write: `run_and_die.py CONFIG.json STORE WRITE [SIGNAL]`.

WRITE: its number, 0 for never, or a part of its key. It sends itself SIGKILL, or SIGSTOP: then it goes on with that
write whenever SIGCONT comes. Its lease is silent after half a second.
"""

import os
import signal
import sys
from functools import partial
from pathlib import Path

from pixelpipe.config import ExperimentConfig
from pixelpipe.lease import acquire
from pixelpipe.store import Store

WRITES = ("put", "replace", "put_file", "delete", "delete_tree")


def end_before_write(which: str, signal_number: int) -> None:
    """Count every change of the store but heartbeats; the one that is meant does not happen any more, or late."""
    count = 0

    def counted(write):
        def wrapper(store, key, *arguments, **keywords):
            nonlocal count
            count += not key.endswith(".heartbeat.json")
            if (count == int(which)) if which.isdecimal() else (which in key):
                os.kill(os.getpid(), signal_number)
            return write(store, key, *arguments, **keywords)

        return wrapper

    for name in WRITES:
        setattr(Store, name, counted(getattr(Store, name)))


if __name__ == "__main__":
    import flows.experiment as flow

    flow.acquire = partial(acquire, heartbeat_s=0.1, expires_after_s=0.5)  # type: ignore[assignment]
    config = ExperimentConfig.model_validate_json(Path(sys.argv[1]).read_text())
    end_before_write(sys.argv[3], signal.Signals[sys.argv[4] if len(sys.argv) > 4 else "SIGKILL"])
    flow.run_experiment(config, sys.argv[2])
