"""Commits the last epoch of many experiments at once, each in a thread: `finish_experiments.py STORE FIRST COUNT`.

Says "ready", and begins when it is told to. Prints how many of them became the champion of their line.
"""

import importlib.util
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pixelpipe.lease import acquire
from pixelpipe.lines import move_champion
from pixelpipe.store import Store

spec = importlib.util.spec_from_file_location("made_up_rows", Path(__file__).with_name("conftest.py"))
rows = importlib.util.module_from_spec(spec)
spec.loader.exec_module(rows)


def finish(store: Store, number: int) -> bool:
    experiment_id = f"e{number}-1a2b3c4d"
    with acquire(store, experiment_id) as lease:
        results = rows.Results(lease.store)
        results.status(experiment_id, "running")
        results.commit(experiment_id, 1)
        moved = move_champion(
            lease.store, "art-24", after=0, experiment_id=experiment_id, epoch=1, reason="better", set_by="rule"
        )
        results.status(experiment_id, "promoted" if moved else "inconclusive")
    return moved is not None


if __name__ == "__main__":
    store, first, count = Store.open(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    with ThreadPoolExecutor(count) as pool:
        moved = list(pool.map(lambda number: finish(store, number), range(first, first + count)))
    sys.stdout.write(f"{sum(moved)}\n")
