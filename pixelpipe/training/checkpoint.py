"""Checkpoints in the store: `unet/` for whoever samples, `training_state/` for whoever resumes.

Both are put whole with a manifest of hashes, and verified when they are read. Tensors are safetensors, never pickles.
"""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file, save_file

from pixelpipe.keys import CheckpointPart, checkpoint_key
from pixelpipe.models.load import load_unet
from pixelpipe.store import MANIFEST, Store

UNET: CheckpointPart = "unet"
TRAINING_STATE: CheckpointPart = "training_state"


@dataclass(frozen=True, slots=True)
class TrainingState:
    """What resuming needs beside the weights."""

    optimizer_steps: int
    images_seen: int
    optimizer: dict[int, dict[str, torch.Tensor]]  # parameter index -> AdamW's `step`, `exp_avg`, `exp_avg_sq`


@dataclass(frozen=True, slots=True)
class CheckpointStore:
    """The checkpoints of one experiment."""

    store: Store
    experiment_id: str

    def save(self, epoch: int, unet: UNet2DConditionModel, state: TrainingState) -> str:
        """Put weights and training state of an epoch; returns the hash of the weights' manifest.

        What an unfinished earlier try left of this epoch is removed first.
        """
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            unet.save_pretrained(folder / UNET)
            _write_state(folder / TRAINING_STATE, state)
            self.drop(epoch)
            self.store.put_tree(checkpoint_key(self.experiment_id, epoch, TRAINING_STATE), folder / TRAINING_STATE)
            return self.store.put_tree(checkpoint_key(self.experiment_id, epoch, UNET), folder / UNET)

    def load(self, epoch: int, unet: UNet2DConditionModel) -> TrainingState:
        """Load the weights of an epoch into `unet`, and return the rest of its state.

        Raises `CorruptCheckpointError` if a file differs from its manifest.
        """
        unet.load_state_dict(self.load_unet(epoch).state_dict())
        key = checkpoint_key(self.experiment_id, epoch, TRAINING_STATE)
        with tempfile.TemporaryDirectory() as scratch:
            return _read_state(self.store.fetch_tree(key, Path(scratch)))

    def load_unet(self, epoch: int, device: torch.device | str = "cpu") -> UNet2DConditionModel:
        """The verified weights of an epoch."""
        key = checkpoint_key(self.experiment_id, epoch, UNET)
        with tempfile.TemporaryDirectory() as scratch:
            return load_unet(self.store.fetch_tree(key, Path(scratch) / UNET), device)

    def drop_training_state(self, epoch: int) -> None:
        """Rotation: only the last epoch can be resumed from, and its optimizer is twice the weights' size."""
        self.store.delete_tree(checkpoint_key(self.experiment_id, epoch, TRAINING_STATE))

    def drop(self, epoch: int) -> None:
        for part in (UNET, TRAINING_STATE):
            self.store.delete_tree(checkpoint_key(self.experiment_id, epoch, part))

    def has_weights(self, epoch: int) -> bool:
        return self.store.exists(f"{checkpoint_key(self.experiment_id, epoch, UNET)}/{MANIFEST}")


def _write_state(folder: Path, state: TrainingState) -> None:
    folder.mkdir()
    tensors = {
        f"{index}.{name}": tensor.detach().cpu().contiguous()
        for index, moments in state.optimizer.items()
        for name, tensor in moments.items()
    }
    save_file(tensors, folder / "optimizer.safetensors")
    counters = {"optimizer_steps": state.optimizer_steps, "images_seen": state.images_seen}
    (folder / "counters.json").write_text(json.dumps(counters))


def _read_state(folder: Path) -> TrainingState:
    optimizer: dict[int, dict[str, torch.Tensor]] = {}
    for key, tensor in load_file(folder / "optimizer.safetensors").items():
        index, _, name = key.partition(".")
        optimizer.setdefault(int(index), {})[name] = tensor
    return TrainingState(optimizer=optimizer, **json.loads((folder / "counters.json").read_text()))
