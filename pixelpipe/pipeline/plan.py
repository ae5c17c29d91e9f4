"""What an experiment will take, before anything is rented: estimates, each with the method that made it. No torch.

Work is counted in TFLOP of SD1.5 (`docs/cost.md` has the figures' sources), time from what the store measured of the
same base, method and size, else from the GPU's peak at an assumed utilization. Where neither is known, time is None.
"""

import json
import math
from dataclasses import dataclass, replace
from typing import Any

from pixelpipe.comparison.evidence import stated_deviation
from pixelpipe.comparison.guardrails import Guardrails
from pixelpipe.comparison.power import planned_difference
from pixelpipe.comparison.run_deviation import RunDeviation
from pixelpipe.comparison.simulation import Noise
from pixelpipe.config import ExperimentConfig, alpha_of_look
from pixelpipe.cost import cost_usd
from pixelpipe.data.sprites import load_sprites
from pixelpipe.elsewhere import is_elsewhere
from pixelpipe.gpus import GPUS
from pixelpipe.lines import pinned_profile
from pixelpipe.pipeline.adaptive_plan import adaptive_images, is_adaptive, may_be_adaptive
from pixelpipe.pipeline.baseline import stored_config
from pixelpipe.pipeline.deviation import measured_deviation
from pixelpipe.pipeline.memory_plan import (
    FILLED,
    LORA_SHARE,
    UNET_GB,
    gpu_memory_gb,
    largest_counted,
    memory_by_batch,
    sprites_at_once,
)
from pixelpipe.pipeline.noise import DEFAULT_SOURCE, measured_noise
from pixelpipe.pipeline.work import sample_tflop, train_tflop
from pixelpipe.results.reader import latest_status, list_experiments, read_table
from pixelpipe.store import Store

UTILIZATION = 0.24  # of the peak; measured for ours on one H200 (benchmarks/), MosaicML's A100 figures give 0.28
UNCERTAINTY_ESTIMATED, UNCERTAINTY_MEASURED = 2.0, 1.3  # times more or less
SECONDS_MEASURING = 0.01  # an image and core
TINY_WEIGHTS_GB = 0.014
ADVISED_SHARE = 1 / 3
CHEAP_STEPS = 15


@dataclass(frozen=True, slots=True)
class Estimate:
    """Estimates for the whole experiment; None: nothing to estimate it from."""

    num_sprites: int
    num_images_an_epoch: int
    training_s: float | None
    evaluation_s: float | None  # at most: an adaptive evaluation may turn out to be less
    expected_evaluation_s: float | None  # of an adaptive one, of a candidate that is no worse; None: it is drawn whole
    if_adaptive_s: tuple[float, float] | None  # what to expect and at most, where it is not set and might be
    seconds_from: str
    uncertainty: float  # the truth may be this many times more, or less
    usd_per_hour: float
    disk_gb: float
    gpu_memory_gb: float | None  # as configured
    memory_by_batch: dict[int, float]  # GB by sprites computed at once
    gpu_has_gb: float | None
    detectable_difference: float | None  # excess over the baseline that the first look finds with 80% power
    detectable_from: str  # which spread of the pictures that supposes
    min_prompts: int
    advice: tuple[str, ...]

    @property
    def seconds(self) -> float | None:
        return None if self.training_s is None or self.evaluation_s is None else self.training_s + self.evaluation_s

    @property
    def usd(self) -> float | None:
        return None if self.seconds is None else cost_usd(self.seconds, self.usd_per_hour)

    @property
    def evaluation_share(self) -> float | None:
        return self.share_of(self.evaluation_s)

    @property
    def expected_evaluation_share(self) -> float | None:
        return self.share_of(self.expected_evaluation_s)

    def share_of(self, evaluation_s: float | None) -> float | None:
        """Of the plan's time, if its evaluation takes so long."""
        if self.training_s is None or not evaluation_s:
            return None
        return evaluation_s / (self.training_s + evaluation_s)


@dataclass(frozen=True, slots=True)
class Rates:
    """Seconds an image."""

    train: float
    sample: float
    source: str
    uncertainty: float


def plan_experiment(store: Store, config: ExperimentConfig) -> Estimate:
    """Raises `BadInputError` for a dataset that cannot be trained on; the base need not be on this machine."""
    dataset, sampling, epochs = config.dataset, config.sampling, config.training.epochs
    sprites = load_sprites(dataset.path, dataset.grid, dataset.background)
    trained = max(1, round(len(sprites) * (1 - dataset.validation_fraction))) * config.repeats
    drawn = sampling.num_prompts * sampling.seeds_per_prompt
    fresh = 2 * sampling.num_prompts * sampling.confirm_seeds  # a promotion draws them for both sides
    rates = _rates(store, config)
    training = None if rates is None else rates.train * trained * epochs
    measured = SECONDS_MEASURING * (drawn * epochs + fresh)
    evaluation = None if rates is None else rates.sample * (drawn * epochs + fresh) + measured
    gpu = GPUS.get(config.budget.gpu)
    line = _line_noise(store, config)
    visible, visible_from = _visible(config, *line)
    images, second = adaptive_images(config, *line[:2]), (rates.sample if rates else 0.0) + SECONDS_MEASURING
    expected, most = ((count + fresh) * second for count in (images.expected, images.most))
    adaptive = rates is not None and is_adaptive(store, config)
    found = Estimate(
        num_sprites=len(sprites),
        num_images_an_epoch=drawn,
        training_s=training,
        evaluation_s=most if adaptive else evaluation,
        expected_evaluation_s=expected if adaptive else None,
        if_adaptive_s=(expected, most) if rates is not None and may_be_adaptive(config) else None,
        seconds_from=rates.source if rates else "nothing: no run of this base at this size is in the store",
        uncertainty=rates.uncertainty if rates else math.inf,
        usd_per_hour=config.budget.price,
        disk_gb=_disk_gb(config, drawn * epochs + fresh),
        gpu_memory_gb=gpu_memory_gb(config, sprites_at_once(config)),
        memory_by_batch=memory_by_batch(config),
        gpu_has_gb=None if gpu is None else gpu.memory_gb,
        detectable_difference=visible,
        detectable_from=visible_from,
        min_prompts=config.min_prompts,
        advice=(),
    )
    return _with_advice(found, config)


def _line_noise(store: Store, config: ExperimentConfig) -> tuple[Noise, RunDeviation | None, str]:
    """How pictures and runs of the line vary, and whence it is known: its own, where its experiments show it."""
    judge, line = config.judge, config.line_name
    profile, deviation = pinned_profile(store, line, config.dataset.grid), stated_deviation(config.judge)
    if profile is None:
        return Noise(), deviation, DEFAULT_SOURCE
    floor = Guardrails.from_percentiles(profile.model_dump()["percentiles"], judge.metric).floor
    found = measured_noise(store, line, judge.metric, floor)
    deviation = deviation or measured_deviation(store, line, judge.metric, floor)
    return found.noise, deviation, found.sources["image"]


def _visible(
    config: ExperimentConfig, noise: Noise, deviation: RunDeviation | None, source: str
) -> tuple[float | None, str]:
    """What the first look sees with 80% power, all its seeds drawn, and from which spread."""
    sampling, judge = config.sampling, config.judge
    alpha = alpha_of_look(judge.alpha, 1, config.planned_looks)
    spread = deviation.spread(alpha) if deviation else 0.0
    sizes = (sampling.num_prompts, sampling.seeds_per_prompt)
    visible = planned_difference(noise, *sizes, judge.abandon_margin, alpha, spread)
    return visible, f"spread {source}" + (f"; between runs {deviation.sd:.1%}" if deviation else "")


def _rates(store: Store, config: ExperimentConfig) -> Rates | None:
    measured = _measured_rates(store, config)
    gpu = GPUS.get(config.budget.gpu)
    if measured is not None or gpu is None or config.model.base == "tiny":
        return measured
    speed = gpu.peak_tflops * UTILIZATION
    guidance = config.guidance_scale > 1
    return Rates(
        train=train_tflop(config.resolution) / speed,
        sample=sample_tflop(config.resolution, config.sampling.num_inference_steps, guidance) / speed,
        source=f"SD1.5's TFLOP at {UTILIZATION:.0%} of the peak of {config.budget.gpu}",
        uncertainty=UNCERTAINTY_ESTIMATED,
    )


def _measured_rates(store: Store, config: ExperimentConfig) -> Rates | None:
    """From the newest experiment of the store that is alike: same base, method, size, precision, steps, GPU."""
    for row in list_experiments(store):
        if not row["epochs"] or _likeness(_config(store, row["experiment_id"])) != _likeness(config):
            continue
        epochs = read_table(store, "epochs", row["experiment_id"]).to_pylist()
        seen = max(epoch["images_seen"] or 0 for epoch in epochs)
        drawn = sum(epoch["num_samples"] for epoch in epochs)
        train, sample = (sum(epoch[f"seconds_{stage}"] for epoch in epochs) for stage in ("train", "sample"))
        if seen and drawn and train and sample:
            source = f"measured: {row['experiment_id']}, {len(epochs)} epochs"
            return Rates(train / seen, sample / drawn, source, UNCERTAINTY_MEASURED)
    return None


def _config(store: Store, experiment_id: str) -> ExperimentConfig | None:
    """None for what was trained elsewhere: no configuration of ours, and no seconds."""
    change = latest_status(store, experiment_id)
    if change is None or is_elsewhere(json.loads(change["config_json"])):
        return None
    return stored_config(store, experiment_id)


def _likeness(config: ExperimentConfig | None) -> tuple[Any, ...] | None:
    if config is None:
        return None
    training = config.training
    return (
        *(config.model.base, config.model.method, config.resolution, training.mixed_precision),
        *(config.sampling.num_inference_steps, config.guidance_scale > 1, config.budget.gpu),
    )


def _disk_gb(config: ExperimentConfig, num_images: int) -> float:
    """Weights of every epoch while it runs, the optimizer of the last, and the pictures (about 1.5 byte a pixel)."""
    unet = TINY_WEIGHTS_GB if config.model.base == "tiny" else UNET_GB
    trained = unet * (LORA_SHARE if config.model.method == "lora" else 1)
    return config.training.epochs * trained + 2 * trained + num_images * 1.5e-9 * config.resolution**2


def _with_advice(plan: Estimate, config: ExperimentConfig) -> Estimate:
    advice: list[str] = []
    share = plan.expected_evaluation_share or plan.evaluation_share
    if share is not None and share > ADVISED_SHARE:
        advice += _cheaper_evaluation(plan, config, share)
    if plan.usd is not None and plan.usd > config.budget.max_usd:
        advice.append(
            f"The whole plan costs more than budget.max_usd ({config.budget.max_usd:g}): the run stops there. Raise "
            "it, or plan fewer epochs."
        )
    if plan.gpu_memory_gb and plan.gpu_has_gb and plan.gpu_memory_gb > FILLED * plan.gpu_has_gb:
        advice.append(_less_memory(plan.gpu_memory_gb, plan.gpu_has_gb, config))
    if plan.detectable_difference is not None and plan.detectable_difference > 2 * config.judge.abandon_margin + 0.2:
        advice.append("Small differences will go unseen: more prompts show more than more seeds do.")
    return replace(plan, advice=tuple(advice))


def _less_memory(needed_gb: float, gpu_gb: float, config: ExperimentConfig) -> str:
    """What to set, and to what: first what changes no result."""
    batch_size, fits = config.training.batch_size, largest_counted(config, gpu_gb)
    does_not_fit = f"{needed_gb:.0f} GB do not fit {config.budget.gpu}'s {gpu_gb:g}: set"
    if fits:
        parts = -(-batch_size // (fits * config.training.num_processes))
        return f"{does_not_fit} training.gradient_accumulation_steps={parts}; the result stays the same."
    if not config.training.gradient_checkpointing:
        return f"{does_not_fit} training.gradient_checkpointing=true."
    return f"{does_not_fit} model.method=lora, or a smaller training.resolution."


def _cheaper_evaluation(plan: Estimate, config: ExperimentConfig, share: float) -> list[str]:
    """Concrete changes, each with the share that it leaves."""
    assert plan.training_s is not None
    assert plan.evaluation_s is not None
    sampling, repeats = config.sampling, config.repeats
    fewer_seeds, fewer_steps = 1 / sampling.seeds_per_prompt, min(1.0, CHEAP_STEPS / sampling.num_inference_steps)
    both = fewer_seeds * fewer_steps
    more = max(1, math.ceil(2 * plan.evaluation_s * both / plan.training_s))
    seeds, steps = "sampling.seeds_per_prompt=1", f"sampling.num_inference_steps={CHEAP_STEPS}"
    options = [
        (seeds, fewer_seeds, 1),
        (steps, fewer_steps, 1),
        (f"{seeds} --set {steps} --set dataset.repeats={repeats * more}", both, more),
    ]
    items = [f"Evaluation would take {share:.0%} of the time; a third is plenty. What would bring it down:"]
    if plan.if_adaptive_s is not None:
        expected, most = (plan.share_of(seconds) for seconds in plan.if_adaptive_s)
        items.append(
            f"  --set sampling.adaptive=true: {expected:.0%} for a candidate that is no worse, {most:.0%} at most; "
            "not in the line's first experiment"
        )
    for text, less, times in options:
        if less < 1 or times > 1:
            left = plan.evaluation_s * less / (plan.evaluation_s * less + plan.training_s * times)
            items.append(f"  --set {text}: {left:.0%}")
    return items
