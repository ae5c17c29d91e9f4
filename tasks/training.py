"""Train one epoch. Never retried by Prefect: the next attempt of the experiment resumes by itself."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from pixelpipe.pipeline.run import ExperimentRun
from pixelpipe.training.engine import EpochRecord


@task(name="train", task_run_name="train", cache_policy=NO_CACHE)
def train_epoch(run: ExperimentRun) -> EpochRecord:
    return run.train_epoch()
