"""What the rule does over many simulated runs whose truth is known: its operating characteristics.

Pictures are drawn from a model of what checkpoints do; everything after them (pairing, test, streaks, decision,
confirmation) is the rule that a run uses, not a copy of it. The judged value of picture s of prompt p at epoch e is

    mean[e] x run x prompt[p] x interaction[p, e] x image[p, s, e]

for either side, all factors log-normal with mean 1: `run` is the training seed's (one a side and run), `prompt` is
shared by both sides, `interaction` is what a checkpoint does with a prompt, `image` is the seed of the picture.
The last two keep a share `epoch_correlation` of their variance from epoch to epoch: prompts and seeds are fixed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pixelpipe.comparison.confirmation import confirm
from pixelpipe.comparison.decision import BaselineKind, Decision, ReasonCode, Verdict
from pixelpipe.comparison.evidence import (
    BaselineEvidence,
    ConfirmationEvidence,
    EpochContext,
    EpochEvidence,
    Plan,
)
from pixelpipe.comparison.guardrails import Guardrails
from pixelpipe.comparison.pairing import Pairing
from pixelpipe.comparison.rule import decide
from pixelpipe.comparison.stages import has_stages, is_open

IMAGES_AN_EPOCH = 200
EVAL_SET, FRESH = "simulated", "fresh"
OUTLIERS, OUTLIER_SCALE = 0.05, 3.0  # heavy tails: so many pictures with so many times the deviation


@dataclass(frozen=True, slots=True)
class Noise:
    """How figures vary that ought to be the same; every deviation as a share of the mean."""

    image: float = 0.30  # between pictures of one prompt and one checkpoint
    interaction: float = 0.10  # of the ratio of two checkpoints, between prompts
    prompt: float = 0.20  # between prompts, shared by both sides
    epoch_correlation: float = 0.5  # of a prompt's interaction, and of a picture's, from epoch to epoch
    run: float = 0.0  # between runs of one configuration; of either side
    heavy_tails: bool = False
    discrete: bool = False  # whole numbers of colors


@dataclass(frozen=True, slots=True)
class Look:
    """What all pictures of one kind look like to the guardrails; a healthy generator's by default."""

    colors: float | None = None  # effective colors of every picture; None: as drawn
    largest_share: float = 0.4
    duplicate_rate: float = 0.02
    clean_rate: float = 0.6
    geary_c: float | None = None  # median Geary's C of the cells, 1 is noise; None: not measured
    coarse_grid: float | None = None  # 1: half or a third of the cells a side


@dataclass(frozen=True, slots=True)
class Truth:
    """Mean colors of candidate and baseline at every epoch, were there no noise."""

    name: str
    candidate: tuple[float, ...]
    baseline: tuple[float, ...]
    look: Look = Look()

    @classmethod
    def constant(cls, ratio: float, epochs: int, mean: float = 50.0) -> "Truth":
        return cls(f"{ratio - 1:+.0%}", (mean * ratio,) * epochs, (mean,) * epochs)


@dataclass(frozen=True, slots=True)
class Pictures:
    """Judged values of one simulated run, before any floor: candidate and baseline, (E, P, S) float64 each."""

    candidate: np.ndarray
    baseline: np.ndarray
    fresh_candidate: np.ndarray  # (P, S): the last checkpoint's on fresh seeds
    fresh_baseline: np.ndarray
    baseline_whole: np.ndarray | None = None  # (E,) bool: not the first seeds alone; None: at every epoch


@dataclass(frozen=True, slots=True)
class Design:
    """What is simulated: a plan, its evaluation set, the art's limits and the noise."""

    plan: Plan
    num_prompts: int
    seeds_per_prompt: int
    guardrails: Guardrails
    noise: Noise
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Ending:
    """How a simulated run ended."""

    epoch: int
    verdict: Verdict
    reason_code: ReasonCode
    drawn: float | None = None  # whole evaluations' worth of pictures; None: not adaptive, one an epoch


def draw_pictures(
    truth: Truth, noise: Noise, num_prompts: int, seeds_per_prompt: int, rng: np.random.Generator
) -> Pictures:
    """One run's pictures; its generator decides everything."""
    prompt = prompt_factors(noise, num_prompts, rng)
    sides = [draw_side(means, noise, prompt, seeds_per_prompt, rng) for means in (truth.candidate, truth.baseline)]
    (candidate, fresh_candidate), (baseline, fresh_baseline) = sides
    if truth.look.colors is not None:
        candidate, fresh_candidate = (
            np.full_like(values, truth.look.colors) for values in (candidate, fresh_candidate)
        )
    return Pictures(candidate, baseline, fresh_candidate, fresh_baseline)


def decisions(
    plan: Plan, pictures: Pictures, guardrails: Guardrails, look: Look, rng: np.random.Generator
) -> Iterator[Decision]:
    """The rule's decisions about a simulated run, to its end. `rng`: of the clean flags of a confirmation."""
    history: list[Decision] = []
    for epoch in range(1, plan.epochs + 1):
        decision = decide_epoch(plan, pictures, guardrails, look, epoch, history, rng)
        history.append(decision)
        yield decision
        if decision.ends_run:
            return


def decide_epoch(
    plan: Plan,
    pictures: Pictures,
    guardrails: Guardrails,
    look: Look,
    epoch: int,
    history: Sequence[Decision],
    rng: np.random.Generator,
) -> Decision:
    """The rule's decision about one epoch, confirmed where it has to be."""
    baseline = pictures.baseline[epoch - 1]
    alone = pictures.baseline_whole is not None and not pictures.baseline_whole[epoch - 1]

    def at_stage(stage: int | None) -> EpochContext:
        candidate = pictures.candidate[epoch - 1][:, : 1 if stage == 1 else None]
        evidence = _evidence(candidate, plan, look, epoch)
        theirs = _baseline(candidate, baseline, alone, guardrails.floor, plan, epoch)
        return EpochContext(plan, evidence, theirs, guardrails, tuple(history), stage)

    context = at_stage(1 if has_stages(plan, epoch) else None)
    if is_open(context):
        context = at_stage(2)
    decision = decide(context)
    if decision.needs_confirmation:
        decision = confirm(context, decision, _fresh(pictures, guardrails, look, rng))
    return decision


def floored_pairing(candidate: np.ndarray, baseline: np.ndarray, floor: float | None, eval_set: str) -> Pairing:
    """The pairing of two whole sets of (P, S) values, as `pair` makes it of their tables."""
    ours, theirs = (values if floor is None else np.maximum(values, floor) for values in (candidate, baseline))
    num_prompts, seeds = ours.shape
    return Pairing(
        metric="effective_colors",
        floor=floor,
        prompt_ids=tuple(f"p{number:03d}" for number in range(num_prompts)),
        candidate_means=tuple(ours.mean(axis=1).tolist()),
        baseline_means=tuple(theirs.mean(axis=1).tolist()),
        num_pairs=num_prompts * seeds,
        missing_candidate=0,
        missing_baseline=0,
        non_finite_candidate=0,
        non_finite_baseline=0,
        duplicates_candidate=0,
        duplicates_baseline=0,
        candidate_eval_sets=(eval_set,),
        baseline_eval_sets=(eval_set,),
    )


def prompt_factors(noise: Noise, num_prompts: int, rng: np.random.Generator) -> np.ndarray:
    """(P, 1) what prompts share, whoever draws them."""
    return _factors(noise.prompt, (num_prompts, 1), rng)


def _factors(deviation: float, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Log-normal with mean 1 and this coefficient of variation."""
    return _lognormal(deviation, rng.standard_normal(shape))


def _lognormal(deviation: float, normal: np.ndarray) -> np.ndarray:
    sigma = np.sqrt(np.log1p(deviation**2))
    return np.exp(sigma * normal - sigma**2 / 2)


def draw_side(
    truth: Sequence[float], noise: Noise, prompt: np.ndarray, seeds: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """(E, P, S) values of one side, and (P, S) of its last checkpoint on fresh seeds; `truth`: its E means."""
    means = np.array(truth)
    epochs, prompts = len(means), len(prompt)
    run = _factors(noise.run, (), rng)
    own = _persisting((epochs, prompts, 1), noise.epoch_correlation, rng)
    checkpoint = means[:, None, None] * run * prompt * _lognormal(noise.interaction / np.sqrt(2), own)
    image = _persisting((epochs, prompts, seeds), noise.epoch_correlation, rng)
    fresh = rng.standard_normal((prompts, seeds))
    if noise.heavy_tails:
        image, fresh = (np.where(rng.random(z.shape) < OUTLIERS, OUTLIER_SCALE * z, z) for z in (image, fresh))
    values, afresh = checkpoint * _lognormal(noise.image, image), checkpoint[-1] * _lognormal(noise.image, fresh)
    return (_counts(values), _counts(afresh)) if noise.discrete else (values, afresh)


def _counts(values: np.ndarray) -> np.ndarray:
    """Whole numbers from 1."""
    return np.maximum(np.round(values), 1)


def _persisting(shape: tuple[int, int, int], correlation: float, rng: np.random.Generator) -> np.ndarray:
    """Standard normal, correlated between epochs (the first axis)."""
    fixed = rng.standard_normal((1, *shape[1:]))
    return np.sqrt(correlation) * fixed + np.sqrt(1 - correlation) * rng.standard_normal(shape)


def _evidence(candidate: np.ndarray, plan: Plan, look: Look, epoch: int) -> EpochEvidence:
    """Of the candidate's (P, S) values at an epoch."""
    return EpochEvidence(
        epoch=epoch,
        images_seen=IMAGES_AN_EPOCH * epoch,
        eval_set_id=EVAL_SET,
        dataset_hash="simulated",
        num_images=candidate.size,
        non_finite=0,
        duplicate_rows=0,
        means={plan.judge.metric: float(candidate.mean())},
        median_colors=float(np.median(candidate)),
        median_largest_share=look.largest_share,
        duplicate_rate=look.duplicate_rate,
        median_geary_c=look.geary_c,
        median_coarse_grid=look.coarse_grid,
    )


def _baseline(
    candidate: np.ndarray, baseline: np.ndarray, first_seeds_alone: bool, floor: float, plan: Plan, epoch: int
) -> BaselineEvidence:
    """The (P, S) values of both at an epoch, paired as far as both are drawn."""
    seeds = 1 if first_seeds_alone else candidate.shape[1]
    pairing = floored_pairing(candidate[:, :seeds], baseline[:, :seeds], floor, EVAL_SET)
    pairing = replace(pairing, expected_pairs=pairing.num_pairs if first_seeds_alone else None)
    return BaselineEvidence(
        kind=BaselineKind.MATCHED,
        reference=f"baseline-00000000@{epoch}",
        images_seen=IMAGES_AN_EPOCH * epoch,
        dataset_hash="simulated",
        pairing=pairing,
        champion=f"baseline-00000000@{plan.epochs}",
        champion_pairing=pairing if epoch == plan.epochs else None,  # the baseline's last checkpoint
        first_seeds_alone=first_seeds_alone,
    )


def _fresh(pictures: Pictures, guardrails: Guardrails, look: Look, rng: np.random.Generator) -> ConfirmationEvidence:
    ours, theirs = pictures.fresh_candidate, pictures.fresh_baseline
    clean, their_clean = (
        (rng.random(ours.shape) < rate).astype(float) for rate in (look.clean_rate, Look().clean_rate)
    )
    return ConfirmationEvidence(
        reference="baseline-00000000@8",
        pairing=floored_pairing(ours, theirs, guardrails.floor, FRESH),
        clean=replace(floored_pairing(clean, their_clean, None, FRESH), metric="clean"),
        agreement=None,
        median_colors=float(np.median(ours)),
        median_largest_share=look.largest_share,
        duplicate_rate=look.duplicate_rate,
        median_geary_c=look.geary_c,
        median_coarse_grid=look.coarse_grid,
    )
