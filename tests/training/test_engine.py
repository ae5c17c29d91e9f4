"""Exactness of training: what is a function of what, and that a killed run goes on as if it had not been."""

import copy

import pytest
import torch
from accelerate import Accelerator
from diffusers import DDPMScheduler
from safetensors.torch import load_file

from pixelpipe.captions.sidecar import read_captions
from pixelpipe.data.manifest import build_manifest
from pixelpipe.data.sprites import load_sprites
from pixelpipe.errors import CorruptCheckpointError, TrainingDivergedError
from pixelpipe.store import Store
from pixelpipe.training.cache import build_cache
from pixelpipe.training.checkpoint import CheckpointStore
from pixelpipe.training.engine import Trainer, TrainingData

RESOLUTION = 96  # 12x12 latents: a quarter of the time


@pytest.fixture(scope="module")
def data(base, portraits):
    sprites = load_sprites(portraits, 24)
    manifest = build_manifest(sprites, read_captions(portraits, [s.file_name for s in sprites]), 0.2)
    caches = {split: build_cache(base, manifest.split(split)[:10], RESOLUTION) for split in ("train", "validation")}
    return TrainingData(**caches, repeats=2)


@pytest.fixture
def make_trainer(base, data, make_config):
    def make(seed=1, **training):
        config = make_config(training={"epochs": 3, "batch_size": 8, **training}).training
        scheduler = DDPMScheduler.from_config(base.noise_scheduler_config)
        return Trainer(copy.deepcopy(base.unet), scheduler, data, config, seed, Accelerator())

    return make


def weights(trainer):
    return {name: tensor.clone() for name, tensor in trainer.unwrapped_unet.state_dict().items()}


def assert_same_bits(first, second):
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name


def learned(record):
    """What an epoch record says of training; seconds aside."""
    return {
        name: getattr(record, name)
        for name in ("epoch", "train_loss", "validation_loss", "optimizer_steps", "images_seen", "checkpoint_hash")
    }


def test_resumed_once_and_twice_is_uninterrupted_bit_for_bit(make_trainer, tmp_path):
    straight = make_trainer()
    places = [CheckpointStore(Store.open(tmp_path / name), "x-1") for name in ("straight", "interrupted")]
    expected = [learned(record) for record in straight.train_epochs(places[0])]
    records = []
    for epoch in range(3):  # each epoch in a trainer of its own
        trainer = make_trainer()
        if epoch:
            trainer.resume(places[1], epoch)
        records.append(learned(next(trainer.train_epochs(places[1]))))
    assert records == expected
    assert_same_bits(weights(straight), weights(trainer))
    state = "experiments/x-1/checkpoints/epoch-03/training_state/optimizer.safetensors"
    assert_same_bits(*(load_file(tmp_path / name / state) for name in ("straight", "interrupted")))


def test_training_learns(make_trainer, tmp_path):
    trainer = make_trainer(learning_rate=1e-4, epochs=4)
    before = trainer.validation_loss()
    records = list(trainer.train_epochs(CheckpointStore(Store.open(tmp_path), "x-1")))
    assert records[-1].validation_loss < before
    assert records[-1].train_loss < records[0].train_loss


def test_counters_are_cumulative_and_the_last_batch_may_be_smaller(make_trainer, tmp_path):
    records = list(make_trainer(batch_size=8).train_epochs(CheckpointStore(Store.open(tmp_path), "x-1")))
    assert [record.images_seen for record in records] == [20, 40, 60]  # 10 sprites x 2 repeats
    assert [record.optimizer_steps for record in records] == [3, 6, 9]


def test_order_is_a_function_of_seed_and_epoch_and_holds_every_sample(make_trainer):
    trainer, other = make_trainer(seed=1), make_trainer(seed=2)
    assert torch.equal(trainer._order(1), make_trainer(seed=1)._order(1))
    assert not torch.equal(trainer._order(1), trainer._order(2))
    assert not torch.equal(trainer._order(1), other._order(1))
    assert sorted(trainer._order(1).tolist()) == sorted([*range(10)] * 2)


def test_draws_are_a_function_of_seed_and_step(make_trainer):
    first, second, other = make_trainer(seed=1), make_trainer(seed=1), make_trainer(seed=2)
    rows = torch.arange(4)
    second.optimizer_steps = 5
    assert torch.equal(first._batch(rows).noise, make_trainer(seed=1)._batch(rows).noise)
    assert not torch.equal(first._batch(rows).noise, second._batch(rows).noise)
    assert not torch.equal(first._batch(rows).noise, other._batch(rows).noise)


def test_latents_are_drawn_afresh_around_the_mean(make_trainer, data):
    trainer, rows = make_trainer(), torch.zeros(64, dtype=torch.int64)
    latents = trainer._batch(rows).latents
    mean, std = data.train.latent_mean[0], data.train.latent_std[0]
    assert not torch.equal(latents[0], latents[1])
    standardized = (latents - mean) / std
    assert abs(standardized.mean().item()) < 0.05
    assert abs(standardized.std().item() - 1) < 0.05


def test_caption_dropout_replaces_that_share_by_the_empty_caption(make_trainer, data):
    trainer, rows = make_trainer(caption_dropout=0.25), torch.arange(1000) % 10
    hidden = trainer._batch(rows).encoder_hidden_states
    dropped = (hidden == data.train.embeddings[0]).flatten(1).all(1).float().mean().item()
    assert 0.2 < dropped < 0.3


def test_a_loss_that_is_not_finite_stops_training_and_keeps_the_last_checkpoint(make_trainer, tmp_path):
    trainer, place = make_trainer(), CheckpointStore(Store.open(tmp_path), "x-1")
    epochs = trainer.train_epochs(place)
    next(epochs)
    with torch.no_grad():
        next(iter(trainer.unwrapped_unet.parameters())).fill_(float("nan"))
    with pytest.raises(TrainingDivergedError, match=r"epoch 2: the training loss is nan; lower training.learning_rate"):
        next(epochs)
    assert place.has_weights(1)
    assert not place.has_weights(2)


@pytest.mark.parametrize("part", ["unet/diffusion_pytorch_model.safetensors", "training_state/optimizer.safetensors"])
def test_a_flipped_bit_in_a_checkpoint_is_refused(make_trainer, tmp_path, part):
    place = CheckpointStore(Store.open(tmp_path), "x-1")
    next(make_trainer().train_epochs(place))
    file = tmp_path / "experiments/x-1/checkpoints/epoch-01" / part
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(CorruptCheckpointError, match=file.name):
        make_trainer().resume(place, 1)


def test_the_configuration_reaches_the_optimizer(make_trainer):
    group = make_trainer(learning_rate=3e-4, weight_decay=0.07).optimizer.param_groups[0]
    assert (group["lr"], group["weight_decay"]) == (3e-4, 0.07)


def test_gradients_are_clipped_to_the_configured_norm(make_trainer, monkeypatch):
    trainer, norms = make_trainer(max_grad_norm=1e-3), []
    clip = trainer.accelerator.clip_grad_norm_

    def clip_and_measure(parameters, max_norm):
        parameters = list(parameters)
        clip(parameters, max_norm)
        norms.append(torch.stack([p.grad.norm() for p in parameters if p.grad is not None]).norm().item())

    monkeypatch.setattr(trainer.accelerator, "clip_grad_norm_", clip_and_measure)
    trainer._step(trainer._batch(torch.arange(4)))
    assert norms[0] <= 1.001e-3
