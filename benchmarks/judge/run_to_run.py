"""How much runs of one configuration differ by their training seed alone: the tiny base, at least eight seeds.

    python benchmarks/judge/run_to_run.py [--in FOLDER] [--seeds 8]

Draws a dataset, runs `pixelpipe run` once a seed in a store of its own, and writes run_to_run.csv (a row a run and
epoch) and run_to_run.md (what the judge takes from them) beside this file. With --in, what was run is kept: the same
command goes on where it was stopped, and a larger --seeds adds runs.
"""

import argparse
import csv
import json
import math
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import chi2

from pixelpipe.comparison.run_deviation import run_variance
from pixelpipe.lines import pinned_profile
from pixelpipe.pipeline.deviation import measured_deviation
from pixelpipe.results.reader import latest_status, list_experiments, read_table
from pixelpipe.store import Store

HERE = Path(__file__).parent
METRIC, LINE, GRID = "effective_colors", "run-to-run", 24


def pixelpipe(*arguments: object) -> None:
    subprocess.run([sys.executable, "-c", "from pixelpipe.cli import main; main()", *map(str, arguments)], check=True)


def run_seeds(folder: Path, num_seeds: int) -> Store:
    """The runs: a seed that is done already is only looked at. Nothing is abandoned, whatever its figures."""
    if not (folder / "art").exists():
        pixelpipe("portraits", folder / "art", "--num", 120)
    (folder / "run.yaml").write_text(
        f"line: {LINE}\n"
        f"dataset: {{path: {folder / 'art'}, validation_fraction: 0.2, repeats: 2}}\n"
        "training: {epochs: 2}\n"
        "sampling: {num_prompts: 12, seeds_per_prompt: 2, num_inference_steps: 12, confirm_seeds: 1}\n"
        "judge: {abandon_margin: 10, unmatched_margin: 10, patience: 3}\n"
    )
    for seed in range(1, num_seeds + 1):
        pixelpipe("run", folder / "run.yaml", "--set", f"seed={seed}", "--store", folder / "store")
    return Store.open(str(folder / "store"))


@dataclass(frozen=True)
class Runs:
    """ln of the mean judged value by run, epoch and prompt, (R, E, P) float64, and what the judge makes of it."""

    seeds: list[int]
    log_means: np.ndarray
    floor: float
    judged: str  # in the judge's own words

    def deviation(self, epoch: int | None = None) -> tuple[float, float, float]:
        """Between runs, at one epoch or pooled over all: estimate, and a 95% interval as if it were all of the variance
        of the means (chi-squared)."""
        part = self.log_means if epoch is None else self.log_means[:, epoch - 1 : epoch]
        found = run_variance(part)
        degrees, sd = found.degrees_of_freedom, math.sqrt(max(found.variance, 0.0))
        low, high = (sd * math.sqrt(degrees / chi2.ppf(q, degrees)) for q in (0.975, 0.025))
        return sd, low, high


def read_runs(store: Store) -> Runs:
    profile = pinned_profile(store, LINE, GRID)
    assert profile is not None
    floor = profile.percentiles[METRIC].p50
    by_seed = {}
    for row in list_experiments(store):
        status = latest_status(store, row["experiment_id"])
        assert status is not None
        by_seed[json.loads(status["config_json"])["seed"]] = row["experiment_id"]
    cubes = []
    for seed in sorted(by_seed):
        columns = ["epoch", "prompt_id", "seed", METRIC]
        samples = read_table(store, "samples", by_seed[seed], columns=columns)
        samples = samples.sort_by([(name, "ascending") for name in columns[:3]])
        epochs, prompts = (len(set(samples[name].to_pylist())) for name in ("epoch", "prompt_id"))
        values = np.maximum(samples[METRIC].to_numpy(), floor).reshape(epochs, prompts, -1)
        cubes.append(np.log(values.mean(axis=2)))
    deviation = measured_deviation(store, LINE, METRIC, floor)
    judged = "not known yet: fewer than 8 runs" if deviation is None else f"{deviation.sd:.4f} ({deviation.source})"
    return Runs(sorted(by_seed), np.array(cubes), floor, judged)


def write_table(runs: Runs, path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["training_seed", "epoch", "geometric_mean_effective_colors"])
        for seed, cube in zip(runs.seeds, runs.log_means, strict=True):
            for epoch, prompts in enumerate(cube, start=1):
                writer.writerow([seed, epoch, f"{math.exp(prompts.mean()):.4f}"])


def write_report(runs: Runs, path: Path) -> None:
    epochs = range(1, runs.log_means.shape[1] + 1)
    means = np.exp(runs.log_means.mean(axis=2))  # (R, E)
    lines = [
        "| epoch | lowest run | mean | highest run | deviation between runs | 95% interval |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for epoch in (*epochs, None):
        column = means if epoch is None else means[:, epoch - 1]
        sd, low, high = runs.deviation(epoch)
        figures = [f"{value:.1f}" for value in (column.min(), column.mean(), column.max())]
        lines.append(f"| {epoch or 'all'} | {' | '.join(figures)} | {sd:.2%} | {low:.2%} to {high:.2%} |")
    num_runs, _, num_prompts = runs.log_means.shape
    head = HEAD.format(runs=num_runs, prompts=num_prompts, floor=runs.floor, judged=runs.judged)
    path.write_text(head + "\n".join(lines) + "\n")


HEAD = """# How much runs differ by their training seed alone

Made by `python benchmarks/judge/run_to_run.py --seeds {runs}`: one configuration of the tiny base (96 portraits, 2
repeats, 2 epochs, {prompts} prompts x 2 seeds), {runs} training seeds. What is judged is
max(effective colors, {floor:g}); a run's figure is the geometric mean over its prompts. The deviation is the component
of variance between runs, without what prompts and pictures contribute to it (docs/decisions/0013).

The judge's own word from this store: {judged}.

"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--in", dest="folder", type=Path, help="where runs are kept; default: nowhere")
    parser.add_argument("--to", type=Path, default=HERE, help="folder of what is written")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (arguments.folder or Path(scratch)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        found = read_runs(run_seeds(folder, arguments.seeds))
        write_table(found, arguments.to / "run_to_run.csv")
        write_report(found, arguments.to / "run_to_run.md")


if __name__ == "__main__":
    main()
