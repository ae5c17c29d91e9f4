"""One description of an experiment, read from the Parquet tables alone: what every document is made from.

It is built for an experiment in any state: running, without a baseline, without a single epoch, failed. What the
tables do not know is None, never a guess.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pixelpipe.comparison.decision import BaselineKind, Decision
from pixelpipe.comparison.difference import (
    Factor,
    FactorialRun,
    changed_factors,
    confounded,
    factorial_runs,
    unstated_factors,
)
from pixelpipe.config import parse_config
from pixelpipe.cost import Savings, Spend, savings
from pixelpipe.elsewhere import is_elsewhere
from pixelpipe.errors import BadInputError
from pixelpipe.keys import experiment_key
from pixelpipe.reporting.dataset_facts import DatasetFacts, read_dataset_facts
from pixelpipe.reporting.judged_against import Baseline, read_baseline, split_reference
from pixelpipe.reporting.same_pictures import Pair, compared_in_part
from pixelpipe.reporting.trajectory import (
    STAGES,
    EpochFacts,
    Row,
    decisions_by_epoch,
    read_epochs,
    read_images,
)
from pixelpipe.reporting.vae_floor import VaeFloor, read_vae_floor
from pixelpipe.reporting.vote_agreement import ReviewFacts, read_review_facts
from pixelpipe.results.reader import latest_status
from pixelpipe.store import Store

ENDED_BY_RULE = ("abandoned", "inconclusive")  # a run that stopped by decision, not by accident


@dataclass(frozen=True, slots=True)
class Description:
    """An experiment so far, or as it ended."""

    experiment_id: str
    name: str
    line: str
    status: str
    reason_code: str | None
    sentence: str  # why, in one sentence; "" when nothing was said
    changed_at: datetime  # of the status, UTC
    attempt: int
    origin: str | None  # None: it was run here; else what is known of it: "figures", "images" or "checkpoint"
    config: Mapping[str, Any]  # resolved; of what was trained elsewhere, what is stated
    hashes: Mapping[str, str | None]  # dataset, captions, base, config -> SHA-256; None: trained elsewhere
    planned_epochs: int
    epochs: tuple[EpochFacts, ...]
    metric: str
    floor: float | None  # the training art's median of `metric`; against a trajectory less counts as it
    vae_floor: VaeFloor | None  # what its base's VAE alone makes of its art
    baseline_vae_floor: VaeFloor | None
    num_prompts: int  # of the evaluation set, as far as it was drawn; 0 before the first epoch
    seeds_per_prompt: int
    baseline: Baseline | None
    factors: tuple[Factor, ...] | None  # None: no baseline, or one whose configuration the store lacks
    unstated: tuple[str, ...]  # factors that only one side states: nobody knows whether they differ
    dataset: DatasetFacts | None
    review: ReviewFacts | None  # what people preferred who did not know which was which
    savings: Savings | None  # None: nothing was stopped early by the rule
    place: str  # the experiment's folder, for people
    compared: Mapping[int, Pair] = field(default_factory=dict)  # epochs that were compared on a part of their images

    @property
    def last(self) -> EpochFacts | None:
        return self.epochs[-1] if self.epochs else None

    @property
    def decision(self) -> Decision | None:
        """The newest decision."""
        return next((facts.decision for facts in reversed(self.epochs) if facts.decision), None)

    @property
    def verdict(self) -> str:
        """The one sentence that every document of the experiment opens with."""
        if self.status == "running":
            so_far = f" So far: {self.sentence}" if self.decision and self.sentence else ""
            return f"Not decided yet: the experiment is running.{so_far}"
        return self.sentence or f"The experiment is {self.status}; no reason was stored."

    @property
    def has_images(self) -> bool:
        """Whether there is something to look at."""
        return self.origin != "figures"

    @property
    def num_short(self) -> int:
        """Epochs that were judged on fewer seeds than others: the first of every prompt."""
        short = sum(facts.decision is not None and facts.decision.stage == 1 for facts in self.epochs)
        return short if self.seeds_per_prompt > 1 else 0

    @property
    def is_first(self) -> bool:
        """The line had no champion to judge it against."""
        return self.decision is not None and self.decision.baseline_kind is BaselineKind.NONE

    @property
    def confounded(self) -> bool:
        return confounded(list(self.factors or ()))

    @property
    def factorial_runs(self) -> list[FactorialRun]:
        return factorial_runs(list(self.factors or ()))

    @property
    def usd_per_epoch(self) -> float:
        """Of the dearer of both sides: what a run between them costs at most, as far as anybody knows."""
        theirs = self.baseline.trajectory if self.baseline else ()
        sides = [[facts.cost_usd for facts in side] for side in (self.epochs, theirs)]
        return max((sum(costs) / len(costs) for costs in sides if costs), default=0.0)

    @property
    def spend(self) -> Spend:
        """Seconds by stage of all committed epochs."""
        totals = {stage: sum(getattr(facts.spend, stage) for facts in self.epochs) for stage in STAGES}
        return Spend(**totals)

    @property
    def cost_usd(self) -> float:
        return sum(facts.cost_usd for facts in self.epochs)

    def baseline_of(self, facts: EpochFacts) -> EpochFacts | None:
        """The baseline's epoch that this one was compared with, with the figures of the images that both drew."""
        if facts.epoch in self.compared:
            return self.compared[facts.epoch][1]
        if self.baseline is None or facts.decision is None:
            return None
        experiment_id, epoch = split_reference(facts.decision.baseline)
        return self.baseline.at(epoch) if experiment_id == self.baseline.experiment_id else None

    def as_compared(self, facts: EpochFacts) -> EpochFacts:
        """The epoch with the figures of the images that its baseline drew, too."""
        return self.compared[facts.epoch][0] if facts.epoch in self.compared else facts


def describe(store: Store, experiment_id: str) -> Description:
    """The experiment as the tables know it; `BadInputError` when they do not know it at all."""
    change = latest_status(store, experiment_id)
    if change is None:
        raise BadInputError(f"experiment {experiment_id}: must be one of the store {store.url} but is not")
    config = _config(change)
    decisions = decisions_by_epoch(store, experiment_id)
    newest = decisions[max(decisions)] if decisions else None
    metric = newest.metric if newest else str(config["judge"]["metric"])
    images = read_images(store, experiment_id, metric)
    epochs = read_epochs(store, experiment_id, images, metric, decisions)
    baseline = read_baseline(store, decisions)
    floor = newest.floor if newest and metric == config["judge"]["metric"] else None  # else of another metric
    planned = _planned(config, epochs)
    theirs = _config_of(store, baseline)
    return Description(
        experiment_id=experiment_id,
        name=change["name"],
        line=change["line"],
        status=change["status"],
        reason_code=change["reason_code"],
        sentence=change["message"] or (newest.sentence if newest else ""),
        changed_at=change["changed_at"],
        attempt=change["attempt"],
        origin=config.get("origin"),
        config=config,
        hashes=_hashes(change),
        planned_epochs=planned,
        epochs=epochs,
        metric=metric,
        floor=floor,
        vae_floor=read_vae_floor(store, experiment_id),
        baseline_vae_floor=read_vae_floor(store, baseline.experiment_id if baseline else None),
        **_evaluation_set(images),
        baseline=baseline,
        factors=_factors(change, config, theirs),
        unstated=tuple(unstated_factors(config, theirs[1])) if theirs else (),
        dataset=read_dataset_facts(store, experiment_id),
        review=read_review_facts(store, experiment_id, metric, decisions),
        savings=None if config.get("origin") == "checkpoint" else _savings(change["status"], planned, epochs),
        place=store.uri(experiment_key(experiment_id)),
        compared=compared_in_part(store, images, epochs, baseline, metric, newest.floor if newest else None),
    )


def _planned(config: Mapping[str, Any], epochs: Sequence[EpochFacts]) -> int:
    """Of a checkpoint that is only evaluated, the epochs that there are, however many its training had planned."""
    last = max((facts.epoch for facts in epochs), default=1)
    return last if config.get("origin") == "checkpoint" else int(config["training"].get("epochs") or last)


def _evaluation_set(images: Sequence[Row]) -> dict[str, int]:
    """Of all epochs together: an adaptive evaluation does not draw all of it at every one."""
    prompts = {image["prompt_id"] for image in images}
    seeds = {(image["prompt_id"], image["seed"]) for image in images}
    return {"num_prompts": len(prompts), "seeds_per_prompt": round(len(seeds) / max(len(prompts), 1))}


def _config_of(store: Store, baseline: Baseline | None) -> tuple[Row, dict[str, Any]] | None:
    """The baseline's status row and configuration; None where the store does not have them."""
    change = latest_status(store, baseline.experiment_id) if baseline and baseline.experiment_id else None
    return None if change is None else (change, _config(change))


def _factors(
    change: Row, config: Mapping[str, Any], theirs: tuple[Row, dict[str, Any]] | None
) -> tuple[Factor, ...] | None:
    if theirs is None:
        return None
    return tuple(changed_factors(config, theirs[1], _hashes(change), _hashes(theirs[0])))


def _config(change: Row) -> dict[str, Any]:
    """Resolved, whether the row has it resolved or as it was given: only so two of them can be compared."""
    config = json.loads(change["config_json"])
    if is_elsewhere(config):
        return config
    return parse_config(config, f"config_json of {change['experiment_id']}").resolved()


def _hashes(change: Row) -> dict[str, str | None]:
    return {name: change[f"{name}_hash"] for name in ("dataset", "captions", "base", "config")}


def _savings(status: str, planned: int, epochs: Sequence[EpochFacts]) -> Savings | None:
    left = planned - len(epochs)
    if status not in ENDED_BY_RULE or not epochs or left <= 0:
        return None
    return savings(left, [facts.spend for facts in epochs], [facts.cost_usd for facts in epochs])
