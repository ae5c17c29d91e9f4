"""A promotion that was decided against a champion that has been followed by another: judged again, against that one.

Two candidates may both beat a champion. One becomes it; the other's last epoch is judged once more, in an attempt of
its own, whose rows follow those of the first judgement.
"""

import dataclasses
import logging
from concurrent.futures import Future
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pixelpipe.analysis.sets import SetMetrics
from pixelpipe.comparison.decision import Decision, Verdict
from pixelpipe.keys import epoch_stem
from pixelpipe.lines import champion, champion_history
from pixelpipe.pipeline.baseline import find_baseline, pin_baseline
from pixelpipe.pipeline.pictures import Measured
from pixelpipe.pipeline.run import ExperimentRun
from pixelpipe.pipeline.stage_seconds import StageSeconds
from pixelpipe.results.reader import read_table
from pixelpipe.results.writer import write_rows
from pixelpipe.training.engine import EpochRecord

logger = logging.getLogger(__name__)


def was_promoted(run: ExperimentRun, decision: Decision) -> bool:
    """Whether the decision's checkpoint is, or has been, its line's champion."""
    reference = f"{run.experiment_id}@{decision.epoch}"
    return any(entry.reference == reference for entry in champion_history(run.store, run.experiment.line))


def must_be_judged_again(run: ExperimentRun, decision: Decision) -> bool:
    """Whether it is a promotion against a champion that has been followed by another one meanwhile."""
    if decision.verdict is not Verdict.PROMOTED or run.config.judge.baseline != "champion":
        return False
    current = champion(run.store, run.experiment.line)
    return current is not None and current.reference != decision.champion and not was_promoted(run, decision)


def judge_again(run: ExperimentRun, decision: Decision) -> Decision:
    """Decide about the last epoch against the champion of now, and commit that in place of the first judgement.

    The run must be a new attempt: rows of an epoch are written once an attempt. Costs add up.
    """
    run.baseline = find_baseline(run.store, run.experiment.line, "champion")
    pin_baseline(run.store, run.experiment_id, run.baseline)
    logger.info(
        "%s became the champion meanwhile: epoch %d is judged again, against it", run.baseline.reference, decision.epoch
    )
    epochs = read_table(run.store, "epochs", run.experiment_id).to_pylist()
    [row] = [row for row in epochs if row["epoch"] == decision.epoch]
    run.seconds = StageSeconds.of_row(row)
    record, samples = _stored_record(row), _stored_samples(run, row)
    write_rows(run.store, "samples", run.experiment_id, epoch_stem(record.epoch, run.attempt), samples.rows)
    judged = run.judge_epoch(record, samples)
    run.commit_epoch(record, samples, judged)
    return judged


def _stored_record(row: dict[str, Any]) -> EpochRecord:
    """Of a committed epoch, from its row."""
    saved: Future[str] = Future()
    saved.set_result(row["checkpoint_hash"])
    names = [field.name for field in dataclasses.fields(EpochRecord) if field.name != "saved"]
    return EpochRecord(**{name: row[name] for name in names}, saved=saved)


def _stored_samples(run: ExperimentRun, row: dict[str, Any]) -> Measured:
    """The epoch's measurements, as rows of this attempt."""
    rows = read_table(run.store, "samples", run.experiment_id)
    rows = rows.filter(pc.equal(rows["epoch"], row["epoch"]))
    column = rows.column_names.index("attempt")
    rows = rows.set_column(column, rows.field(column), pa.array([run.attempt] * len(rows), rows.field(column).type))
    return Measured(rows, SetMetrics(**{field.name: row[field.name] for field in dataclasses.fields(SetMetrics)}))
