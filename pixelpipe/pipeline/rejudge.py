"""Decide again about an experiment from Parquet alone: the same rows, the same rule, no model and no image file.

The inputs of the decision that was stored (guardrails, planned epochs, whether the budget is used up) stand in its
own row, the configuration in `experiments`, the measurements in `samples`, `epochs` and `confirmations`. So the
same rule must give the same decision, to the last bit. Nothing is written.
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pixelpipe.analysis.duplicates import duplicate_rate
from pixelpipe.comparison.confirmation import confirm
from pixelpipe.comparison.decision import RULE_VERSION, Decision, decision_from_row
from pixelpipe.comparison.evidence import (
    NO_BASELINE,
    BaselineEvidence,
    EpochContext,
    EpochEvidence,
    Plan,
    decided_deviation,
    epoch_evidence,
    summary_evidence,
)
from pixelpipe.comparison.guardrails import Guardrails
from pixelpipe.comparison.rule import decide
from pixelpipe.comparison.stages import stage_of
from pixelpipe.config import ExperimentConfig
from pixelpipe.data.png import decode_png
from pixelpipe.elsewhere import ElsewhereConfig
from pixelpipe.errors import BadInputError
from pixelpipe.pipeline.baseline import config_of_status, find_baseline
from pixelpipe.pipeline.evidence import (
    SUMMARY_METRICS,
    Trajectory,
    baseline_evidence,
    confirmation_evidence,
    read_trajectory,
)
from pixelpipe.results.reader import read_table
from pixelpipe.store import Store


@dataclass(frozen=True, slots=True)
class Rejudged:
    """What the rule says now about an epoch, and what was stored when the experiment ran."""

    decision: Decision
    stored: Decision

    @property
    def differs_in(self) -> list[str]:
        """Columns whose value is not the same, to the last bit."""
        ours, theirs = self.decision.row(), self.stored.row()
        return [name for name in ours if repr(ours[name]) != repr(theirs[name])]

    @property
    def same_rule(self) -> bool:
        return self.stored.rule_version == RULE_VERSION


def rejudge(store: Store, experiment_id: str, baseline: str | None = None) -> list[Rejudged]:
    """Every committed epoch decided again, in order; against what it was judged against, or another `baseline`.

    `baseline`: champion, EXPERIMENT or EXPERIMENT@EPOCH, as `judge.baseline` of a configuration. A promotion
    against it is not confirmed unless its fresh images are in the store: then it stays `awaiting_confirmation`.
    Raises `BadInputError` when there is nothing to judge, or the baseline is not there or the candidate itself.
    """
    rows = read_table(store, "decisions", experiment_id).to_pylist()
    rows = sorted((row for row in rows if row["overridden_by"] is None), key=lambda row: row["epoch"])
    if not rows:
        raise BadInputError(f"EXPERIMENT {experiment_id}: must have an epoch that was judged but has none yet")
    judge = _Judge(store, experiment_id, baseline)
    history: list[Decision] = []
    for row in rows:
        history.append(judge.decide(row, history))
    return [Rejudged(now, decision_from_row(row)) for now, row in zip(history, rows, strict=True)]


class _Judge:
    """The tables of one experiment, each read once."""

    def __init__(self, store: Store, experiment_id: str, baseline: str | None) -> None:
        self.store, self.experiment_id = store, experiment_id
        statuses = read_table(store, "experiments", experiment_id).to_pylist()
        self.configs = {status["attempt"]: config_of_status(status) for status in statuses}
        epochs = read_table(store, "epochs", experiment_id)
        self.epochs = {row["epoch"]: row for row in epochs.to_pylist()}
        self.samples = read_table(store, "samples", experiment_id)
        self.trajectories: dict[tuple[str, str], Trajectory] = {}
        self.other = None if baseline is None else self._other_baseline(baseline)

    def decide(self, row: dict[str, Any], history: Sequence[Decision]) -> Decision:
        stored, config = decision_from_row(row), self._config_at(row["attempt"])
        candidate = _of_epoch(self.samples, stored.epoch)
        figures_alone = candidate.num_rows == 0 and stored.median_colors is None
        evidence = self._figures(stored) if figures_alone else self._evidence(row, stored, candidate)
        plan = replace(_plan(config, stored), deviation=decided_deviation(stored))
        baseline = self._baseline(row, stored, evidence, None if figures_alone else candidate)
        context = EpochContext(
            plan=plan,
            evidence=evidence,
            baseline=baseline,
            guardrails=_guardrails(stored),
            history=tuple(history),
            stage=stage_of(plan, stored.epoch, baseline, candidate),
        )
        decision = decide(context)
        return self._confirmed(context, decision) if decision.needs_confirmation else decision

    def _config_at(self, attempt: int) -> ExperimentConfig | ElsewhereConfig:
        """An attempt that changed no status (the one before it was killed while running) has no row of its own."""
        return self.configs[max(number for number in self.configs if number <= attempt)]

    def _evidence(self, row: dict[str, Any], stored: Decision, candidate: pa.Table) -> EpochEvidence:
        epoch = self.epochs[stored.epoch]
        return epoch_evidence(
            candidate,
            epoch=stored.epoch,
            images_seen=epoch["images_seen"],
            dataset_hash=row["dataset_hash"],
            duplicate_rate=math.nan if epoch["duplicate_rate"] is None else epoch["duplicate_rate"],
            metric=self._config_at(row["attempt"]).judge.metric,
            budget_reached=stored.budget_reached,
        )

    def _figures(self, stored: Decision) -> EpochEvidence:
        """Of an epoch that was imported as summary figures."""
        epoch = self.epochs[stored.epoch]
        means = {name: mean for name in SUMMARY_METRICS if (mean := epoch[f"mean_{name}"]) is not None}
        return summary_evidence(stored.epoch, epoch["images_seen"], means, epoch["num_samples"], stored.eval_set_id)

    def _baseline(
        self, row: dict[str, Any], stored: Decision, evidence: EpochEvidence, candidate: pa.Table | None
    ) -> BaselineEvidence:
        """The other one, or what the stored decision was made against, as it was then."""
        reference = self.other or stored.champion
        if reference is None:
            return NO_BASELINE
        metric = self._config_at(row["attempt"]).judge.metric
        trajectory = self._trajectory(reference, metric)
        if self.other is None:
            trajectory = trajectory.until(row["decided_at"])
        return baseline_evidence(trajectory, evidence, metric, stored.floor, candidate)

    def _trajectory(self, reference: str, metric: str) -> Trajectory:
        key = (reference, metric)
        if key not in self.trajectories:
            self.trajectories[key] = read_trajectory(self.store, reference, metric)
        return self.trajectories[key]

    def _confirmed(self, context: EpochContext, decision: Decision) -> Decision:
        """The final decision, where the images on fresh seeds of just this comparison are in the store."""
        rows = self._confirmations.filter(pc.equal(self._confirmations["epoch"], decision.epoch))
        ours, theirs = (rows.filter(pc.equal(rows["role"], role)) for role in ("candidate", "baseline"))
        if decision.champion is None or set(theirs["checkpoint"].to_pylist()) != {decision.champion}:
            return decision
        sprites = np.stack([decode_png(png) for png in ours["sprite_png"].to_pylist()])
        return confirm(context, decision, confirmation_evidence(decision, ours, theirs, duplicate_rate(sprites)))

    @cached_property
    def _confirmations(self) -> pa.Table:
        return read_table(self.store, "confirmations", self.experiment_id)

    def _other_baseline(self, text: str) -> str:
        """ "<experiment>@<epoch>" of what `text` means in the store as it is now."""
        config = self.configs[max(self.configs)]
        found = find_baseline(self.store, config.line_name, text)
        if found.reference is None:
            raise BadInputError(f"--baseline must be in the store but line {config.line_name} has no champion yet")
        if found.experiment_id == self.experiment_id:
            raise BadInputError(f"--baseline must be another experiment than {self.experiment_id}, the candidate")
        return found.reference


def _plan(config: ExperimentConfig | ElsewhereConfig, stored: Decision) -> Plan:
    if isinstance(config, ExperimentConfig):
        return Plan.from_config(stored.experiment_id, config)
    pairs = stored.expected_pairs
    fresh = pairs if stored.confirmation_pairs is None else stored.confirmation_pairs
    return Plan(stored.experiment_id, stored.line, stored.planned_epochs, pairs, fresh, config.judge)


def _guardrails(stored: Decision) -> Guardrails | None:
    """Those of the line's pinned profile, which stand in every decision about images."""
    limits = {field.name: getattr(stored, field.name) for field in dataclasses.fields(Guardrails)}
    newer = {name: value for name, value in limits.items() if name.startswith(("max_geary", "max_coarse"))}
    limits |= {name: math.inf for name, value in newer.items() if value is None}  # decided before there were these
    return None if None in limits.values() else Guardrails(**limits)


def _of_epoch(rows: pa.Table, epoch: int) -> pa.Table:
    return rows.filter(pc.equal(rows["epoch"], epoch))
