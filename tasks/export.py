"""Export a checkpoint for other programs, with its verdict."""

from pathlib import Path
from typing import Literal

from prefect import task
from prefect.cache_policies import NO_CACHE

from pixelpipe.errors import BadInputError
from pixelpipe.pipeline.export import DTYPES, Form, choose_form, export_checkpoint, find_checkpoint
from pixelpipe.reporting.description import describe
from pixelpipe.reporting.model_card import Exported, model_card
from pixelpipe.results.reader import latest_status
from pixelpipe.store import Store

Dtype = Literal["fp16", "fp32", "bf16"]


@task(name="export", task_run_name="export {checkpoint}", cache_policy=NO_CACHE)
def write_export(store: Store, checkpoint: str, to: Path, form: Form | None, dtype: Dtype) -> list[Path]:
    """Write it whole or not at all. Raises `BadInputError` for what is not there, or was abandoned."""
    experiment_id, _, epoch = checkpoint.partition("@")
    status = latest_status(store, experiment_id)
    if status is None:
        raise BadInputError(f"checkpoint {checkpoint}: must be an experiment of {store.url}")
    if status["status"] == "abandoned":
        raise BadInputError(f"checkpoint {checkpoint}: must not be abandoned but is ({status['reason_code']})")
    found = find_checkpoint(store, experiment_id, int(epoch) if epoch else None)
    chosen = choose_form(found, to, form)
    exported = Exported(found.epoch, chosen, to.name, dtype, found.part == "lora")
    card = model_card(store, describe(store, experiment_id), exported)
    to.absolute().parent.mkdir(parents=True, exist_ok=True)
    return export_checkpoint(store, found, to, chosen, DTYPES[dtype], card, overwrite=False)
