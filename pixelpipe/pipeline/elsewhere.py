"""What was trained elsewhere, as rows: judged by the same rule, or declared the baseline of a line by a person."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import pyarrow as pa
import yaml

from pixelpipe.analysis.metrics import METRIC_VERSION
from pixelpipe.comparison.decision import Decision, ReasonCode, Verdict, decision_from_row
from pixelpipe.comparison.evidence import Plan, summary_evidence
from pixelpipe.config import content_id
from pixelpipe.elsewhere import ElsewhereConfig, Figures
from pixelpipe.errors import BadInputError
from pixelpipe.keys import epoch_stem, experiment_key
from pixelpipe.lease import Lease, acquire
from pixelpipe.lines import champion, move_champion
from pixelpipe.pipeline.baseline import Baseline, find_baseline, pin_baseline, pinned_baseline
from pixelpipe.pipeline.evidence import SUMMARY_METRICS
from pixelpipe.pipeline.judge import judge_figures
from pixelpipe.pipeline.outcome import Outcome
from pixelpipe.pipeline.promotion import promote
from pixelpipe.pipeline.status import STATUS
from pixelpipe.results.reader import latest_status, read_table
from pixelpipe.results.schemas import SCHEMAS
from pixelpipe.results.writer import append_status, committed_epochs, discard_uncommitted, table_of, write_rows
from pixelpipe.store import Store

NO_EVALUATION_SET = "figures"  # prompts and seeds behind a mean from elsewhere are unknown


@dataclass(frozen=True, slots=True)
class Declaration:
    """A person says that this is the baseline of its line, whatever the rule would say."""

    who: str
    why: str


class ElsewhereRun:
    """One import of an experiment's epochs, under its lease."""

    def __init__(
        self,
        lease: Lease,
        config: ElsewhereConfig,
        declared: Declaration | None,
        hashes: Mapping[str, str | None] | None = None,
    ) -> None:
        """`hashes`: dataset_hash, captions_hash, base_hash, as far as they are known."""
        self.store, self.attempt, self.experiment_id = lease.store, lease.attempt, lease.experiment_id
        self.config, self.declared, self.hashes = config, declared, hashes or {}

    @cached_property
    def baseline(self) -> Baseline:
        """None where a person declares this one to be it."""
        if self.declared is not None:
            return Baseline()
        return pinned_baseline(self.store, self.experiment_id, self.config.line, self.config.judge.baseline)

    @cached_property
    def lineage(self) -> dict[str, Any]:
        return {
            "experiment_id": self.experiment_id,
            "line": self.config.line,
            "dataset_hash": None,
            "captions_hash": None,
            "base_hash": None,
            **self.hashes,
            "config_hash": content_id("config", self.config.stated()),
        }

    def begin(self, given: Iterable[int]) -> list[int]:
        """Clear what an import that died left, and record that this one runs; returns the epochs that are new."""
        discard_uncommitted(self.store, self.experiment_id, self.attempt)
        new = sorted(set(given) - set(committed_epochs(self.store, self.experiment_id)))
        if not new:
            return []
        pin_baseline(self.store, self.experiment_id, self.baseline)
        stated = yaml.safe_dump(self.config.stated(), sort_keys=False, allow_unicode=True)
        self.store.replace(experiment_key(self.experiment_id, "config.yaml"), stated.encode())
        self._record_status("running", None, None)
        return new

    def plan(self, last_epoch: int, num_images: int) -> Plan:
        epochs = last_epoch if self.declared else max(self.config.planned_epochs(last_epoch), last_epoch)
        return Plan(self.experiment_id, self.config.line, epochs, num_images, num_images, self.config.judge)

    def commit(
        self,
        decision: Decision,
        summary: Mapping[str, Any],
        samples: pa.Table | None = None,
        confirmations: pa.Table | None = None,
    ) -> Decision:
        """Put the epoch's rows, its own last; returns the decision, in a person's words where one declared it."""
        if self.declared is not None:
            decision = self._declared(decision)
        person = (self.declared.who, self.declared.why) if self.declared else (None, None)
        row = self.lineage | {"epoch": decision.epoch, "attempt": self.attempt}
        decided = {"decided_at": datetime.now(UTC), "overridden_by": person[0], "override_reason": person[1]}
        if samples is not None:
            self._write("samples", decision.epoch, samples)
        if confirmations is not None:
            self._write("confirmations", decision.epoch, confirmations)
        self._write("decisions", decision.epoch, table_of("decisions", [row | decision.row() | decided]))
        self._write("epochs", decision.epoch, table_of("epochs", [row | _epoch_row(self.config, decision, summary)]))
        return decision

    def conclude(self) -> Outcome:
        """Move the champion where a person or the rule says so, and record how it stands by its last decision."""
        rows = read_table(self.store, "decisions", self.experiment_id).to_pylist()
        decision = decision_from_row(max(rows, key=lambda row: row["epoch"]))
        status, reason = STATUS[decision.verdict] if decision.ends_run else "running", str(decision.reason_code)
        sentence = decision.sentence
        if self.declared is not None:
            self._declare(decision.epoch)
        elif self._promotes(decision) and not promote(self.store, self.config.line, decision):
            status, reason = "inconclusive", "not_against_champion"
            sentence += f" But {decision.champion} is not the champion of line {self.config.line}: nothing moved."
        self._record_status(status, reason, sentence)
        return Outcome(self.experiment_id, status, reason, sentence, decision.epoch)

    @staticmethod
    def _promotes(decision: Decision) -> bool:
        """Whether the rule does, not a person."""
        return decision.verdict is Verdict.PROMOTED and decision.reason_code is not ReasonCode.DECLARED

    def _record_status(self, status: str, reason_code: str | None, message: str | None) -> None:
        latest = latest_status(self.store, self.experiment_id)
        if latest is not None and (latest["status"], latest["message"]) == (status, message):
            return
        change = {"name": self.config.name, "status": status, "reason_code": reason_code, "message": message}
        change |= {"config_json": json.dumps(self.config.stated(), ensure_ascii=False)}
        append_status(self.store, self.lineage | change | {"changed_at": datetime.now(UTC), "attempt": self.attempt})

    def _declared(self, decision: Decision) -> Decision:
        """The last epoch is the baseline because a person says so; what the rule holds against it is said."""
        assert self.declared is not None
        is_last = decision.epoch == decision.planned_epochs
        against = decision.verdict in (Verdict.ABANDONED, Verdict.INCONCLUSIVE)
        who, why = self.declared.who, self.declared.why.strip().rstrip(".")
        role = f"is the baseline of line {self.config.line}" if is_last else "belongs to a baseline"
        return decision.replaced(
            verdict=Verdict.PROMOTED if is_last else Verdict.CONTINUE,
            reason_code=ReasonCode.DECLARED,
            ends_run=is_last,
            sentence=f"Epoch {decision.epoch} {role} because {who} said so: {why}."
            + (f" The rule's own words were: {decision.sentence}" if against else ""),
        )

    def _declare(self, epoch: int) -> None:
        assert self.declared is not None
        current = champion(self.store, self.config.line)
        if current is not None and current.reference == f"{self.experiment_id}@{epoch}":
            return
        moved = move_champion(
            self.store,
            self.config.line,
            after=current.sequence if current else 0,
            experiment_id=self.experiment_id,
            epoch=epoch,
            reason=self.declared.why,
            set_by=self.declared.who,
        )
        if moved is None:
            raise BadInputError(f"the champion of line {self.config.line} moved just now: try again")

    def _write(self, table: str, epoch: int, rows: pa.Table) -> None:
        write_rows(self.store, table, self.experiment_id, epoch_stem(epoch, self.attempt), rows)


def record_figures(store: Store, config: ElsewhereConfig, declared: Declaration | None) -> Outcome:
    """Record the epochs of `config.figures` and judge those that are new, each against the line's baseline.

    Raises `BadInputError` for figures that contradict what the store has, and where there is nothing to judge
    against.
    """
    experiment_id = config.identity()
    if declared is None:
        _check_baseline(store, config)
    with acquire(store, experiment_id) as lease:
        run = ElsewhereRun(lease, config, declared)
        _check_unchanged(store, experiment_id, config.figures)
        by_epoch = {figures.epoch: figures for figures in config.figures}
        for epoch in run.begin(by_epoch):
            run.commit(_judge(run, by_epoch[epoch], max(by_epoch)), _summary(by_epoch[epoch]))
        return run.conclude()


def require_champion(store: Store, line: str, baseline: str) -> None:
    """A candidate needs something to be judged against."""
    if baseline == "champion" and champion(store, line) is None:
        raise BadInputError(
            f"line {line} has no champion to judge a candidate against: bring the baseline first "
            "(pixelpipe baseline import, or pixelpipe evaluate with --as baseline)"
        )


def _check_baseline(store: Store, config: ElsewhereConfig) -> None:
    """That there is one, and that a mean is known of both sides."""
    require_champion(store, config.line, config.judge.baseline)
    found = find_baseline(store, config.line, config.judge.baseline)
    rows = read_table(store, "epochs", found.experiment_id).to_pylist()
    theirs = {name for name in SUMMARY_METRICS for row in rows if row[f"mean_{name}"] is not None}
    for figures in config.figures:
        ours = {name for name in SUMMARY_METRICS if getattr(figures, name) is not None}
        if not ours & theirs:
            raise BadInputError(
                f"`figures` of epoch {figures.epoch} must have the mean of {' or '.join(sorted(theirs))}, which is "
                f"what is known of the baseline {found.reference}"
            )


def _check_unchanged(store: Store, experiment_id: str, figures: tuple[Figures, ...]) -> None:
    """An epoch that was judged stays as it was."""
    rows = {row["epoch"]: row for row in read_table(store, "epochs", experiment_id).to_pylist()}
    for given in figures:
        row = rows.get(given.epoch)
        if row is not None and any(row[name] != value for name, value in _summary(given).items()):
            raise BadInputError(
                f"`figures` of epoch {given.epoch} differ from what the store has of {experiment_id}: what was judged "
                "stays; give the experiment another `name`"
            )


def _judge(run: ElsewhereRun, figures: Figures, last_epoch: int) -> Decision:
    means = {name: value for name in SUMMARY_METRICS if (value := getattr(figures, name)) is not None}
    evidence = summary_evidence(figures.epoch, figures.images_seen, means, figures.images, NO_EVALUATION_SET)
    return judge_figures(run.store, run.plan(last_epoch, figures.images), run.baseline, evidence)


def _summary(figures: Figures) -> dict[str, Any]:
    return {
        "images_seen": figures.images_seen,
        "num_samples": figures.images,
        "mean_unique_colors": figures.unique_colors,
        "mean_effective_colors": figures.effective_colors,
        "clean_rate": figures.clean_rate,
    }


def _epoch_row(config: ElsewhereConfig, decision: Decision, summary: Mapping[str, Any]) -> dict[str, Any]:
    """Everything of the `epochs` table but lineage, epoch and attempt; what nobody knows is null."""
    known_here = {"experiment_id", "line", "config_hash", "epoch", "attempt"}
    unknown = [field.name for field in SCHEMAS["epochs"] if field.nullable and field.name not in known_here]
    return {
        **dict.fromkeys(unknown),
        **{f"seconds_{stage}": 0.0 for stage in ("train", "save", "sample", "analyze", "judge")},
        "cost_usd": config.usd_per_epoch,
        "decision": str(decision.verdict),
        "reason_code": str(decision.reason_code),
        "eval_set_id": decision.eval_set_id,
        "metric_version": METRIC_VERSION,
        "resolution": config.training.resolution,
        "committed_at": datetime.now(UTC),
        **summary,
    }
