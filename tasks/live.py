"""What the page of a run shows while an experiment runs: its name, its progress, and every epoch as it ends."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from prefect import task
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.cache_policies import NO_CACHE
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from pixelpipe.comparison.decision import Decision
from pixelpipe.interruption import was_interrupted
from pixelpipe.pipeline.prepare import Experiment
from pixelpipe.pipeline.run import ExperimentRun
from pixelpipe.reporting.epoch_sheet import epoch_sheet
from pixelpipe.results.reader import read_table
from tasks.announcement import artifact_key, emit, tag_run, tolerant

STAGES = ("training", "sampling", "measuring", "judging")
RETRIES_OF_WHAT_ONLY_SHOWS = 1  # after 2 s: a server that is away must not hold up a rented GPU


def name_run(experiment: Experiment) -> None:
    """The run bears the experiment's id as its name, and can be found by `experiment:<id>` and `line:<line>`."""
    tags = (f"experiment:{experiment.experiment_id}", f"line:{experiment.line}")
    tag_run(*tags, name=experiment.experiment_id)


class Progress:
    """The progress artifact of one attempt: moves with every stage of every epoch."""

    def __init__(self, run: ExperimentRun) -> None:
        self._run, self._artifact = run, None
        with tolerant("the progress"):
            artifact = create_progress_artifact(
                self._share(run.done_epochs, 0),
                key=artifact_key("progress", run.experiment_id),
                description=f"begins after epoch {run.done_epochs}" if run.done_epochs else "begins",
            )
            self._artifact = artifact if isinstance(artifact, UUID) else None

    def begins(self, stage: str, epoch: int) -> None:
        self._show(epoch - 1, STAGES.index(stage), f"epoch {epoch} of {self._planned}: {stage}")

    def ends(self, decision: Decision) -> None:
        self._show(self._planned if decision.ends_run else decision.epoch, 0, decision.sentence)

    @property
    def _planned(self) -> int:
        return self._run.config.training.epochs

    def _share(self, epochs: int, stages: int) -> float:
        return round(100 * (epochs + stages / len(STAGES)) / self._planned, 1)

    def _show(self, epochs: int, stages: int, what: str) -> None:
        if self._artifact is not None:
            with tolerant("the progress"):
                update_progress_artifact(self._artifact, self._share(epochs, stages), description=what)


@contextmanager
def announced(run: ExperimentRun) -> Iterator[Progress]:
    """Emits `started`, and `failed` or `cancelled` where it ends so; how else it ends is announced after the lease."""
    about = (run.experiment_id, run.experiment.line)
    emit("started", *about, {"attempt": run.attempt, "epochs": run.config.training.epochs, "done": run.done_epochs})
    try:
        with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: RETRIES_OF_WHAT_ONLY_SHOWS}):
            yield Progress(run)
    except BaseException as error:
        how = "cancelled" if was_interrupted(error) else "failed"
        emit(how, *about, {"attempt": run.attempt, "sentence": " ".join(str(error).split())})
        raise


@task(name="show", task_run_name="show epoch {decision.epoch}", cache_policy=NO_CACHE)
def show_epoch(run: ExperimentRun, decision: Decision) -> None:
    """The table of epochs so far and this one's pictures as artifacts, and the event `pixelpipe.experiment.epoch`."""
    rows = read_table(run.store, "epochs", run.experiment_id).to_pylist()
    png = base64.b64encode(epoch_sheet(run.store, run.experiment_id, decision.epoch)).decode()
    with tolerant("an epoch"):
        create_table_artifact(
            table=[_row(row) for row in rows],
            key=artifact_key("epochs", run.experiment_id),
            description=decision.sentence,
        )
        create_markdown_artifact(
            f"## Epoch {decision.epoch} of {decision.planned_epochs}: {decision.verdict}\n\n"
            f"![Prompts across, seeds down](data:image/png;base64,{png})\n\nPrompts across, seeds down.",
            key=artifact_key("sheet", run.experiment_id),
            description=decision.sentence,
        )
    payload = {
        "epoch": decision.epoch,
        "decision": str(decision.verdict),
        "reason_code": str(decision.reason_code),
        "sentence": decision.sentence,
        "cost_usd": sum(row["cost_usd"] for row in rows),
    }
    emit("epoch", run.experiment_id, run.experiment.line, payload)


def _row(row: dict[str, Any]) -> dict[str, object]:
    """For people: rounded, with units in the heads."""
    seconds = sum(value for name, value in row.items() if name.startswith("seconds_"))
    return {
        "epoch": row["epoch"],
        "verdict": f"{row['decision']} ({row['reason_code']})",
        "effective colors": round(row["mean_effective_colors"], 1),
        "clean": f"{row['clean_rate']:.0%}",
        "validation loss": round(row["validation_loss"], 4),
        "seconds": round(seconds),
        "dollars": round(row["cost_usd"], 3),
    }
