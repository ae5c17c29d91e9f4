"""The end of an experiment: its status, the champion, and what is kept of its checkpoints."""

from pixelpipe.comparison.decision import Decision
from pixelpipe.lines import champion, move_champion
from pixelpipe.pipeline.outcome import Outcome
from pixelpipe.pipeline.run import ExperimentRun
from pixelpipe.pipeline.status import STATUS, record_status
from pixelpipe.results.reader import read_table


def conclude(run: ExperimentRun, decision: Decision) -> Outcome:
    """Move the champion if the decision says so, record the status, drop checkpoints that nobody will need.

    Can be repeated: an experiment that was killed in here is concluded by its next attempt.
    """
    assert decision.ends_run, "only an experiment that has ended is concluded"
    status, reason_code, sentence = STATUS[decision.verdict], str(decision.reason_code), decision.sentence
    if status == "promoted" and (refusal := _promote(run, decision)) is not None:
        status, (reason_code, sentence) = "inconclusive", refusal
    if status != "promoted":
        _keep_last_and_best(run, decision.epoch)
    record_status(run.store, run.experiment, run.attempt, status, reason_code, sentence)
    return Outcome(run.experiment_id, status, reason_code, sentence, decision.epoch)


def _promote(run: ExperimentRun, decision: Decision) -> tuple[str, str] | None:
    """Make the checkpoint the line's champion; (reason code, sentence) where another one stands in the way."""
    line, reference = run.experiment.line, f"{run.experiment_id}@{decision.epoch}"
    current = champion(run.store, line)
    if current is not None and current.reference == reference:
        return None
    if current is not None and current.reference != run.baseline.reference:
        return "not_against_champion", (
            f"{reference} is better than {run.baseline.reference or 'no baseline'}, but {current.reference} is the "
            f"champion of line {line}: judge it against that one before it is promoted."
        )
    moved = move_champion(
        run.store,
        line,
        after=run.baseline.champion_sequence,
        experiment_id=run.experiment_id,
        epoch=decision.epoch,
        reason=str(decision.reason_code),
        set_by="rule",
    )
    if moved is None:
        return "champion_moved", f"The champion of line {line} moved while {run.experiment_id} ran: judge it again."
    return None


def _keep_last_and_best(run: ExperimentRun, last_epoch: int) -> None:
    """Of an experiment that is not the champion only two checkpoints can still be asked for."""
    rows = read_table(run.store, "epochs", run.experiment_id, columns=["epoch", "mean_effective_colors"])
    epochs = rows.to_pylist()
    best = min(epochs, key=lambda row: (row["mean_effective_colors"], row["epoch"]))["epoch"]
    for row in epochs:
        if row["epoch"] not in (last_epoch, best):
            run.session.checkpoints.drop(row["epoch"])
