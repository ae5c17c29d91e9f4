"""The end of an experiment: its status, the champion, and what is kept of its checkpoints."""

from pixelpipe.comparison.decision import Decision
from pixelpipe.lines import champion
from pixelpipe.pipeline.outcome import Outcome
from pixelpipe.pipeline.promotion import promote
from pixelpipe.pipeline.retention import last_and_best
from pixelpipe.pipeline.run import ExperimentRun
from pixelpipe.pipeline.status import STATUS, record_status
from pixelpipe.results.writer import committed_epochs


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
        kept = last_and_best(run.store, run.experiment_id)
        for epoch in committed_epochs(run.store, run.experiment_id).keys() - kept:
            run.session.checkpoints.drop(epoch)
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
