"""Train one epoch. Never retried by Prefect: the next attempt of the experiment resumes by itself."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from pixelpipe.pipeline.run import ExperimentRun
from pixelpipe.training.engine import EpochRecord


@task(name="train", task_run_name="train epoch {epoch}", cache_policy=NO_CACHE)
def train_epoch(run: ExperimentRun, epoch: int) -> EpochRecord:
    """`epoch`: the next one, for the task's name."""
    record = run.train_epoch()
    assert record.epoch == epoch, f"epoch {epoch} is next, but {record.epoch} was trained"
    return record
