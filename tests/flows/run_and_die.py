"""Runs an experiment and kills itself with SIGKILL just before its n-th write: `run_and_die.py CONFIG.json STORE N`.

N = 0 never kills.
"""

import os
import signal
import sys
from pathlib import Path

from pixelpipe.config import ExperimentConfig
from pixelpipe.store import Store

WRITES = ("put", "replace", "put_file", "delete", "delete_tree")


def die_before_write(number: int) -> None:
    """Count every change of the store; the n-th does not happen any more."""
    left = number

    def counted(write):
        def wrapper(*arguments, **keywords):
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return write(*arguments, **keywords)

        return wrapper

    for name in WRITES:
        setattr(Store, name, counted(getattr(Store, name)))


if __name__ == "__main__":
    from flows.experiment import run_experiment

    config = ExperimentConfig.model_validate_json(Path(sys.argv[1]).read_text())
    die_before_write(int(sys.argv[3]))
    run_experiment(config, sys.argv[2])
