"""What `sampling.adaptive` costs and saves: the rule with it and without it, on the same simulated pictures.

    python benchmarks/judge/adaptive.py [--runs 2000] [--processes 2]

Writes adaptive.md and adaptive.csv beside this file: error, power, pictures and money of one candidate against a whole
baseline; then of its successor, when the candidate has become the champion and has only what it drew.
"""

import argparse
import csv
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import starmap
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from report import SHARES, markdown, percent
from settings import EPOCHS, REFERENCE, REFERENCE_KNOWN, SETTINGS, Setting
from tally import Tally, adaptive, chunks, merged

from pixelpipe.comparison.characteristics import Design, endings, pictures_of
from pixelpipe.comparison.many_runs import Means, stops_of
from pixelpipe.comparison.simulation import Pictures, draw_side, prompt_factors
from pixelpipe.progress import progress_bar
from pixelpipe.seeds import numpy_generator

HERE = Path(__file__).parent
RATIOS = (1.0, 1.1, 1.2, 1.3, 1.4, 0.85)
NAMES = ("cv 0.50, interaction 0.20", "heavy tails", "runs differ by 5%, known")
SHOWN = (REFERENCE, REFERENCE_KNOWN, *(setting for setting in SETTINGS if setting.name in NAMES))
SUCCESSORS = (1.0, 1.1, 1.2, 1.4)  # of a champion
CHAMPIONS = (1.0, 0.85)  # of the baseline that it followed

Job = tuple[str, Setting, float, range]


def jobs(num_runs: int) -> Iterator[Job]:
    """A half as many runs where nothing rare is counted."""
    for setting in SHOWN:
        for ratio in RATIOS:
            yield from _chunks("candidate", setting, ratio, num_runs if ratio <= 1.1 else num_runs // 2)
    for setting in (REFERENCE, REFERENCE_KNOWN):
        for ratio in CHAMPIONS:
            yield from _chunks("successor", setting, ratio, 2 * num_runs)


def _chunks(part: str, setting: Setting, ratio: float, num_runs: int) -> Iterator[Job]:
    yield from ((part, setting, ratio, runs) for runs in chunks(num_runs))


def tallies(job: Job) -> list[Tally]:
    part, setting, ratio, runs = job
    return _of_candidates(setting, ratio, runs) if part == "candidate" else _of_successors(setting, ratio, runs)


def _of_candidates(setting: Setting, ratio: float, runs: range) -> list[Tally]:
    """Both designs on the same pictures."""
    truth, found = setting.truth(ratio), []
    for name, design in (("whole", setting.design), ("adaptive", adaptive(setting.design))):
        tally = Tally(setting.name, truth.name, name, "candidate")
        for end in endings(design, truth, [pictures_of(design, truth, run) for run in runs]):
            tally.add_ending(end)
        found.append(tally)
    return found


def _of_successors(setting: Setting, ratio: float, runs: range) -> list[Tally]:
    """A candidate of this ratio that is not abandoned, and whose last epoch is better than the baseline's, is crowned.

    Its successors are judged against what it drew. What they are is what it is, times their own ratio.
    """
    found = []
    for name, design in (("whole", setting.design), ("adaptive", adaptive(setting.design))):
        crowned = list(_crowned(setting, design, ratio, runs))
        for other in SUCCESSORS:
            tally = Tally(setting.name, f"{other - 1:+.0%}", name, f"successor of {ratio - 1:+.0%}")
            pictures = [_successor(setting, design, ratio, other, *each) for each in crowned]
            if pictures:
                stops, whole = stops_of(design.plan, Means.of(pictures, design.guardrails.floor))
                for stop, all_seeds in zip(stops, whole, strict=True):
                    looked_at = all_seeds[: stop or EPOCHS]
                    tally.add(stop, float(np.where(looked_at, 1.0, 1 / design.seeds_per_prompt).sum()))
            found.append(tally)
    return found


Crowned = tuple[int, np.ndarray, np.ndarray, np.ndarray]  # run, prompts, its pictures, epochs that are whole


def _crowned(setting: Setting, design: Design, ratio: float, runs: range) -> Iterator[Crowned]:
    noise, seeds = setting.noise, setting.seeds_per_prompt
    drawn = []
    for run in runs:
        rng = numpy_generator("two generations", setting.name, str(ratio), run)
        prompt = prompt_factors(noise, setting.num_prompts, rng)
        ours, theirs = (
            draw_side((setting.mean * times,) * EPOCHS, noise, prompt, seeds, rng) for times in (ratio, 1.0)
        )
        drawn.append((prompt, Pictures(ours[0], theirs[0], ours[1], theirs[1])))
    means = Means.of([pictures for _, pictures in drawn], design.guardrails.floor)
    stops, whole = stops_of(design.plan, means)
    better = means.candidate[:, -1].sum(axis=1) < means.baseline[:, -1].sum(axis=1)
    for run, (prompt, pictures), stop, epochs, is_better in zip(runs, drawn, stops, whole, better, strict=True):
        if stop is None and is_better:
            yield run, prompt, pictures.candidate, epochs


def _successor(
    setting: Setting, design: Design, ratio: float, other: float, run: int, prompt: np.ndarray, champion: np.ndarray,
    whole: np.ndarray,
) -> Pictures:  # fmt: skip
    rng = numpy_generator("successor", setting.name, str(ratio), str(other), run)
    truth = (setting.mean * ratio * other,) * EPOCHS
    ours, fresh = draw_side(truth, setting.noise, prompt, setting.seeds_per_prompt, rng)
    mask = whole if design.plan.first_pairs is not None else None
    return Pictures(ours, champion, fresh, fresh, baseline_whole=mask)


def run_all(num_runs: int, processes: int) -> list[Tally]:
    work, parts = list(jobs(num_runs)), []
    with progress_bar("simulating", len(work)) as advance:
        if processes == 1:
            for job in work:
                parts.append(tallies(job))
                advance(1)
        else:
            with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
                for part in pool.map(tallies, work):
                    parts.append(part)
                    advance(1)
    return merged(parts)


def write(found: Sequence[Tally], num_runs: int, folder: Path) -> None:
    with (folder / "adaptive.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        columns = ["part", "setting", "truth", "design", "runs", "abandoned", "abandoned_upper_95", "mean_stop"]
        writer.writerow([*columns, "pictures", *(f"saved_net_at_{share:.0%}" for share in SHARES)])
        for each in found:
            figures = [each.runs, f"{each.abandoned_share:.4f}", f"{each.abandoned_bound:.4f}"]
            saved = [f"{each.saved(share):.4f}" for share in SHARES]
            rest = [f"{each.mean_stop:.3f}", f"{each.pictures:.4f}", *saved]
            writer.writerow([each.part, each.setting, each.truth, each.rule, *figures, *rest])
    parts = [_HEAD.format(runs=num_runs, total=sum(each.runs for each in found if each.rule == "whole"))]
    for name, text in _PARTS.items():
        header, rows = _table([each for each in found if each.part == name])
        parts += [text, markdown(header, rows)]
    (folder / "adaptive.md").write_text("\n\n".join(parts) + "\n")


def _table(found: Sequence[Tally]) -> tuple[list[str], list[list[str]]]:
    header = ["setting", "truth", "runs", "abandoned: whole", "adaptive", "mean stop: whole", "adaptive"]
    header += ["pictures of those epochs", "saved, whole", "saved, adaptive"]
    pairs = zip(
        [each for each in found if each.rule == "whole"],
        [each for each in found if each.rule == "adaptive"],
        strict=True,
    )
    return header, list(starmap(_row, pairs))


def _row(whole: Tally, small: Tally) -> list[str]:
    runs = f"{whole.runs:,}" if whole.runs == small.runs else f"{whole.runs:,} / {small.runs:,}"
    return [
        *(whole.setting, whole.truth, runs),
        *(percent(each.abandoned_share) for each in (whole, small)),
        *(f"{each.mean_stop:.2f}" for each in (whole, small)),
        f"{small.pictures:.0%}",
        *(" / ".join(f"{each.saved(share):.0%}" for share in SHARES) for each in (whole, small)),
    ]


_HEAD = """# What an adaptive evaluation costs and saves

Made by `python benchmarks/judge/adaptive.py --runs {runs}`: {total:,} simulated runs of 8 epochs, each judged with
`sampling.adaptive` and without it, on the same pictures. 24 prompts x 4 seeds, the rule's defaults. "Pictures" is the
share that an adaptive run draws of what the same epochs draw whole; its last epoch is always whole. "Saved" is the
share of the GPU money of training to the end without any judging, net of evaluation, where a whole evaluation takes a
fifth and a third of an epoch's time. Every figure, with upper bounds: `adaptive.csv`."""

_PARTS = {
    "candidate": "## A candidate against a baseline that is whole",
    "successor of +0%": """## Its successor

The candidate is crowned where it was not abandoned and its last epoch drew fewer colors than the baseline's. It then
has the first seeds alone at the epochs where they were enough, and that they were enough depended on those pictures.
Its successor is compared with what there is: with one seed a prompt, unless `pixelpipe evaluate CHAMPION --as baseline`
has drawn the champion's epochs whole; then the column "whole" holds. The truth is the successor's, against the
champion.

A champion that is in truth no better than the baseline that it followed, crowned by luck:""",
    "successor of -15%": "One that is in truth 15% better:",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2000, help="with no difference and at the margin; else a half")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--to", type=Path, default=HERE, help="folder of what is written")
    arguments = parser.parse_args()
    write(run_all(arguments.runs, arguments.processes), arguments.runs, arguments.to)


if __name__ == "__main__":
    main()
