"""Make the pictures that an epoch is judged by."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from pixelpipe.pipeline.run import ExperimentRun
from pixelpipe.training.engine import EpochRecord


@task(name="sample", task_run_name="sample epoch {record.epoch}", cache_policy=NO_CACHE)
def sample_epoch(run: ExperimentRun, record: EpochRecord) -> int:
    return run.sample_epoch(record)
