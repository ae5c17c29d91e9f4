"""Train one epoch. Never retried by Prefect: the next attempt of the experiment resumes by itself."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from pixelpipe.pipeline.run import ExperimentRun
from pixelpipe.training.engine import EpochRecord


@task(name="train", task_run_name="train epoch {epoch}", cache_policy=NO_CACHE)
def train_epoch(run: ExperimentRun, epoch: int) -> EpochRecord:  # noqa: ARG001 -- the task's name
    """`epoch`: the next one."""
    return run.train_epoch()
