"""How often the rule and its rivals are right, and what that saves: thousands of simulated runs, all with known truth.

    python benchmarks/judge/operating_characteristics.py [--runs 2000] [--processes 2] [--in FILE --seconds 120]

Writes operating_characteristics.csv (every rule, setting and truth), operating_characteristics.md and frontier.png
beside this file. Needs `pip install -c constraints.txt -e .[dev]` (optuna).
"""

import argparse
import json
import math
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter

from naive import point_thresholds, wilcoxon
from report import write_report
from settings import REFERENCE, SETTINGS, SPECIAL, Setting
from tally import ADAPTIVE, WHOLE, Tally, adaptive, chunks, merged

from pixelpipe.comparison.characteristics import Design, Ending, endings, pictures_of
from pixelpipe.comparison.many_runs import Run
from pixelpipe.comparison.simulation import Truth
from pixelpipe.progress import progress_bar

RATIOS = (1.0, 1.1, 1.4, 0.85)
HERE = Path(__file__).parent


Job = tuple[Setting, Truth, range]


def jobs(num_runs: int) -> Iterator[Job]:
    """A quarter as many runs where nothing rare is counted."""
    for setting in SETTINGS:
        for ratio in RATIOS:
            yield from _chunks(setting, setting.truth(ratio), num_runs if ratio == 1.0 else num_runs // 4)
    for truth in SPECIAL:
        yield from _chunks(REFERENCE, truth, num_runs // 4)


def _chunks(setting: Setting, truth: Truth, num_runs: int) -> Iterator[Job]:
    yield from ((setting, truth, runs) for runs in chunks(num_runs))


def tallies(job: Job) -> list[Tally]:
    """Our rule, with whole and adaptive evaluations, and every naive one on the same pictures."""
    setting, truth, runs = job
    drawn = [pictures_of(setting.design, truth, run) for run in runs]
    found = []
    for name, change in ((WHOLE, lambda design: design), (ADAPTIVE, adaptive)):
        found.append(Tally(setting.name, truth.name, name))
        for end in _endings(setting, truth, runs, drawn, change):
            found[-1].add_ending(end)
    if not setting.is_told:  # where only ours is told something, the others are the same as without
        pictures = [each for each, _ in drawn]
        for rule, stops in (point_thresholds(pictures) | wilcoxon(pictures)).items():
            found.append(Tally(setting.name, truth.name, rule))
            found[-1].add_stops(stops)
    return found


def _endings(
    setting: Setting, truth: Truth, runs: range, drawn: list[Run], change: Callable[[Design], Design]
) -> list[Ending]:
    """Together where all are told the same."""
    if setting.measured_runs is None:
        return endings(change(setting.design), truth, drawn)
    each = zip(runs, drawn, strict=True)
    return [end for run, one in each for end in endings(change(setting.design_of(run)), truth, [one])]


def run_all(num_runs: int, processes: int, kept: Path | None, seconds: float) -> list[Tally] | None:
    """Every job once; None where `seconds` were not enough: what is done lies in `kept`."""
    started, work, parts = perf_counter(), list(jobs(num_runs)), dict[str, list[Tally]]()
    if kept is not None and kept.exists():
        for line in kept.read_text().splitlines():
            key, rows = json.loads(line)
            parts[key] = [Tally(**row) for row in rows]
    left = [job for job in work if _name(job) not in parts]
    with (
        ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool,
        progress_bar("simulating", len(left)) as advance,
    ):
        for batch in (left[start : start + 4 * processes] for start in range(0, len(left), 4 * processes)):
            if perf_counter() - started > seconds:
                return None
            for job, part in zip(batch, pool.map(tallies, batch), strict=True):
                parts[_name(job)] = part
                if kept is not None:
                    with kept.open("a") as file:
                        file.write(json.dumps([_name(job), [asdict(tally) for tally in part]]) + "\n")
                advance(1)
    return merged(parts[_name(job)] for job in work)


def _name(job: Job) -> str:
    setting, truth, runs = job
    return f"{setting.name} | {truth.name} | {runs.start}-{runs.stop}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2000, help="with no difference; of the others a quarter")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--to", type=Path, default=HERE, help="folder of what is written")
    parser.add_argument(
        "--in", dest="kept", type=Path, metavar="FILE", help="what is done is kept there, and not redone"
    )
    parser.add_argument("--seconds", type=float, default=math.inf, help="then stop; --in: go on later")
    arguments = parser.parse_args()
    started = perf_counter()
    arguments.to.mkdir(parents=True, exist_ok=True)
    found = run_all(arguments.runs, arguments.processes, arguments.kept, arguments.seconds)
    if found is None:
        print(f"not done after {perf_counter() - started:.0f} s: the same command goes on")
        return
    write_report(found, arguments.to)


if __name__ == "__main__":
    main()
