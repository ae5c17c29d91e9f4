"""Caption a dataset: the first stage of an experiment, and a flow of its own."""

from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from pixelpipe.captions.writing import Convention
from pixelpipe.config import CaptionsConfig, DatasetConfig
from pixelpipe.pipeline.captions import Captioned, caption_dataset
from pixelpipe.store import Store


@task(name="captions", task_run_name="captions", cache_policy=NO_CACHE)
def make_captions(
    store: Store,
    dataset: DatasetConfig,
    captions: CaptionsConfig,
    base: str,
    to: Path | None = None,
    convention: Convention | None = None,
) -> Captioned:
    """What was made before is kept by content: a retry, or the next run, goes on where this one stopped."""
    return caption_dataset(store, dataset, captions, base, to=to, convention=convention)
