"""Operating characteristics: how often the rule is right about runs whose truth is known, and what that saves."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

import numpy as np

from pixelpipe.comparison.decision import Verdict
from pixelpipe.comparison.many_runs import Run, batch_endings, can_be_batched
from pixelpipe.comparison.simulation import Design, Ending, Pictures, Truth, decisions, draw_pictures
from pixelpipe.seeds import numpy_generator

CHUNK = 100  # runs between two steps of a progress bar


@dataclass(frozen=True, slots=True)
class Characteristics:
    """Shares of many runs with one truth."""

    endings: tuple[Ending, ...]
    planned_epochs: int

    @property
    def abandoned(self) -> float:
        return self._share(Verdict.ABANDONED)

    @property
    def promoted(self) -> float:
        return self._share(Verdict.PROMOTED)

    @property
    def mean_stop(self) -> float:
        """Epochs that a run has on average."""
        return float(np.mean([each.epoch for each in self.endings]))

    @property
    def reasons(self) -> Counter[str]:
        return Counter(str(each.reason_code) for each in self.endings)

    def saved(self, evaluation_share: float) -> float:
        """Share of the GPU money of training to the end without any judging that judging saves, its own cost paid.

        `evaluation_share`: of an epoch's GPU time, what a whole evaluation takes. Negative where judging costs more
        than it saves: a candidate that is not abandoned pays for all its looks.
        """
        return net_saving(self.mean_stop, self.planned_epochs, evaluation_share, self.mean_drawn)

    @property
    def mean_drawn(self) -> float:
        """Pictures that a run draws on average, in whole evaluations: an epoch each, unless it is adaptive."""
        return float(np.mean([each.epoch if each.drawn is None else each.drawn for each in self.endings]))

    def _share(self, verdict: Verdict) -> float:
        return sum(each.verdict is verdict for each in self.endings) / len(self.endings)


def net_saving(
    mean_stop: float, planned_epochs: int, evaluation_share: float, mean_drawn: float | None = None
) -> float:
    """`mean_drawn`: whole evaluations that a run draws; None: one an epoch."""
    training = mean_stop * (1 - evaluation_share)
    drawn = mean_stop if mean_drawn is None else mean_drawn
    return 1 - (training + drawn * evaluation_share) / planned_epochs / (1 - evaluation_share)


def simulate(
    design: Design,
    truths: Sequence[Truth],
    num_runs: int,
    processes: int = 1,
    advance: Callable[[int], None] = lambda _: None,
) -> list[Characteristics]:
    """`num_runs` runs of each truth; the same numbers whatever the number of processes."""
    chunks = [
        (number, range(start, min(start + CHUNK, num_runs)))
        for number in range(len(truths))
        for start in range(0, num_runs, CHUNK)
    ]
    found: list[list[Ending]] = [[] for _ in truths]
    for number, endings in _each(partial(_run_chunk, design, truths), chunks, processes):
        found[number] += endings
        advance(len(endings))
    return [Characteristics(tuple(endings), design.plan.epochs) for endings in found]


Chunk = tuple[int, range]


def _each(
    run: Callable[[Chunk], tuple[int, list[Ending]]], chunks: Sequence[Chunk], processes: int
) -> Iterable[tuple[int, list[Ending]]]:
    if processes == 1:
        yield from map(run, chunks)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(run, chunks)


def _run_chunk(design: Design, truths: Sequence[Truth], chunk: Chunk) -> tuple[int, list[Ending]]:
    number, runs = chunk
    truth = truths[number]
    return number, endings(design, truth, [pictures_of(design, truth, run) for run in runs])


def endings(design: Design, truth: Truth, runs: Sequence[Run]) -> list[Ending]:
    """What the rule makes of many runs' pictures, together where that is the same."""
    if not can_be_batched(design, truth):
        return [ending(design, truth, *run) for run in runs]
    found = batch_endings(design, truth, runs)
    return [ending(design, truth, *run) if ended is None else ended for ended, run in zip(found, runs, strict=True)]


def pictures_of(design: Design, truth: Truth, run: int) -> tuple[Pictures, np.random.Generator]:
    """A run's pictures depend on (seed, truth, run) and the noise only, so that rules are compared on the same ones."""
    rng = numpy_generator("simulation", design.seed, truth.name, run)
    return draw_pictures(truth, design.noise, design.num_prompts, design.seeds_per_prompt, rng), rng


def ending(design: Design, truth: Truth, pictures: Pictures, rng: np.random.Generator) -> Ending:
    """What the rule makes of them."""
    history = list(decisions(design.plan, pictures, design.guardrails, truth.look, rng))
    last, first = history[-1], 1 / design.seeds_per_prompt
    adaptive = design.plan.first_pairs is not None
    drawn = sum(first if each.stage == 1 else 1.0 for each in history) if adaptive else None
    return Ending(last.epoch, last.verdict, last.reason_code, drawn)
