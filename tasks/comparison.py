"""Judge an epoch and commit it; at the end, conclude the experiment."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from pixelpipe.comparison.decision import Decision
from pixelpipe.pipeline.conclude import conclude
from pixelpipe.pipeline.judge_again import judge_again
from pixelpipe.pipeline.outcome import Outcome
from pixelpipe.pipeline.pictures import Measured
from pixelpipe.pipeline.run import ExperimentRun
from pixelpipe.training.engine import EpochRecord


@task(name="judge", task_run_name="judge epoch {record.epoch}", cache_policy=NO_CACHE)
def judge_epoch(run: ExperimentRun, record: EpochRecord, samples: Measured) -> Decision:
    """Decide and commit: after this the epoch exists."""
    decision = run.judge_epoch(record, samples)
    run.commit_epoch(record, samples, decision)
    return decision


@task(name="judge again", task_run_name="judge again", cache_policy=NO_CACHE)
def judge_epoch_again(run: ExperimentRun, decision: Decision) -> Decision:
    """A promotion whose champion has been followed by another one is decided, and committed, against that one."""
    return judge_again(run, decision)


@task(name="conclude", task_run_name="conclude", cache_policy=NO_CACHE)
def conclude_experiment(run: ExperimentRun, decision: Decision) -> Outcome | None:
    """None: the line's champion moved meanwhile, and the next attempt judges against the new one."""
    return conclude(run, decision)
