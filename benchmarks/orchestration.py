"""What Prefect, the store and the judge cost an epoch, beside the engine without Prefect; and a night without news.

    export PREFECT_API_URL=http://127.0.0.1:4200/api     # a server that runs (make server)
    python -m benchmarks.orchestration

Overhead is the wall time from the first epoch's training to the last epoch's commit that is neither training nor
sampling nor measuring, by epoch: deciding, writing rows and checkpoints, and what Prefect adds.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from flows.connection import apply_settings

apply_settings()

import flows.experiment as flow_module
from pixelpipe.config import ExperimentConfig, parse_config
from pixelpipe.data.portraits import write_dataset
from pixelpipe.lease import acquire
from pixelpipe.pipeline.conclude import conclude
from pixelpipe.pipeline.prepare import prepare
from pixelpipe.pipeline.run import ExperimentRun
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
        "dataset": {"path": str(folder / "art")},
        "training": {"epochs": epochs, "batch_size": 16},
        "sampling": {"num_prompts": 24, "seeds_per_prompt": 1, "num_inference_steps": 2},
    }
    return parse_config(values, name)


def without_prefect(store: Store, config: ExperimentConfig) -> float:
    """Seconds from the first epoch's beginning to the end."""
    experiment = prepare(store, config)
    with acquire(store, experiment.experiment_id) as lease:
        run = ExperimentRun(lease, experiment)
        run.begin()
        _ = run.session.trainer  # loading is no overhead of an epoch
        started, decision = time.perf_counter(), None
        while decision is None or not decision.ends_run:
            record = run.train_epoch()
            run.sample_epoch(record)
            samples = run.analyze_epoch(record)
            decision = run.judge_epoch(record, samples)
            run.commit_epoch(record, samples, decision)
        seconds = time.perf_counter() - started
        conclude(run, decision)
    return seconds


def with_prefect(store: Store, config: ExperimentConfig) -> float:
    """The same of the flow: from its first epoch's task to the end of what it shows of the last one."""
    times: list[float] = []
    epoch, show = flow_module._epoch, flow_module.show_epoch

    def timed_epoch(run: Any, number: int, progress: Any) -> Any:
        _ = run.session.trainer
        times.append(time.perf_counter())
        return epoch(run, number, progress)

    def timed_show(*arguments: Any) -> None:
        show(*arguments)
        times.append(time.perf_counter())

    flow_module._epoch, flow_module.show_epoch = timed_epoch, timed_show
    try:
        state: Any = flow_module.run_experiment(config, store.url, return_state=True)
        state.result()
    finally:
        flow_module._epoch, flow_module.show_epoch = epoch, show
    return times[-1] - times[0]


def overhead(store: Store, config: ExperimentConfig, seconds: float) -> tuple[float, float]:
    """(overhead, work) in seconds an epoch."""
    rows = read_table(store, "epochs", prepare(store, config).experiment_id).to_pylist()
    work = sum(row[name] for row in rows for name in WORK)
    return (seconds - work) / len(rows), work / len(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=6)
    epochs = parser.parse_args().epochs
    with tempfile.TemporaryDirectory() as temporary:
        folder, figures = Path(temporary), {}
        write_dataset(folder / "art", 64, seed=1)
        for name, measure in (("warm-up", without_prefect), ("alone", without_prefect), ("prefect", with_prefect)):
            store = Store.open(folder / f"store-{name}")
            config = configuration(folder, name, 1 if name == "warm-up" else epochs)
            figures[name] = overhead(store, config, measure(store, config))
        for name, said in (("alone", "the engine alone"), ("prefect", "the same under Prefect")):
            print(f"{said}: {figures[name][0]:.3f} s overhead an epoch, {figures[name][1]:.2f} s of work")
        print(f"Prefect adds {figures['prefect'][0] - figures['alone'][0]:.3f} s an epoch")
        command = [sys.executable, "-c", RETRAIN, "prefect-24", str(folder / "store-prefect")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds, torch = done.stdout.split()[-2:]
        print(f"a night without news: {float(seconds):.2f} s inside the flow, torch imported: {torch}")


if __name__ == "__main__":
    main()
