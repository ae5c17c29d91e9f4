"""Writers, readers that poll, compactions, and writers that are killed: every row once, no failed read.

    python -m benchmarks.results_concurrency                        # 8 processes x 50 epochs x 96 rows, on the disk
    python -m benchmarks.results_concurrency --s3 --faults 0.1      # on S3 (moto's server), a tenth of requests failing

Each writer is a process with an experiment of its own, which puts an epoch's rows and then commits it, as a run does.
Some are killed with SIGKILL several times, wherever they are, and go on as a run's next attempt does. Readers poll
through `results.query` and `results.reader`; every answer must have whole epochs only, each once, and no fewer than the
one before. Once a second everything is compacted.
"""

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.results_speed import SAMPLES, rows_of
from pixelpipe.keys import epoch_stem
from pixelpipe.results import query
from pixelpipe.results.compaction import compact
from pixelpipe.results.reader import read_table
from pixelpipe.results.writer import committed_epochs, discard_uncommitted, write_rows
from pixelpipe.store import Store

KILLS = 5  # of one writer: starting Python takes longer than an epoch
COUNTS = """
SELECT experiment_id, epoch, count(*) AS n, count(DISTINCT (prompt_id, seed)) AS different FROM samples GROUP BY ALL
"""


@dataclass
class Outcome:
    """What happened, and what must not."""

    reads: int = 0
    compactions: int = 0
    kills: int = 0
    problems: list[str] = field(default_factory=list)
    epochs: Counter = field(default_factory=Counter)
    seconds: float = 0.0


def write(store: Store, number: int, num_epochs: int, attempt: int) -> None:
    """Go on after the last committed epoch, as an attempt of a run does."""
    experiment_id = f"run-{number:08x}"
    discard_uncommitted(store, experiment_id, 9)
    rng = np.random.default_rng(number)
    for epoch in range(max(committed_epochs(store, experiment_id), default=0) + 1, num_epochs + 1):
        for table in ("samples", "epochs"):
            rows = rows_of(table, number, epoch, rng, attempt)
            write_rows(store, table, experiment_id, epoch_stem(epoch, attempt), rows)


def run(url: str, writers: int, num_epochs: int, killed: int, readers: int = 2, seed: int = 0) -> Outcome:
    """`killed` of the writers are killed up to `KILLS` times each."""
    outcome, stop, started = Outcome(), threading.Event(), time.perf_counter()
    store = Store.open(url)
    polls = [threading.Thread(target=_poll, args=(store, stop, outcome)) for _ in range(readers)]
    polls.append(threading.Thread(target=_compact, args=(store, stop, outcome)))
    for poll in polls:
        poll.start()
    attempts = dict.fromkeys(range(writers), 1)
    processes = {number: _start(url, number, num_epochs, 1) for number in attempts}
    chance = random.Random(seed)
    while processes:
        time.sleep(0.1)
        for number, process in list(processes.items()):
            if number < killed and attempts[number] <= KILLS and process.poll() is None and chance.random() < 0.03:
                process.send_signal(signal.SIGKILL)
            if process.poll() == -signal.SIGKILL:
                process.communicate()
                outcome.kills += 1
                attempts[number] += 1
                processes[number] = _start(url, number, num_epochs, attempts[number])
            elif process.poll() is not None:
                error = process.communicate()[1]
                outcome.problems += [f"writer {number}: {error}"] if process.returncode else []
                del processes[number]
    stop.set()
    for poll in polls:
        poll.join()
    outcome.seconds = time.perf_counter() - started
    _check_the_end(store, writers, num_epochs, outcome)
    return outcome


def _start(url: str, number: int, num_epochs: int, attempt: int) -> subprocess.Popen[str]:
    code = (
        "import sys; from benchmarks.results_concurrency import *\n"
        "write(Store.open(sys.argv[1]), *map(int, sys.argv[2:]))"
    )
    arguments = [sys.executable, "-c", code, url, str(number), str(num_epochs), str(attempt)]
    return subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])


def _poll(store: Store, stop: threading.Event, outcome: Outcome) -> None:
    newest = 0
    while not stop.is_set():
        try:
            rows = query.run(store, COUNTS).to_pylist()
            wrong = [row for row in rows if (row["n"], row["different"]) != (SAMPLES, SAMPLES)]
            epochs = len(read_table(store, "epochs", columns=["epoch"]))
        except Exception as error:  # whatever it is: a failed read
            outcome.problems.append(f"read: {error!r}")
            continue
        if wrong or epochs < len(rows) or len(rows) < newest:
            outcome.problems.append(f"{wrong}, {newest} -> {len(rows)} epochs in samples, then {epochs} in epochs")
        newest, outcome.reads = len(rows), outcome.reads + 1


def _compact(store: Store, stop: threading.Event, outcome: Outcome) -> None:
    while not stop.wait(1.0):
        try:
            outcome.compactions += bool(compact(store, settle_s=0))
        except Exception as error:  # as above
            outcome.problems.append(f"compact: {error!r}")


def _check_the_end(store: Store, writers: int, num_epochs: int, outcome: Outcome) -> None:
    for row in read_table(store, "samples", columns=["experiment_id", "epoch", "prompt_id", "seed"]).to_pylist():
        outcome.epochs[tuple(row.values())] += 1
    twice = [key for key, count in outcome.epochs.items() if count != 1]
    expected = writers * num_epochs * SAMPLES
    if twice or len(outcome.epochs) != expected:
        outcome.problems.append(f"{len(outcome.epochs)} of {expected} rows, {len(twice)} of them not once")


@contextlib.contextmanager
def place(on_s3: bool, faults: float) -> Iterator[str]:
    """A store's URL."""
    if not on_s3:
        with tempfile.TemporaryDirectory() as folder:
            yield f"{folder}/store"
        return
    from benchmarks.faulty_s3 import BUCKET, CREDENTIALS, serving

    with serving(faults) as (address, faulty):
        os.environ.update(CREDENTIALS, AWS_ENDPOINT_URL=address)
        yield f"s3://{BUCKET}/store"
        print(f"{faulty.requests} requests, failures injected: {faulty.injected}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--killed", type=int, default=2, help="writers that are killed")
    parser.add_argument("--readers", type=int, default=2)
    parser.add_argument("--s3", action="store_true")
    parser.add_argument("--faults", type=float, default=0.0, help="share of requests that fail; with --s3")
    given = parser.parse_args()
    with place(given.s3, given.faults) as url:
        outcome = run(url, given.processes, given.epochs, given.killed, given.readers)
        print(
            f"{given.processes} processes x {given.epochs} epochs x {SAMPLES} rows in {outcome.seconds:.0f} s: "
            f"{len(outcome.epochs)} different rows read at the end, {outcome.reads} polls and {outcome.compactions} "
            f"compactions meanwhile, {outcome.kills} writers killed, {len(outcome.problems)} problems"
        )
        for problem in outcome.problems[:10]:
            print(problem)
    sys.exit(bool(outcome.problems))


if __name__ == "__main__":
    main()
