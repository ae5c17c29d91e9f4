"""Do over-detailed captions matter? Plain against detailed ones at one resolution, with the tiny base, several seeds.

    python benchmarks/captions_matter.py --seeds 3 --to /tmp/captions-matter

Every seed is a line of its own: the plain run is its baseline, the detailed one is judged against it by the usual rule.
Prints a Markdown table; runs that are done already only print.
"""

import argparse
from pathlib import Path

from pixelpipe.cli.run import run_experiment_here
from pixelpipe.config import ExperimentConfig, parse_config
from pixelpipe.data.portraits import write_dataset
from pixelpipe.results.reader import list_experiments, read_table
from pixelpipe.store import Store

NUM_PORTRAITS, EPOCHS = 160, 3


def config(place: Path, seed: int, kind: str, column: str) -> ExperimentConfig:
    values = {
        "name": f"{kind}-{seed}",
        "line": f"captions-{seed}",
        "seed": seed,
        "dataset": {"path": str(place / f"portraits-{seed}"), "grid": 24, "repeats": 2},
        "captions": {"column": column},
        "training": {"resolution": 192, "epochs": EPOCHS, "batch_size": 16, "learning_rate": 1e-4, "ema_decay": 0},
        "sampling": {"num_prompts": 12, "seeds_per_prompt": 1, "num_inference_steps": 10, "confirm_seeds": 1},
    }
    return parse_config(values, "captions_matter")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--to", type=Path, default=Path("captions-matter"))
    arguments = parser.parse_args()
    store = Store.open(arguments.to / "store")
    for seed in range(1, arguments.seeds + 1):
        if not (arguments.to / f"portraits-{seed}").exists():
            write_dataset(arguments.to / f"portraits-{seed}", NUM_PORTRAITS, seed)
        for kind, column in (("plain", "text"), ("detailed", "detailed")):
            run_experiment_here(store, config(arguments.to, seed, kind, column))
        report(store, seed)


def report(store: Store, seed: int) -> None:
    rows = {row["name"]: row for row in list_experiments(store)}
    for kind in ("plain", "detailed"):
        row = rows[f"{kind}-{seed}"]
        epochs = read_table(store, "epochs", row["experiment_id"]).to_pylist()
        colors = ", ".join(f"{epoch['mean_effective_colors']:.0f}" for epoch in epochs)
        print(f"| {seed} | {kind} | {colors} | {row['status']} ({row['reason_code']}) |", flush=True)


if __name__ == "__main__":
    main()
