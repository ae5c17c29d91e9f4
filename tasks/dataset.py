"""Read and check everything that an experiment is made of."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from pixelpipe.config import ExperimentConfig
from pixelpipe.pipeline.prepare import Experiment, prepare
from pixelpipe.store import Store


@task(name="prepare", task_run_name="prepare", cache_policy=NO_CACHE)
def prepare_experiment(store: Store, config: ExperimentConfig, repetition: int) -> Experiment:
    return prepare(store, config, repetition)
