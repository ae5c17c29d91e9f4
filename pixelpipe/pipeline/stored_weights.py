"""Where the weights behind an experiment's epochs are. No torch.

An experiment that was trained here has checkpoints of its own. One that was only evaluated here has `weights.json`: its
epochs are drawn with another experiment's, with a model as it is, or with a UNet or LoRA file that was put beside it.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from pixelpipe.keys import experiment_key
from pixelpipe.store import Store

Kind = Literal["experiment", "model", "unet", "lora"]


class Weights(BaseModel):
    """Of an experiment that was not trained here: what is applied to its base."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind  # model: the base as it is; unet, lora: in its own `checkpoints/`
    experiment_id: str | None = None  # whose checkpoints, epoch for epoch; only of kind experiment


def put_weights(store: Store, experiment_id: str, weights: Weights) -> None:
    """Only the holder of the experiment's lease calls this."""
    store.replace(_key(experiment_id), weights.model_dump_json(indent=1).encode())


def stored_weights(store: Store, experiment_id: str) -> Weights | None:
    """None: it has checkpoints of its own, or none at all."""
    key = _key(experiment_id)
    return Weights.model_validate_json(store.read(key)) if store.exists(key) else None


def lender(store: Store, experiment_id: str) -> str:
    """The experiment whose checkpoints it is drawn with: itself, or at the end of those that it borrows from."""
    weights = stored_weights(store, experiment_id)
    return experiment_id if weights is None or weights.experiment_id is None else lender(store, weights.experiment_id)


def _key(experiment_id: str) -> str:
    return experiment_key(experiment_id, "weights.json")
