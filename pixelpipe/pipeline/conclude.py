"""The end of an experiment: its status, the champion, and what is kept of its checkpoints."""

from pixelpipe.comparison.decision import Decision
from pixelpipe.lines import champion
from pixelpipe.pipeline.outcome import Outcome
from pixelpipe.pipeline.promotion import promote
from pixelpipe.pipeline.run import ExperimentRun
from pixelpipe.pipeline.status import STATUS, record_status
from pixelpipe.results.reader import read_table


def conclude(run: ExperimentRun, decision: Decision) -> Outcome | None:
    """Move the champion if the decision says so, record the status, drop checkpoints that nobody will need.

    None: another candidate became the champion meanwhile, so this one must be judged again, against that one; nothing
    was recorded. Can be repeated: an experiment that was killed in here is concluded by its next attempt.
    """
    assert decision.ends_run, "only an experiment that has ended is concluded"
    status, reason_code, sentence = STATUS[decision.verdict], str(decision.reason_code), decision.sentence
    if status == "promoted" and not promote(run.store, run.experiment.line, decision):
        if run.config.judge.baseline == "champion":
            return None
        status, reason_code, sentence = "inconclusive", "not_against_champion", _refusal(run, decision)
    if status != "promoted":
        _keep_last_and_best(run, decision.epoch)
    record_status(run.store, run.experiment, run.attempt, status, reason_code, sentence)
    return Outcome(run.experiment_id, status, reason_code, sentence, decision.epoch)


def _refusal(run: ExperimentRun, decision: Decision) -> str:
    """Of a candidate that was judged against what its configuration names, which is not the champion."""
    current = champion(run.store, run.experiment.line)
    assert current is not None, "only a champion stands in the way of a promotion"
    return (
        f"{run.experiment_id}@{decision.epoch} is better than {decision.champion or 'no baseline'}, but "
        f"{current.reference} is the champion of line {run.experiment.line}: judge it against that one before it is "
        "promoted."
    )


def _keep_last_and_best(run: ExperimentRun, last_epoch: int) -> None:
    """Of an experiment that is not the champion only two checkpoints can still be asked for."""
    rows = read_table(run.store, "epochs", run.experiment_id, columns=["epoch", "mean_effective_colors"])
    epochs = rows.to_pylist()
    best = min(epochs, key=lambda row: (row["mean_effective_colors"], row["epoch"]))["epoch"]
    for row in epochs:
        if row["epoch"] not in (last_epoch, best):
            run.session.checkpoints.drop(row["epoch"])
