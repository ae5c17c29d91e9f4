"""What Prefect adds to an epoch, beside the same engine without Prefect; and a night without news.

    export PREFECT_API_URL=http://127.0.0.1:4200/api     # a server that runs (make server)
    python -m benchmarks.orchestration

Overhead is the wall time from one epoch's commit to the next that is neither training nor sampling nor measuring:
checkpoints, deciding, writing rows, and under Prefect its tasks, artifacts and events. Both sides take turns, each with
a line of its own: an experiment with nothing to compare with, so that both judge alike.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flows.connection import apply_settings, server_url

apply_settings()

from flows.experiment import run_experiment
from pixelpipe.config import ExperimentConfig, parse_config
from pixelpipe.data.portraits import write_dataset
from pixelpipe.pipeline.alone import run_alone
from pixelpipe.results.reader import read_table
from pixelpipe.store import Store

WORK = ("seconds_train", "seconds_sample", "seconds_analyze")
RETRAIN = """
import sys, time
from flows.retrain import retrain
inner, seconds = retrain.fn, []
from functools import wraps
@wraps(inner)
def timed(*args, **kwargs):
    started = time.perf_counter()
    try:
        return inner(*args, **kwargs)
    finally:
        seconds.append(time.perf_counter() - started)
retrain.fn = timed
state = retrain(sys.argv[1], sys.argv[2], return_state=True)
assert state.message.startswith("skipped: nothing new"), state.message
print(seconds[0], "torch" in sys.modules)
"""


def configuration(folder: Path, name: str, epochs: int) -> ExperimentConfig:
    values: dict[str, Any] = {
        "name": name,
        "line": f"{name}-24",
        "dataset": {"path": str(folder / "art"), "repeats": 1},
        "training": {"epochs": epochs, "batch_size": 16},
        "sampling": {"num_prompts": 24, "seeds_per_prompt": 1, "num_inference_steps": 2},
    }
    return parse_config(values, name)


def under_prefect(store: Store, config: ExperimentConfig) -> None:
    state: Any = run_experiment(config, store.url, return_state=True)
    state.result()


SIDES: dict[str, Callable[[Store, ExperimentConfig], object]] = {"alone": run_alone, "prefect": under_prefect}


def overhead(store: Store) -> tuple[float, float]:
    """(overhead, work) in seconds an epoch, of all but the first one."""
    rows = sorted(read_table(store, "epochs").to_pylist(), key=lambda row: row["epoch"])
    seconds = (rows[-1]["committed_at"] - rows[0]["committed_at"]).total_seconds()
    work = sum(row[name] for row in rows[1:] for name in WORK)
    return (seconds - work) / (len(rows) - 1), work / (len(rows) - 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    print(f"Prefect at {server_url() or 'its own ephemeral server'}", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_dataset(folder / "art", 64, seed=1)
        run_alone(Store.open(folder / "warm-up"), configuration(folder, "warm-up", 1))
        found: dict[str, list[tuple[float, float]]] = {side: [] for side in SIDES}
        for number in range(1, given.rounds + 1):
            for side, run in SIDES.items():
                store = Store.open(folder / f"{side}-{number}")
                run(store, configuration(folder, side, given.epochs))
                found[side].append(overhead(store))
                print(
                    f"round {number}, {side}: {found[side][-1][0]:.3f} s overhead, {found[side][-1][1]:.3f} s of work"
                )
        alone, prefect = (statistics.median(each[0] for each in found[side]) for side in ("alone", "prefect"))
        print(f"overhead an epoch, median: {alone:.3f} s alone, {prefect:.3f} s under Prefect ({prefect / alone:.2f}x)")
        command = [sys.executable, "-c", RETRAIN, "prefect-24", str(folder / f"prefect-{given.rounds}")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds, torch = done.stdout.split()[-2:]
        print(f"a night without news: {float(seconds):.2f} s inside the flow, torch imported: {torch}")


if __name__ == "__main__":
    main()
