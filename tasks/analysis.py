"""Measure an epoch's pictures at the grid, into Parquet."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from pixelpipe.pipeline.pictures import Measured
from pixelpipe.pipeline.run import ExperimentRun
from pixelpipe.training.engine import EpochRecord


@task(name="analyze", task_run_name="analyze epoch {record.epoch}", cache_policy=NO_CACHE)
def analyze_epoch(run: ExperimentRun, record: EpochRecord) -> Measured | None:
    """None: of an adaptive evaluation the first seeds have left it open, and the others must be drawn."""
    return run.analyze_epoch(record)
