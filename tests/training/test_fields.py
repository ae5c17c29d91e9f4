"""Every field of `training` and `model` reaches the object that it is for, with a value of its own."""

import pytest
import torch

from pixelpipe.config import ModelConfig, TrainingConfig
from pixelpipe.training import step as step_module
from pixelpipe.training.loss import denoising_losses


def losses_asked_for(trainer, monkeypatch):
    """What one step hands to the loss."""
    asked = []

    def record(unet, schedule, latents, noise, timesteps, hidden, **options):
        asked.append({"latents": latents, "noise": noise, "hidden": hidden, **options})
        return denoising_losses(unet, schedule, latents, noise, timesteps, hidden, **options)

    monkeypatch.setattr(step_module, "denoising_losses", record)
    trainer._train_epoch(1)
    return asked


def group(trainer):
    return trainer.step.optimizer.param_groups[0]


def encoded_captions(trainer):
    """Captions that an epoch asks the text encoder for."""
    texts = []
    cache = trainer.data.train
    object.__setattr__(
        cache, "encode", lambda captions, encode=cache.encode: (texts.extend(captions), encode(captions))[1]
    )
    trainer._train_epoch(1)
    return texts


def adapter(trainer):
    return trainer.unet.peft_config["default"]


LORA = {"method": "lora", "rank": 3, "alpha": 7.0, "targets": "attention"}
REACHES = {
    ("training", "epochs"): ({"epochs": 5}, lambda t: t.step.total_steps == 5 * 3),
    ("training", "batch_size"): ({"batch_size": 7}, lambda t: t._train_epoch(1) and t.optimizer_steps == 3),
    ("training", "gradient_accumulation_steps"): ({"gradient_accumulation_steps": 3}, lambda t: len(t._bounds(8)) == 3),
    ("training", "learning_rate"): ({"learning_rate": 3e-4}, lambda t: group(t)["lr"] == 3e-4),
    ("training", "lr_scheduler"): ({"lr_scheduler": "linear"}, lambda t: t.step.learning_rate_at(9) == 0),
    ("training", "lr_warmup_steps"): ({"lr_warmup_steps": 4}, lambda t: t.step.learning_rate_at(1) == 5e-4),
    ("training", "weight_decay"): ({"weight_decay": 0.07}, lambda t: group(t)["weight_decay"] == 0.07),
    ("training", "ema_decay"): ({"ema_decay": 0.97}, lambda t: t.step.ema.ema_decay == 0.97),
    ("training", "mixed_precision"): ({"mixed_precision": "bf16"}, lambda t: t.unet.dtype == torch.bfloat16),
    ("training", "gradient_checkpointing"): (
        {"gradient_checkpointing": True},
        lambda t: t.unet.is_gradient_checkpointing,
    ),
    ("training", "shuffle_tags"): (
        {"shuffle_tags": True},
        lambda t: {"hat, red, smile", "smile, hat, red"} & set(encoded_captions(t)),
    ),
    ("training", "tag_dropout"): ({"tag_dropout": 0.5}, lambda t: {"red, hat", "red"} & set(encoded_captions(t))),
    ("training", "keep_tokens"): (
        {"shuffle_tags": True, "keep_tokens": 1},
        lambda t: {text.split(",")[0] for text in encoded_captions(t)} == {"red", "blue", "green"},
    ),
    ("model", "method"): (LORA, lambda t: t.lora_config is not None),
    ("model", "rank"): (LORA, lambda t: adapter(t).r == 3),
    ("model", "alpha"): (LORA, lambda t: adapter(t).lora_alpha == 7.0),
    ("model", "targets"): (LORA, lambda t: not any("ff." in name for name in t.step.weights.names)),
}
BY_OTHER_TESTS = {
    ("training", "max_grad_norm"),
    ("training", "min_snr_gamma"),
    ("training", "noise_offset"),
    ("training", "caption_dropout"),
    ("training", "horizontal_flips"),
    ("training", "resolution"),  # tests/training/test_cache.py, tests/sampling/test_sampler.py
    ("training", "num_processes"),  # tests/pipeline/test_launched.py
    ("training", "compile"),  # tests/pipeline/test_compile_choice.py
    ("model", "base"),  # tests/models
}


def test_no_field_is_forgotten():
    fields = {("training", name) for name in TrainingConfig.model_fields}
    fields |= {("model", name) for name in ModelConfig.model_fields}
    assert REACHES.keys() | BY_OTHER_TESTS == fields


@pytest.mark.parametrize("field", REACHES, ids=".".join)
def test_it_reaches_what_it_is_for_and_the_default_does_not(make_trainer, field):
    values, reached = REACHES[field]
    arrange = {"model": values} if field[0] == "model" else values
    assert reached(make_trainer(**arrange))


def test_gradients_are_clipped_to_the_configured_norm(make_trainer, monkeypatch):
    norms = []
    clip = torch.nn.utils.clip_grad_norm_

    def clip_and_measure(parameters, max_norm, **options):
        clip(parameters, max_norm, **options)
        norms.append(torch.stack([p.grad.norm() for p in parameters]).norm().item())

    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", clip_and_measure)
    make_trainer(max_grad_norm=1e-3)._train_epoch(1)
    assert max(norms) == pytest.approx(1e-3, rel=1e-2)


def test_min_snr_gamma_reaches_the_loss(make_trainer, monkeypatch):
    assert losses_asked_for(make_trainer(min_snr_gamma=4.0), monkeypatch)[0]["min_snr_gamma"] == 4.0


def test_noise_offset_reaches_the_noise(make_trainer, monkeypatch):
    plain = losses_asked_for(make_trainer(), monkeypatch)[0]["noise"]
    shifted = losses_asked_for(make_trainer(noise_offset=0.2), monkeypatch)[0]["noise"]
    assert 0.1 < (shifted - plain).std() < 0.3


def test_dropped_captions_are_the_empty_one(make_trainer, monkeypatch):
    for share in (0.0, 0.5):
        trainer = make_trainer(caption_dropout=share)
        hidden = torch.cat([asked["hidden"] for asked in losses_asked_for(trainer, monkeypatch)])
        empty = (hidden == trainer.data.train.null_embedding).flatten(1).all(1).float().mean().item()
        assert empty == 0.0 if share == 0.0 else 0.2 < empty < 0.8


def test_mirrored_latents_are_shown_where_asked(make_trainer, monkeypatch):
    """Each latent that a step sees is that of its sprite or of its mirrored one."""
    trainer = make_trainer(horizontal_flips=True)
    means = trainer.data.train.latents.table[:, 0]
    seen = torch.cat([asked["latents"] for asked in losses_asked_for(trainer, monkeypatch)])
    nearest = (seen[:, None] - means[None]).flatten(2).norm(dim=2).argmin(1)
    assert (nearest >= 10).any()
    assert sorted((nearest % 10).tolist()) == sorted([*range(10)] * 2)


def test_latents_are_drawn_afresh_around_the_mean(make_trainer, monkeypatch):
    trainer = make_trainer()
    means = trainer.data.train.latents.table[:, 0]
    seen = torch.cat([asked["latents"] for asked in losses_asked_for(trainer, monkeypatch)])
    nearest = (seen[:, None] - means[None]).flatten(2).norm(dim=2).argmin(1)
    residual = (seen - means[nearest]) / 0.1  # small_cache's standard deviation
    assert abs(residual.std().item() - 1) < 0.05
    first, second = (nearest == nearest[0]).nonzero().flatten()[:2]
    assert not torch.equal(seen[first], seen[second])
