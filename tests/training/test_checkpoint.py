"""A disk that fills up in the middle of a save: the checkpoint before it is intact, and the run goes on later."""

import errno
import os
import tempfile

import pytest
import torch
from safetensors import SafetensorError

from pixelpipe.errors import StorageFullError
from pixelpipe.local_files import LocalFiles
from pixelpipe.store import Store
from pixelpipe.training import checkpoint as checkpoint_module
from pixelpipe.training.checkpoint import CheckpointStore


def fill_up_after(monkeypatch, num_files):
    """The disk takes so many more files, then a part of one, then nothing."""
    create, left = LocalFiles.create_from, num_files

    def create_from(self, key, local, move):
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        create(self, key, local, move)

    monkeypatch.setattr(LocalFiles, "create_from", create_from)


@pytest.mark.parametrize("num_files", [0, 1, 3])
def test_no_space_in_the_middle_of_a_save(make_trainer, tmp_path, monkeypatch, num_files):
    checkpoints, trainer = CheckpointStore(Store.open(tmp_path), "x-1"), make_trainer()
    epochs = trainer.train_epochs(checkpoints)
    next(epochs).saved.result()
    with monkeypatch.context() as full:
        fill_up_after(full, num_files)
        second = next(epochs)
        with pytest.raises(StorageFullError, match=r"no space is left for the checkpoint of epoch 2 in .* are intact"):
            _ = second.checkpoint_hash
        epochs.close()
    assert checkpoints.has_weights(1)
    assert not checkpoints.has_weights(2)
    resumed = make_trainer()
    resumed.resume(checkpoints, 1)
    again = next(resumed.train_epochs(checkpoints))
    again.saved.result()
    assert (again.train_loss, again.validation_loss) == (second.train_loss, second.validation_loss)
    assert checkpoints.has_weights(2)


def test_what_any_earlier_attempt_left_of_a_save_goes(tmp_path):
    """Also where the one between died before it could tidy up."""
    left = [tmp_path / ".tmp" / f"checkpoint-x-1-{attempt}" for attempt in (1, 2, 3)]
    for folder in left:
        folder.mkdir(parents=True)
        (folder / "optimizer.safetensors").write_bytes(b"half")
    CheckpointStore(Store.open(tmp_path), "x-1", 3).drop_uncommitted(done_epochs=0)
    assert [folder.exists() for folder in left] == [False, False, True]


@pytest.mark.parametrize(("url", "place"), [("{}", r"in \S+; the epochs"), ("memory://full", "temporary folder")])
def test_no_space_while_the_files_are_written(make_trainer, tmp_path, monkeypatch, url, place):
    def save_file(tensors, path, **kwargs):
        path.write_bytes(b"half")
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(checkpoint_module, "save_file", save_file)
    with pytest.raises(StorageFullError, match=place):
        next(make_trainer().train_epochs(CheckpointStore(Store.open(url.format(tmp_path)), "x-1"))).saved.result()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_local_store_needs_no_temporary_folder_of_the_system(make_trainer, tmp_path, monkeypatch):
    """And what a process that was killed in the middle of a save left beside the target is gone."""
    checkpoints, left = CheckpointStore(Store.open(tmp_path), "x-1"), tmp_path / ".tmp/checkpoint-x-1-1/unet/half"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "full"))
    next(make_trainer().train_epochs(checkpoints)).saved.result()
    make_trainer().resume(checkpoints, 1)
    assert list((tmp_path / ".tmp").iterdir()) == []


def test_another_error_of_the_disk_is_itself(make_trainer, tmp_path, monkeypatch):
    def save_file(*args, **kwargs):
        raise PermissionError(errno.EACCES, "no")

    monkeypatch.setattr(checkpoint_module, "save_file", save_file)
    with pytest.raises(PermissionError):
        next(make_trainer().train_epochs(CheckpointStore(Store.open(tmp_path), "x-1"))).saved.result()


def test_what_was_snapshot_does_not_change_with_training(make_trainer):
    trainer = make_trainer()
    trainer._train_epoch(1)
    snapshot = trainer._snapshot()
    before = {name: tensor.clone() for name, tensor in snapshot.weights.items()}
    moments = snapshot.state.optimizer[0]["exp_avg"].clone()
    trainer._train_epoch(2)
    assert all(torch.equal(before[name], tensor) for name, tensor in snapshot.weights.items())
    assert torch.equal(moments, snapshot.state.optimizer[0]["exp_avg"])
