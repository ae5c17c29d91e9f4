"""The settings of the benchmark: noise, what the rule knows of it, and the truths."""

import math
from dataclasses import dataclass

from pixelpipe.comparison.characteristics import Design
from pixelpipe.comparison.evidence import Plan
from pixelpipe.comparison.guardrails import Guardrails
from pixelpipe.comparison.run_deviation import RunDeviation
from pixelpipe.comparison.simulation import Look, Noise, Truth
from pixelpipe.config import JudgeConfig
from pixelpipe.seeds import numpy_generator

EPOCHS = 8
GUARDRAILS = Guardrails(
    floor=18.0, min_colors=8.0, max_colors=math.inf, max_largest_share=0.9, max_geary_c=0.8, max_coarse_grid=0.6
)


@dataclass(frozen=True)
class Setting:
    """A kind of noise, and the deviation between runs that the rule is told; None: it is not known."""

    name: str
    noise: Noise
    known_sd: float | None = None
    measured_runs: int | None = None  # the rule is told an estimate of the deviation, from so many runs
    num_prompts: int = 24
    seeds_per_prompt: int = 4
    mean: float = 50.0

    @property
    def design(self) -> Design:
        return self._design(None if self.known_sd is None else RunDeviation(self.known_sd, None, "stated"))

    def design_of(self, run: int) -> Design:
        """Of one simulated run: where the deviation is measured, with an estimate of its own."""
        if self.measured_runs is None:
            return self.design
        degrees = self.measured_runs - 1
        drawn = numpy_generator("measured deviation", self.name, run).chisquare(degrees) / degrees
        return self._design(RunDeviation(self.noise.run * math.sqrt(drawn), degrees, "measured"))

    @property
    def is_told(self) -> bool:
        """Whether the rule knows how far runs differ."""
        return self.known_sd is not None or self.measured_runs is not None

    def _design(self, deviation: RunDeviation | None) -> Design:
        pairs = self.num_prompts * self.seeds_per_prompt
        plan = Plan("candidate-00000000", "line", EPOCHS, pairs, pairs, JudgeConfig(), deviation)
        return Design(plan, self.num_prompts, self.seeds_per_prompt, GUARDRAILS, self.noise)

    def truth(self, ratio: float) -> Truth:
        return Truth.constant(ratio, EPOCHS, self.mean)


def _of_noise(image: float, interaction: float) -> Setting:
    return Setting(f"cv {image:.2f}, interaction {interaction:.2f}", Noise(image=image, interaction=interaction))


REFERENCE = _of_noise(0.30, 0.10)
REFERENCE_KNOWN = Setting("the same, deviation between runs known to be 0", Noise(), known_sd=0.0)
SETTINGS = (
    REFERENCE,
    REFERENCE_KNOWN,
    _of_noise(0.25, 0.10),
    _of_noise(0.35, 0.10),
    _of_noise(0.50, 0.10),
    _of_noise(0.25, 0.20),
    _of_noise(0.30, 0.20),
    _of_noise(0.35, 0.20),
    _of_noise(0.50, 0.20),
    Setting("heavy tails", Noise(heavy_tails=True)),
    Setting("discrete counts around 24", Noise(discrete=True), mean=24.0),
    Setting("epochs independent", Noise(epoch_correlation=0.0)),
    Setting("epochs correlated 0.9", Noise(epoch_correlation=0.9)),
    Setting("12 prompts x 2 seeds", Noise(), num_prompts=12, seeds_per_prompt=2),
    *(Setting(f"runs differ by {sd:.0%}, not known", Noise(run=sd)) for sd in (0.05, 0.08, 0.15)),
    *(Setting(f"runs differ by {sd:.0%}, known", Noise(run=sd), known_sd=sd) for sd in (0.05, 0.08, 0.15)),
    *(
        Setting(f"runs differ by {sd:.0%}, measured from 8 runs", Noise(run=sd), measured_runs=8)
        for sd in (0.05, 0.08, 0.15)
    ),
)


def _falling(start: float, end: float) -> tuple[float, ...]:
    return tuple(50.0 * (start + (end - start) * epoch / (EPOCHS - 1)) for epoch in range(EPOCHS))


FLAT, NOTHING = (50.0,) * EPOCHS, (1.0,) * EPOCHS
SPECIAL = (
    Truth("late bloomer: +60% falling to -10%, the baseline from +60% to 0", _falling(1.6, 0.9), _falling(1.6, 1.0)),
    Truth("worse early, better late: +60% falling to -10%, the baseline flat", _falling(1.6, 0.9), FLAT),
    Truth("blank", NOTHING, FLAT, Look(colors=1.0, largest_share=1.0, duplicate_rate=0.99, clean_rate=1.0)),
    Truth("one sprite repeated", FLAT, FLAT, Look(colors=23.0, duplicate_rate=0.99, clean_rate=1.0)),
    Truth("3 colors", NOTHING, FLAT, Look(colors=3.0, largest_share=0.7, clean_rate=1.0)),
    Truth("saturated noise, as many colors as the baseline", FLAT, FLAT, Look(geary_c=1.0, clean_rate=0.0)),
    Truth("coarser than its grid, 20% fewer colors", (40.0,) * EPOCHS, FLAT, Look(coarse_grid=1.0)),
)
