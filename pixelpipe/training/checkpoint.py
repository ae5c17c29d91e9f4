"""Checkpoints in the store: `unet/` or `lora/` for whoever samples, `training_state/` for whoever resumes.

Each is put whole with a manifest of hashes, and verified when it is read. Tensors are safetensors, never pickles.
"""

import errno
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from diffusers import UNet2DConditionModel
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from pixelpipe.errors import StorageFullError, StoreError
from pixelpipe.keys import CheckpointPart, checkpoint_key, experiment_key, parse_checkpoint_key
from pixelpipe.store import MANIFEST, Store
from pixelpipe.training.lora import load_adapter, read_adapter, write_adapter
from pixelpipe.training.snapshot import Snapshot, Tensors, TrainingState

UNET: CheckpointPart = "unet"
LORA: CheckpointPart = "lora"
NO_SPACE = os.strerror(errno.ENOSPC)
TRAINING_STATE: CheckpointPart = "training_state"
UNET_FILE = "diffusion_pytorch_model.safetensors"  # diffusers' name


@dataclass(frozen=True, slots=True)
class CheckpointStore:
    """The checkpoints of one experiment.

    Each attempt writes under its own number: one that lost its lease cannot spoil what the next one writes.
    """

    store: Store
    experiment_id: str
    attempt: int = 1  # whose checkpoints are saved; reading finds the newest that is whole

    def save(self, epoch: int, snapshot: Snapshot) -> str:
        """Put weights and training state of an epoch; returns the hash of the weights' manifest.

        Written beside their place and moved there, where the store is a local folder. What an unfinished try of this
        attempt left of the epoch is removed first. Weights go last: with their manifest the checkpoint is whole.
        Raises `StorageFullError` where they do not fit.
        """
        snapshot = snapshot.on_the_host()
        part = UNET if snapshot.lora_config is None else LORA
        with self._room_for(epoch), self.store.scratch(self._scratch(self.attempt)) as folder:
            _write_weights(folder / part, snapshot)
            _write_state(folder / TRAINING_STATE, snapshot.state)
            self._drop(epoch, self.attempt)
            key = partial(checkpoint_key, self.experiment_id, epoch, self.attempt)
            self.store.put_tree(key(TRAINING_STATE), folder / TRAINING_STATE, move=True)
            return self.store.put_tree(key(part), folder / part, move=True)

    def load(self, epoch: int) -> tuple[Tensors, TrainingState]:
        """Weights by parameter name and the rest of the state of an epoch.

        Raises `CorruptCheckpointError` if a file differs from its manifest.
        """
        weights = self.load_weights(epoch)
        with self._fetched(epoch, self._find(epoch)[0], TRAINING_STATE) as folder:
            return weights, _read_state(folder)

    def load_weights(self, epoch: int) -> Tensors:
        """Weights by parameter name. Raises `CorruptCheckpointError` if a file differs from its manifest."""
        attempt, part = self._find(epoch)
        with self._fetched(epoch, attempt, part) as folder:
            return read_adapter(folder) if part == LORA else load_file(folder / UNET_FILE)

    def apply(self, epoch: int, unet: UNet2DConditionModel) -> None:
        """Turn a base's UNet into that of an epoch: other weights, or an adapter. Verified first."""
        attempt, part = self._find(epoch)
        with self._fetched(epoch, attempt, part) as folder:
            if part == LORA:
                load_adapter(unet, folder)
            else:
                unet.load_state_dict(load_file(folder / UNET_FILE))

    @contextmanager
    def fetched(self, epoch: int) -> Iterator[Path]:
        """The folder of an epoch's weights, verified; from an object store, for as long as it is read."""
        with self._fetched(epoch, *self._find(epoch)) as folder:
            yield folder

    def drop_training_state(self, epoch: int) -> None:
        """Rotation: only the last epoch can be resumed from, and its optimizer is twice the weights' size."""
        for _, attempt in self._saved(epoch):
            self.store.delete_tree(checkpoint_key(self.experiment_id, epoch, attempt, TRAINING_STATE))

    def drop(self, epoch: int) -> None:
        for _, attempt in self._saved(epoch):
            self._drop(epoch, attempt)

    def drop_uncommitted(self, done_epochs: int) -> None:
        """Remove what earlier attempts left of epochs after the last one that exists."""
        for epoch, attempt in self._saved():
            if epoch > done_epochs and attempt < self.attempt:
                self._drop(epoch, attempt)
        for attempt in range(1, self.attempt):
            with self.store.scratch(self._scratch(attempt)):
                pass  # entered, it is emptied: of a full training state gigabytes may lie there

    def has_weights(self, epoch: int) -> bool:
        return epoch in kept_weights(self.store, self.experiment_id)

    @property
    def is_local(self) -> bool:
        return self.store.local_path(checkpoint_key(self.experiment_id, 1, self.attempt, UNET)) is not None

    def _find(self, epoch: int) -> tuple[int, CheckpointPart]:
        """Without any that is whole: where it would be, so that reading it says what is missing."""
        return kept_weights(self.store, self.experiment_id).get(epoch, (self.attempt, UNET))

    def _scratch(self, attempt: int) -> str:
        return f"checkpoint-{self.experiment_id}-{attempt}"

    def _saved(self, epoch: int | None = None) -> list[tuple[int, int]]:
        """(epoch, attempt) of all that lies there, whole or not."""
        keys = self.store.list(experiment_key(self.experiment_id, "checkpoints"))
        found = {parsed[:2] for parsed in map(parse_checkpoint_key, keys) if parsed is not None}
        return sorted(place for place in found if epoch in (None, place[0]))

    def _drop(self, epoch: int, attempt: int) -> None:
        for part in (UNET, LORA, TRAINING_STATE):
            self.store.delete_tree(checkpoint_key(self.experiment_id, epoch, attempt, part))

    @contextmanager
    def _fetched(self, epoch: int, attempt: int, part: CheckpointPart) -> Iterator[Path]:
        key = checkpoint_key(self.experiment_id, epoch, attempt, part)
        if self.is_local:
            yield self.store.fetch_tree(key)
            return
        with tempfile.TemporaryDirectory() as scratch:
            yield self.store.fetch_tree(key, Path(scratch) / part)

    @contextmanager
    def _room_for(self, epoch: int) -> Iterator[None]:
        try:
            yield
        except (OSError, SafetensorError, StoreError) as error:  # each layer has an exception of its own
            if NO_SPACE not in str(error):
                raise
            temporary = "" if self.is_local else f" (or in the temporary folder {tempfile.gettempdir()})"
            raise StorageFullError(
                f"no space is left for the checkpoint of epoch {epoch} in {self.store.url}{temporary}; "
                "the epochs before it are intact: free some, and run the same command again"
            ) from error


def kept_weights(store: Store, experiment_id: str) -> dict[int, tuple[int, CheckpointPart]]:
    """Epoch -> (attempt, part) of weights that are whole: the newest attempt's."""
    parsed = map(parse_checkpoint_key, store.list(experiment_key(experiment_id, "checkpoints")))
    whole = sorted(key[:3] for key in parsed if key is not None and key[3] == MANIFEST and key[2] != TRAINING_STATE)
    return {epoch: (attempt, part) for epoch, attempt, part in whole}


def _write_weights(folder: Path, snapshot: Snapshot) -> None:
    """As diffusers saves a UNet, or an adapter."""
    folder.mkdir()
    if snapshot.lora_config is not None:
        write_adapter(folder, snapshot.weights, snapshot.lora_config)
        return
    save_file(snapshot.weights, folder / UNET_FILE, metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(snapshot.unet_config, indent=2, sort_keys=True) + "\n")


def _write_state(folder: Path, state: TrainingState) -> None:
    folder.mkdir()
    optimizer = {
        f"{index}.{name}": tensor for index, moments in state.optimizer.items() for name, tensor in moments.items()
    }
    save_file(optimizer, folder / "optimizer.safetensors")
    if state.raw_weights is not None:
        save_file(state.raw_weights, folder / "raw_weights.safetensors")
    counters = {
        "optimizer_steps": state.optimizer_steps,
        "images_seen": state.images_seen,
        "loss_scale": state.loss_scale,
    }
    (folder / "counters.json").write_text(json.dumps(counters))


def _read_state(folder: Path) -> TrainingState:
    optimizer: dict[int, Tensors] = {}
    for key, tensor in load_file(folder / "optimizer.safetensors").items():
        index, _, name = key.partition(".")
        optimizer.setdefault(int(index), {})[name] = tensor
    raw = folder / "raw_weights.safetensors"
    return TrainingState(
        optimizer=optimizer,
        raw_weights=load_file(raw) if raw.is_file() else None,
        **json.loads((folder / "counters.json").read_text()),
    )
