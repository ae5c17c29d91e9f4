"""What the rule would do with a plan: simulated with the variances of the line, in the plan's own dollars."""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from pixelpipe.comparison.characteristics import Characteristics, simulate
from pixelpipe.comparison.evidence import Plan
from pixelpipe.comparison.guardrails import Guardrails
from pixelpipe.comparison.power import cheapest, planned_difference
from pixelpipe.comparison.run_deviation import RunDeviation
from pixelpipe.comparison.simulation import Design, Truth
from pixelpipe.config import ExperimentConfig
from pixelpipe.cost import Spend
from pixelpipe.lines import pinned_profile
from pixelpipe.pipeline.deviation import measured_deviation
from pixelpipe.pipeline.noise import MeasuredNoise, measured_noise
from pixelpipe.results.reader import read_table
from pixelpipe.store import Store

DIFFERENCES = (-0.15, 0.0, 0.10, 0.20, 0.40, 0.60)
FLOOR, MIN_COLORS = 18.0, 8.0  # a line without art yet: median and 1st percentile of 204 portraits at 24 px


@dataclass(frozen=True, slots=True)
class EpochCost:
    """Of one epoch, as the line's epochs were; or a stated share where there are none."""

    usd: float | None  # None: no epoch was run yet
    evaluation_share: float
    source: str


@dataclass(frozen=True, slots=True)
class Forecast:
    """What comes of a plan, by true difference."""

    config: ExperimentConfig
    measured: MeasuredNoise
    deviation: RunDeviation | None
    cost: EpochCost
    rows: tuple[tuple[float, Characteristics], ...]  # true difference, and what the rule does
    others: tuple[tuple[float, Characteristics], ...]  # with `sampling.adaptive` the other way; none: one seed a prompt
    sees: float | None  # smallest difference seen at the first look with 80% power
    wanted: float
    needed: tuple[int, int] | None  # prompts x seeds that see `wanted`

    def usd_saved(self, found: Characteristics) -> float | None:
        """Against training to the end without judging."""
        if self.cost.usd is None:
            return None
        evaluation = self.cost.usd * self.cost.evaluation_share
        training = self.cost.usd - evaluation
        full = training * found.planned_epochs
        return full - training * found.mean_stop - evaluation * found.mean_drawn


def forecast(
    store: Store,
    config: ExperimentConfig,
    wanted: float,
    num_runs: int,
    processes: int,
    advance: Callable[[int], None],
) -> Forecast:
    """Simulate `num_runs` runs of every true difference of DIFFERENCES; `wanted`: the difference to be seen."""
    judge, sampling, line = config.judge, config.sampling, config.line_name
    guardrails = _guardrails(store, config)
    measured = measured_noise(store, line, judge.metric, guardrails.floor)
    plan = Plan.from_config("forecast-00000000", config)
    deviation = plan.deviation or measured_deviation(store, line, judge.metric, guardrails.floor)
    noise = replace(measured.noise, run=deviation.sd if deviation else 0.0)
    design = Design(
        plan=replace(plan, deviation=deviation),
        num_prompts=sampling.num_prompts,
        seeds_per_prompt=sampling.seeds_per_prompt,
        guardrails=guardrails,
        noise=noise,
        seed=config.seed,
    )
    epochs = config.training.epochs
    truths = [Truth.constant(1 + difference, epochs, measured.mean) for difference in DIFFERENCES]
    found = simulate(design, truths, num_runs, processes, advance)
    others: list[Characteristics] = []
    if num_designs(config) > 1:
        other = None if sampling.adaptive else sampling.num_prompts
        turned = replace(design, plan=replace(design.plan, first_pairs=other))
        others = simulate(turned, truths, num_runs, processes, advance)
    alpha = plan.alpha_at(judge.grace + 1)
    spread = deviation.spread(alpha) if deviation else 0.0
    limits = (judge.abandon_margin, alpha, spread)
    return Forecast(
        config=config,
        measured=measured,
        deviation=deviation,
        cost=_epoch_cost(store, config),
        rows=tuple(zip(DIFFERENCES, found, strict=True)),
        others=tuple(zip(DIFFERENCES, others, strict=False)),
        sees=planned_difference(noise, sampling.num_prompts, sampling.seeds_per_prompt, *limits),
        wanted=wanted,
        needed=cheapest(noise, wanted, *limits),
    )


def num_designs(config: ExperimentConfig) -> int:
    """Whole and adaptive, where there are seeds to leave out."""
    return 2 if config.sampling.seeds_per_prompt > 1 else 1


def _guardrails(store: Store, config: ExperimentConfig) -> Guardrails:
    """The art's floor; its upper limits are left out, since what is simulated is the difference, not the art."""
    profile = pinned_profile(store, config.line_name, config.dataset.grid)
    if profile is None:
        return Guardrails(FLOOR, MIN_COLORS, math.inf, 1.0)
    limits = Guardrails.from_percentiles(profile.model_dump()["percentiles"], config.judge.metric)
    return replace(limits, max_colors=math.inf)


def _epoch_cost(store: Store, config: ExperimentConfig) -> EpochCost:
    """Of an epoch that is evaluated whole: what an adaptive one drew is counted up to all of its seeds."""
    line, usd_per_hour = config.line_name, config.budget.price
    rows = [row for row in read_table(store, "epochs").to_pylist() if row["line"] == line]
    short = {
        (row["experiment_id"], row["epoch"])
        for row in read_table(store, "decisions", columns=["experiment_id", "epoch", "stage"]).to_pylist()
        if row["stage"] == 1
    }
    spends = [
        _spend(row, config.sampling.seeds_per_prompt if (row["experiment_id"], row["epoch"]) in short else 1)
        for row in rows
    ]
    spends = [spend for spend in spends if spend.seconds > 0]
    if not spends:
        return EpochCost(None, 0.25, "assumed: a quarter of an epoch's time is evaluation")
    usd = float(np.mean([spend.usd(usd_per_hour) for spend in spends]))
    share = float(np.mean([spend.evaluation_share for spend in spends]))
    return EpochCost(usd, share, f"measured: {len(spends)} epochs of line {line}")


def _spend(row: dict[str, Any], times: int) -> Spend:
    """An epoch's seconds, its pictures so many times as many."""
    spend = Spend(**{field.name: row[f"seconds_{field.name}"] for field in fields(Spend)})
    return replace(spend, sample=times * spend.sample, analyze=times * spend.analyze)
