"""One description of an experiment, read from the Parquet tables alone: what every document is made from.

It is built for an experiment in any state: running, without a baseline, without a single epoch, failed. What the
tables do not know is None, never a guess.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from pixelpipe.reporting.trajectory import (
    STAGES,
    EpochFacts,
    Row,
    decisions_by_epoch,
    read_epochs,
    read_images,
)
from pixelpipe.reporting.vae_floor import VaeFloor, read_vae_floor
from pixelpipe.results.reader import latest_status, read_table
from pixelpipe.store import Store

ENDED_BY_RULE = ("abandoned", "inconclusive")  # a run that stopped by decision, not by accident


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the experiment was judged against."""

    reference: str  # "<experiment>@<epoch>" of the latest comparison, or the name of a summary
    experiment_id: str | None  # None: a summary
    champion: str | None  # its promoted checkpoint, "<experiment>@<epoch>", where the store knows it
    trajectory: tuple[EpochFacts, ...]  # its committed epochs; `judged` in the candidate's metric, floored alike
    origin: str | None = None  # None: it was run here; else what is known of it: "figures" or "images"

    def at(self, epoch: int | None) -> EpochFacts | None:
        return next((point for point in self.trajectory if point.epoch == epoch), None)


@dataclass(frozen=True, slots=True)
class DatasetFacts:
    num_train: int
    num_validation: int
    num_near_duplicates: int  # sprites that nearly repeat another one
    strategies: tuple[str, ...]  # of the captions
    num_flagged_captions: int  # of training sprites, with words that their sprites cannot or do not show
    flagged_terms: tuple[tuple[str, int], ...]  # the commonest of these words, with their captions

    @property
    def num_sprites(self) -> int:
        return self.num_train + self.num_validation


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
    origin: str | None  # None: it was run here; else what is known of it: "figures" or "images"
    config: Mapping[str, Any]  # resolved; of what was trained elsewhere, what is stated
    hashes: Mapping[str, str | None]  # dataset, captions, base, config -> SHA-256; None: trained elsewhere
    planned_epochs: int
    epochs: tuple[EpochFacts, ...]
    metric: str
    floor: float | None  # the training art's median of `metric`; against a trajectory less counts as it
    vae_floor: VaeFloor | None  # what its base's VAE alone makes of its art
    baseline_vae_floor: VaeFloor | None
    num_prompts: int  # of the evaluation set; 0 before the first epoch
    seeds_per_prompt: int
    baseline: Baseline | None
    factors: tuple[Factor, ...] | None  # None: no baseline, or one whose configuration the store lacks
    unstated: tuple[str, ...]  # factors that only one side states: nobody knows whether they differ
    dataset: DatasetFacts | None
    savings: Savings | None  # None: nothing was stopped early by the rule
    place: str  # the experiment's folder, for people

    @property
    def last(self) -> EpochFacts | None:
        return self.epochs[-1] if self.epochs else None

    @property
    def decision(self) -> Decision | None:
        """The newest decision."""
        return next((facts.decision for facts in reversed(self.epochs) if facts.decision), None)

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
        """The baseline's epoch that this one was compared with."""
        if self.baseline is None or facts.decision is None:
            return None
        experiment_id, epoch = split_reference(facts.decision.baseline)
        return self.baseline.at(epoch) if experiment_id == self.baseline.experiment_id else None


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
    judged_against = _baseline_decision(decisions)
    baseline = None if judged_against is None else _baseline(store, judged_against)
    planned = int(config["training"].get("epochs") or max((facts.epoch for facts in epochs), default=1))
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
        floor=newest.floor if newest and metric == config["judge"]["metric"] else None,  # else of another metric
        vae_floor=read_vae_floor(store, experiment_id),
        baseline_vae_floor=read_vae_floor(store, baseline.experiment_id if baseline else None),
        **_evaluation_set(images),
        baseline=baseline,
        factors=_factors(change, config, theirs),
        unstated=tuple(unstated_factors(config, theirs[1])) if theirs else (),
        dataset=_dataset(store, experiment_id),
        savings=_savings(change["status"], planned, epochs),
        place=store.uri(experiment_key(experiment_id)),
    )


def split_reference(reference: str | None) -> tuple[str | None, int | None]:
    """("experiment", 3) of "experiment@3"; (None, None) of a summary's name or nothing."""
    experiment_id, _, epoch = (reference or "").rpartition("@")
    return (experiment_id, int(epoch)) if experiment_id and epoch.isdigit() else (None, None)


def _evaluation_set(images: Sequence[Row]) -> dict[str, int]:
    first = [image for image in images if image["epoch"] == images[0]["epoch"]] if images else []
    prompts = {image["prompt_id"] for image in first}
    seeds = {(image["prompt_id"], image["seed"]) for image in first}
    return {"num_prompts": len(prompts), "seeds_per_prompt": round(len(seeds) / max(len(prompts), 1))}


def _baseline_decision(decisions: Mapping[int, Decision]) -> Decision | None:
    judged = [decision for decision in decisions.values() if decision.baseline is not None]
    return judged[-1] if judged else None


def _baseline(store: Store, decision: Decision) -> Baseline:
    assert decision.baseline is not None
    experiment_id, _ = split_reference(decision.baseline)
    change = None if experiment_id is None else latest_status(store, experiment_id)
    if experiment_id is None or change is None:
        return Baseline(decision.baseline, None, None, ())
    images = read_images(store, experiment_id, decision.metric)
    trajectory = read_epochs(store, experiment_id, images, decision.metric, {}, decision.floor)
    champion = decision.champion or decision.confirmation_baseline or _promoted(store, experiment_id)
    return Baseline(decision.baseline, experiment_id, champion, trajectory, _config(change).get("origin"))


def _promoted(store: Store, experiment_id: str) -> str | None:
    epochs = read_table(store, "epochs", experiment_id, columns=["epoch", "decision"]).to_pylist()
    promoted = [row["epoch"] for row in epochs if row["decision"] == "PROMOTED"]
    return f"{experiment_id}@{max(promoted)}" if promoted else None


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


def _dataset(store: Store, experiment_id: str) -> DatasetFacts | None:
    columns = ["split", "strategy", "near_duplicate_of", "num_findings", "findings_json"]
    rows = read_table(store, "captions", experiment_id, columns=columns).to_pylist()
    if not rows:
        return None
    return DatasetFacts(
        num_train=sum(row["split"] == "train" for row in rows),
        num_validation=sum(row["split"] == "validation" for row in rows),
        num_near_duplicates=sum(row["near_duplicate_of"] is not None for row in rows),
        strategies=tuple(sorted({row["strategy"] for row in rows})),
        num_flagged_captions=sum(bool(row["num_findings"]) and row["split"] == "train" for row in rows),
        flagged_terms=_flagged_terms(rows),
    )


def _flagged_terms(rows: Sequence[Row], most: int = 5) -> tuple[tuple[str, int], ...]:
    counts = Counter(
        term
        for row in rows
        if row["split"] == "train" and row["findings_json"]
        for term in {finding["term"] for finding in json.loads(row["findings_json"])}
    )
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most])


def _savings(status: str, planned: int, epochs: Sequence[EpochFacts]) -> Savings | None:
    left = planned - len(epochs)
    if status not in ENDED_BY_RULE or not epochs or left <= 0:
        return None
    return savings(left, [facts.spend for facts in epochs], [facts.cost_usd for facts in epochs])
