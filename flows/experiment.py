"""One experiment: captions -> prepare -> [train -> sample -> analyze -> judge] per epoch -> conclude."""

from contextlib import closing

from prefect import State, flow
from prefect.states import Completed

from pixelpipe.config import ExperimentConfig
from pixelpipe.lease import acquire
from pixelpipe.pipeline.failure import recorded_failure
from pixelpipe.pipeline.outcome import Outcome, stored_outcome
from pixelpipe.pipeline.run import ExperimentRun
from pixelpipe.pipeline.status import finished_status
from pixelpipe.store import DEFAULT_STORE, Store
from tasks.analysis import analyze_epoch
from tasks.captions import make_captions
from tasks.comparison import announce, conclude_experiment, judge_epoch
from tasks.dataset import prepare_experiment
from tasks.reporting import report_experiment
from tasks.sampling import sample_epoch
from tasks.training import train_epoch


@flow(name="run-experiment", flow_run_name="{config.name}")
def run_experiment(config: ExperimentConfig, store: str = DEFAULT_STORE, repetition: int = 0) -> State[Outcome]:
    """Train a candidate epoch by epoch and judge every epoch; stop as soon as it is not worth going on.

    Args:
        config: The experiment, as in its YAML file.
        store: Path or URL of the store; a relative path begins where the run, or its worker, was started.
        repetition: 0; 1, 2, ... runs the same experiment again under an id of its own.
    """
    place = Store.open(store)
    make_captions(place, config.dataset, config.captions, config.model.base)
    experiment = prepare_experiment(place, config, repetition)
    with acquire(place, experiment.experiment_id) as lease:
        if finished_status(place, experiment.experiment_id):
            report_experiment(place, experiment.experiment_id)  # killed before it had one, or asked for again
            return _completed(stored_outcome(place, experiment.experiment_id))
        run = ExperimentRun(place, experiment, lease.attempt)
        with recorded_failure(run), closing(run.session):
            run.begin()
            decision = run.last_decision()
            while decision is None or not decision.ends_run:
                record = train_epoch(run, decision.epoch + 1 if decision else 1)
                sample_epoch(run, record)
                samples = analyze_epoch(run, record)
                decision = judge_epoch(run, record, samples)
            outcome = conclude_experiment(run, decision)
    announce(outcome, experiment.line)
    report_experiment(place, outcome.experiment_id)
    return _completed(outcome)


def _completed(outcome: Outcome) -> State[Outcome]:
    """An abandoned experiment is a successful run: the money was saved."""
    return Completed(message=f"{outcome.status}: {outcome.sentence}", data=outcome)
