"""An experiment as plain calls of its stages: what `flows/experiment.py` does, without Prefect."""

from collections.abc import Iterator
from contextlib import closing

from pixelpipe.comparison.decision import Decision
from pixelpipe.config import ExperimentConfig
from pixelpipe.lease import acquire
from pixelpipe.pipeline.conclude import conclude
from pixelpipe.pipeline.failure import recorded_failure
from pixelpipe.pipeline.judge_again import judge_again, must_be_judged_again
from pixelpipe.pipeline.outcome import Outcome, stored_outcome
from pixelpipe.pipeline.prepare import prepare
from pixelpipe.pipeline.run import ExperimentRun
from pixelpipe.pipeline.status import finished_status
from pixelpipe.store import Store


def run_alone(store: Store, config: ExperimentConfig) -> Outcome:
    """From wherever it stands to its end; what is done already is not done again. Writes no report.

    Raises `ExperimentHeldError` while another process runs it, and the errors of its stages.
    """
    experiment = prepare(store, config)
    outcome = None
    while outcome is None:  # the line's champion moved meanwhile: the next attempt judges against the new one
        with acquire(store, experiment.experiment_id) as lease:
            if finished_status(store, experiment.experiment_id):
                return stored_outcome(store, experiment.experiment_id)
            run = ExperimentRun(lease, experiment)
            with recorded_failure(run), closing(run.session):
                run.begin()
                *_, last = decisions(run)
                outcome = conclude(run, last)
    return outcome


def decisions(run: ExperimentRun) -> Iterator[Decision]:
    """Each as its epoch is committed, the last committed one first, until one ends the run. Call `begin` before."""
    decision = run.last_decision()
    if decision is not None:
        yield (decision := judge_again(run, decision) if must_be_judged_again(run, decision) else decision)
    while decision is None or not decision.ends_run:
        record, samples = run.train_epoch(), None
        while samples is None:
            run.sample_epoch(record)
            samples = run.analyze_epoch(record)
        decision = run.judge_epoch(record, samples)
        run.commit_epoch(record, samples, decision)
        yield decision
