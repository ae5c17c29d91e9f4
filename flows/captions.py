"""Caption a dataset, as a job of its own: a vision-language model needs a GPU, and sprites are many."""

from prefect import State, flow
from prefect.states import Completed

from flows.parameters import Base, Captions, Files, NewFolder, Sprites, StoreUrl
from pixelpipe.config import CaptionsConfig
from pixelpipe.pipeline.captions import Captioned
from pixelpipe.store import DEFAULT_STORE, Store
from tasks.captions import make_captions
from tasks.worker import under_worker

DEFAULT_CAPTIONS = CaptionsConfig()


@flow(name="caption-dataset", flow_run_name="{captions.strategy}")
@under_worker()
def caption_dataset(
    dataset: Sprites,
    captions: Captions = DEFAULT_CAPTIONS,
    to: NewFolder = None,
    store: StoreUrl = DEFAULT_STORE,
    base: Base = "sd15",
    convention: Files = None,
) -> State[Captioned]:
    """Caption every sprite; a run that died goes on after the last captions that it kept.

    Args:
        dataset: The sprites; of its fields only the folder, the grid and the background count here.
        captions: Where their captions come from.
        to: A new folder for the sprites with their captions; without it they are only made and kept in the store.
        store: Path or URL of the store; a relative path begins where the worker was started.
        base: Whose tokens are counted: sd15, tiny, or a folder; longer captions are refused.
        convention: txt, jsonl or csv; default: that of the dataset.
    """
    done = make_captions(Store.open(store), dataset, captions, base, to, convention)
    return Completed(message=f"{done.num_sprites} captions, {done.num_different} different", data=done)
