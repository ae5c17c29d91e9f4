"""How often the rule and its rivals are right, and what that saves: thousands of simulated runs, all with known truth.

    python benchmarks/judge/operating_characteristics.py [--runs 2000] [--processes 2]

Writes operating_characteristics.csv (every rule, setting and truth), operating_characteristics.md and frontier.png
beside this file. Needs `pip install -c constraints.txt -e .[dev]` (optuna).
"""

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter

from naive import point_thresholds, wilcoxon
from report import write_report
from settings import EPOCHS, REFERENCE, SETTINGS, SPECIAL, Setting

from pixelpipe.comparison.characteristics import ending, pictures_of
from pixelpipe.comparison.simulation import Pictures, Truth
from pixelpipe.progress import progress_bar

RATIOS = (1.0, 1.1, 1.4, 0.85)
OURS = "pixelpipe"
CHUNK = 50
WILCOXON_RUNS = 100
HERE = Path(__file__).parent


@dataclass
class Tally:
    """Of one rule over the runs of one setting and truth."""

    setting: str
    truth: str
    rule: str
    runs: int = 0
    abandoned: int = 0
    promoted: int = 0
    epochs: int = 0  # sum over runs
    reasons: dict[str, int] = field(default_factory=dict)

    def add(self, stop: int | None, reason: str = "", promoted: bool = False) -> None:
        self.runs += 1
        self.abandoned += stop is not None
        self.promoted += promoted
        self.epochs += stop or EPOCHS
        if reason:
            self.reasons[reason] = self.reasons.get(reason, 0) + 1

    def merge(self, other: "Tally") -> None:
        for name in ("runs", "abandoned", "promoted", "epochs"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for reason, count in other.reasons.items():
            self.reasons[reason] = self.reasons.get(reason, 0) + count


Job = tuple[Setting, Truth, range]


def jobs(num_runs: int) -> Iterator[Job]:
    """A quarter as many runs where nothing rare is counted."""
    for setting in SETTINGS:
        for ratio in RATIOS:
            yield from _chunks(setting, setting.truth(ratio), num_runs if ratio == 1.0 else num_runs // 4)
    for truth in SPECIAL:
        yield from _chunks(REFERENCE, truth, num_runs // 4)


def _chunks(setting: Setting, truth: Truth, num_runs: int) -> Iterator[Job]:
    for start in range(0, num_runs, CHUNK):
        yield setting, truth, range(start, min(start + CHUNK, num_runs))


def tallies(job: Job) -> list[Tally]:
    """Our rule and every naive one on the same pictures."""
    setting, truth, runs = job
    make = partial(Tally, setting.name, truth.name)
    ours, found = make(OURS), dict[str, Tally]()
    for run in runs:
        pictures, rng = pictures_of(setting.design, truth, run)
        end = ending(setting.design, truth, pictures, rng)
        abandoned = end.verdict == "ABANDONED"
        ours.add(end.epoch if abandoned else None, str(end.reason_code), end.verdict == "PROMOTED")
        for rule, stop in _naive(setting, pictures, run).items():
            found.setdefault(rule, make(rule)).add(stop)
    return [ours, *found.values()]


def _naive(setting: Setting, pictures: Pictures, run: int) -> dict[str, int | None]:
    """Nothing where only ours is told something; Optuna takes 3 ms a question and gets fewer runs."""
    if setting.known_sd is not None:
        return {}
    return point_thresholds(pictures) | (wilcoxon(pictures) if run < WILCOXON_RUNS else {})


def run_all(num_runs: int, processes: int) -> list[Tally]:
    totals: dict[tuple[str, str, str], Tally] = {}
    work = list(jobs(num_runs))
    with (
        ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool,
        progress_bar("simulating", len(work)) as advance,
    ):
        for part in pool.map(tallies, work):
            for tally in part:
                key = (tally.setting, tally.truth, tally.rule)
                totals.setdefault(key, Tally(*key)).merge(tally)
            advance(1)
    return list(totals.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2000, help="with no difference; of the others a quarter")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--to", type=Path, default=HERE, help="folder of what is written")
    arguments = parser.parse_args()
    started = perf_counter()
    arguments.to.mkdir(parents=True, exist_ok=True)
    found = run_all(arguments.runs, arguments.processes)
    write_report(found, arguments.to, perf_counter() - started)


if __name__ == "__main__":
    main()
