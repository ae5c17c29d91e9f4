"""Export a checkpoint: by hand, or after every promotion (the trigger in prefect.yaml)."""

from typing import Annotated

from prefect import State, flow
from prefect.states import Completed

from flows.parameters import Checkpoint, NewPlace, StoreUrl, titled
from pixelpipe.pipeline.export import Form
from pixelpipe.store import DEFAULT_STORE, Store
from tasks.export import Dtype, write_export
from tasks.worker import under_worker


@flow(name="export-checkpoint", flow_run_name="{checkpoint}")
@under_worker()
def export_checkpoint(
    checkpoint: Checkpoint,
    to: NewPlace,
    store: StoreUrl = DEFAULT_STORE,
    form: Annotated[Form | None, titled("Form")] = None,
    dtype: Annotated[Dtype, titled("Precision")] = "fp16",
) -> State:
    """Write a checkpoint as diffusers, A1111 and ComfyUI read it, with its verdict in a model card.

    Args:
        checkpoint: EXPERIMENT or EXPERIMENT@EPOCH of the store; default: its last epoch.
        to: A new folder, or a new file that ends in .safetensors, on the worker's machine.
        store: Path or URL of the store; a relative path begins where the worker was started.
        form: diffusers, single-file, kohya or lora; default: what suits the folder or file above.
        dtype: Of the weights that are written.
    """
    paths = write_export(Store.open(store), checkpoint, to, form, dtype)
    return Completed(message=f"exported {checkpoint} to {', '.join(map(str, paths))}")
