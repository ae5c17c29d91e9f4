"""One experiment: captions -> prepare -> [train -> sample -> analyze -> judge] per epoch -> conclude."""

from pixelpipe.collector import resting

with resting():  # torch, diffusers and Prefect, in whichever process a run is
    from contextlib import closing

    from prefect import State, flow
    from prefect.states import Completed

    from flows.parameters import Experiment, Repetition, StoreUrl
    from pixelpipe.comparison.decision import Decision
    from pixelpipe.interruption import stop_if_interrupted
    from pixelpipe.lease import acquire
    from pixelpipe.pipeline.failure import recorded_failure
    from pixelpipe.pipeline.judge_again import must_be_judged_again
    from pixelpipe.pipeline.outcome import Outcome, stored_outcome
    from pixelpipe.pipeline.run import ExperimentRun
    from pixelpipe.pipeline.status import finished_status
    from pixelpipe.store import DEFAULT_STORE, Store
    from tasks.analysis import analyze_epoch
    from tasks.announcement import announce
    from tasks.captions import make_captions
    from tasks.comparison import conclude_experiment, judge_epoch, judge_epoch_again
    from tasks.dataset import prepare_experiment
    from tasks.live import Progress, announced, name_run, show_epoch
    from tasks.reporting import report_experiment
    from tasks.sampling import sample_epoch
    from tasks.training import train_epoch
    from tasks.worker import refuse_endless_resuming, under_worker


@flow(name="run-experiment", flow_run_name="{config.name}")
@under_worker()
def run_experiment(config: Experiment, store: StoreUrl = DEFAULT_STORE, repetition: Repetition = 0) -> State[Outcome]:
    """Train a candidate epoch by epoch and judge every epoch; stop as soon as it is not worth going on.

    Args:
        config: The experiment, as in its YAML file.
        store: Path or URL of the store; a relative path begins where the run, or its worker, was started.
        repetition: 0 is the experiment; 1 to 1000 run the same one again, each under an id of its own.
    """
    place = Store.open(store)
    make_captions(place, config.dataset, config.captions, config.model.base)
    experiment = prepare_experiment(place, config, repetition)
    name_run(experiment)
    outcome = None
    while outcome is None:  # the line's champion moved meanwhile: the next attempt judges against the new one
        with acquire(place, experiment.experiment_id) as lease:
            if finished_status(place, experiment.experiment_id):
                report_experiment(place, experiment.experiment_id)  # killed before it had one, or asked for again
                return _completed(stored_outcome(place, experiment.experiment_id))
            outcome = _attempt(ExperimentRun(lease, experiment))
    announce(outcome, experiment.line, store)
    report_experiment(place, outcome.experiment_id)
    return _completed(outcome)


def _attempt(run: ExperimentRun) -> Outcome | None:
    """From the last committed epoch to the end, under the experiment's lease."""
    with announced(run) as progress, recorded_failure(run), closing(run.session):
        refuse_endless_resuming(run)
        run.begin()
        decision = run.last_decision()
        if decision is not None and must_be_judged_again(run, decision):
            decision = judge_epoch_again(run, decision)
        while decision is None or not decision.ends_run:
            stop_if_interrupted()
            decision = _epoch(run, decision.epoch + 1 if decision else 1, progress)
            show_epoch(run, decision)
        progress.ends(decision)
        return conclude_experiment(run, decision)


def _epoch(run: ExperimentRun, epoch: int, progress: Progress) -> Decision:
    progress.begins("training", epoch)
    record = train_epoch(run, epoch)
    samples = None
    while samples is None:  # an adaptive evaluation draws again where its first seeds leave it open
        progress.begins("sampling", epoch)
        sample_epoch(run, record)
        progress.begins("measuring", epoch)
        samples = analyze_epoch(run, record)
    progress.begins("judging", epoch)
    return judge_epoch(run, record, samples)


def _completed(outcome: Outcome) -> State[Outcome]:
    """An abandoned experiment is a successful run: the money was saved."""
    return Completed(message=f"{outcome.status}: {outcome.sentence}", data=outcome)
