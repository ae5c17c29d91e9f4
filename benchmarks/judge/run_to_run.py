"""How much runs of one configuration differ by their training seed alone: the tiny base, at least eight seeds.

    python benchmarks/judge/run_to_run.py [--seeds 8] [--epochs 2]

Draws a dataset, runs `pixelpipe run` once a seed in a store of its own, and writes run_to_run.csv beside this file: one
row a run and epoch, and the deviation that the judge would take from them as the last column.
"""

import argparse
import csv
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from pixelpipe.lines import pinned_profile
from pixelpipe.pipeline.deviation import measured_deviation
from pixelpipe.results.reader import list_experiments, read_table
from pixelpipe.store import Store

HERE = Path(__file__).parent
METRIC, LINE, GRID = "effective_colors", "run-to-run", 24


def pixelpipe(*arguments: object) -> None:
    subprocess.run([sys.executable, "-c", "from pixelpipe.cli import main; main()", *map(str, arguments)], check=True)


def run_seeds(folder: Path, num_seeds: int, epochs: int, repeats: int) -> Store:
    """The runs, all against no champion but the first one's."""
    pixelpipe("portraits", folder / "art", "--num", 120)
    (folder / "run.yaml").write_text(
        f"line: {LINE}\n"
        "dataset: {path: art, validation_fraction: 0.2}\n"
        f"training: {{epochs: {epochs}}}\n"
        "sampling: {num_prompts: 12, seeds_per_prompt: 2, num_inference_steps: 12, confirm_seeds: 1}\n"
        f"judge: {{abandon_margin: 10, unmatched_margin: 10, patience: {epochs + 1}}}\n"
    )
    store = folder / "store"
    for seed in range(1, num_seeds + 1):
        settings = ["--set", f"seed={seed}", "--set", f"dataset.repeats={repeats}"]
        pixelpipe("run", folder / "run.yaml", *settings, "--set", f"dataset.path={folder / 'art'}", "--store", store)
    return Store.open(str(store))


def rows(store: Store) -> list[dict[str, object]]:
    profile = pinned_profile(store, LINE, GRID)
    assert profile is not None
    floor = profile.percentiles[METRIC].p50
    deviation = measured_deviation(store, LINE, METRIC, floor)
    found = []
    for experiment in sorted(row["experiment_id"] for row in list_experiments(store)):
        samples = read_table(store, "samples", experiment, columns=["epoch", METRIC])
        epochs, values = samples["epoch"].to_numpy(), np.maximum(samples[METRIC].to_numpy(), floor)
        for epoch in np.unique(epochs):
            mean = float(values[epochs == epoch].mean())
            found.append({"run": experiment, "epoch": int(epoch), "mean": round(mean, 3), "floor": floor})
    for row in found:
        row["deviation_between_runs"] = None if deviation is None else round(deviation.sd, 5)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--to", type=Path, default=HERE / "run_to_run.csv")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = rows(run_seeds(Path(folder), arguments.seeds, arguments.epochs, arguments.repeats))
    with arguments.to.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(found[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)


if __name__ == "__main__":
    main()
