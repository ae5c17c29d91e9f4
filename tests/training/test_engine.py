"""A killed run goes on as if it had not been, and what an epoch leaves behind."""

import pytest
import torch
from safetensors.torch import load_file

from pixelpipe.errors import CorruptCheckpointError, OutOfMemoryError, TrainingDivergedError
from pixelpipe.sampling.evaluation import ImagePlan
from pixelpipe.sampling.sampler import Sampler
from pixelpipe.store import Store
from pixelpipe.training.checkpoint import CheckpointStore
from tests.training.conftest import small_unet

EVERYTHING = {
    "ema_decay": 0.7,
    "gradient_accumulation_steps": 3,
    "lr_scheduler": "cosine",
    "lr_warmup_steps": 2,
    "min_snr_gamma": 5.0,
    "noise_offset": 0.1,
    "shuffle_tags": True,
    "tag_dropout": 0.2,
    "horizontal_flips": True,
}


def weights(trainer):
    return {name: tensor.clone() for name, tensor in trainer.unet.state_dict().items()}


def assert_same_bits(first, second):
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name


def learned(record):
    """What an epoch record says of training; seconds aside."""
    names = ("epoch", "train_loss", "validation_loss", "learning_rate", "optimizer_steps", "images_seen")
    return {name: getattr(record, name) for name in (*names, "checkpoint_hash")}


def place(tmp_path, name="store"):
    return CheckpointStore(Store.open(tmp_path / name), "x-1")


def run(make, checkpoints, stops=()):
    """Train to the end, in a new trainer after each epoch of `stops`; the last trainer and all records."""
    trainer, records = make(), []
    epochs = trainer.train_epochs(checkpoints)
    while trainer.epoch < trainer.config.epochs:
        records.append(learned(next(epochs)))
        if trainer.epoch in stops:
            epochs.close()
            trainer = make()
            trainer.resume(checkpoints, records[-1]["epoch"])
            epochs = trainer.train_epochs(checkpoints)
    return trainer, records


@pytest.mark.parametrize("method", ["full", "lora"])
@pytest.mark.parametrize("training", [{}, EVERYTHING, {"mixed_precision": "bf16", "ema_decay": 0.7}], ids=str)
def test_killed_after_every_epoch_is_uninterrupted_bit_for_bit(make_trainer, tmp_path, method, training):
    def make():
        return make_trainer(model={"method": method, "rank": 2, "alpha": 3.0}, **training)

    straight, expected = run(make, place(tmp_path, "straight"))
    killed, records = run(make, place(tmp_path, "killed"), stops=(1, 2))
    assert records == expected
    assert_same_bits(weights(straight), weights(killed))
    places = [tmp_path / name / "experiments/x-1/checkpoints/epoch-03-1" for name in ("straight", "killed")]
    states = [folder / "training_state" for folder in places]
    for file in ("optimizer.safetensors", *(["raw_weights.safetensors"] if "ema_decay" in training else [])):
        assert_same_bits(*(load_file(state / file) for state in states))


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_checkpoint_draws_what_the_warm_trainer_drew(base, make_trainer, tmp_path, method, make_base_trainer):
    """Bit for bit: the average's weights, applied to a fresh base."""
    model, checkpoints = {"method": method, "rank": 4, "alpha": 8.0}, place(tmp_path)
    trainer, fresh = make_base_trainer(model=model, ema_decay=0.5), make_base_trainer(model={"method": "full"}).unet
    next(trainer.train_epochs(checkpoints)).saved.result()
    sampler = Sampler(base, resolution=96, num_inference_steps=2, guidance_scale=2.0, batch_size=2)
    plans = [ImagePlan("a", "red hair", 1), ImagePlan("b", "a hat", 2)]
    warm = [image for _, image in sampler.sample(trainer.unet, plans)]
    before = [image for _, image in sampler.sample(fresh, plans)]
    checkpoints.apply(1, fresh)
    stored = [image for _, image in sampler.sample(fresh, plans)]
    assert all((one == other).all() for one, other in zip(warm, stored, strict=True))
    assert any((one != other).any() for one, other in zip(warm, before, strict=True))


def test_the_losses_of_a_run_are_pinned(make_trainer, tmp_path):
    """A refactoring that changes these changed training. Seeded UNet and data; tolerance for another CPU's rounding."""
    records = [learned(record) for record in make_trainer().train_epochs(place(tmp_path, "plain"))]
    assert [record["train_loss"] for record in records] == pytest.approx(PINNED["plain"][0], rel=1e-4)
    assert [record["validation_loss"] for record in records] == pytest.approx(PINNED["plain"][1], rel=1e-4)
    records = [learned(record) for record in make_trainer(**EVERYTHING).train_epochs(place(tmp_path, "everything"))]
    assert [record["train_loss"] for record in records] == pytest.approx(PINNED["everything"][0], rel=1e-4)
    assert [record["validation_loss"] for record in records] == pytest.approx(PINNED["everything"][1], rel=1e-4)


PINNED = {
    "plain": ([1.09913, 1.03948, 0.98925], [1.08894, 1.04449, 1.00745]),
    "everything": ([0.974911, 0.992057, 0.932949], [1.10728, 1.0687, 1.05433]),
}


def test_training_learns(make_trainer, tmp_path):
    trainer = make_trainer(learning_rate=3e-3, epochs=6)
    before = trainer.validation_loss()
    records = list(trainer.train_epochs(place(tmp_path)))
    assert records[-1].validation_loss < before
    assert records[-1].train_loss < records[0].train_loss


def test_resumed_moments_lie_in_memory_as_their_weights_do(make_trainer, tmp_path):
    """On a GPU, where weights are channels-last, the fused AdamW refuses any other order."""

    def make():
        return make_trainer(unet=small_unet().to(memory_format=torch.channels_last))

    trainer, _ = run(make, place(tmp_path), stops=(1,))
    masters, state = trainer.step.weights.masters, trainer.step.optimizer.state
    assert any(not master.is_contiguous() for master in masters)
    for master in masters:
        assert {state[master][name].stride() for name in ("exp_avg", "exp_avg_sq")} == {master.stride()}


def test_counters_are_cumulative_and_the_last_batch_may_be_smaller(make_trainer, tmp_path):
    records = list(make_trainer(batch_size=8).train_epochs(place(tmp_path)))
    assert [record.images_seen for record in records] == [20, 40, 60]  # 10 sprites x 2 repeats
    assert [record.optimizer_steps for record in records] == [3, 6, 9]


def test_accumulation_changes_memory_and_no_number(make_trainer, tmp_path):
    whole = list(make_trainer().train_epochs(place(tmp_path, "whole")))
    for parts in (2, 8, "auto"):
        trainer = make_trainer(gradient_accumulation_steps=parts)
        found = list(trainer.train_epochs(place(tmp_path, f"parts-{parts}")))
        assert [r.train_loss for r in found] == pytest.approx([r.train_loss for r in whole], rel=1e-4)
        assert [r.validation_loss for r in found] == pytest.approx([r.validation_loss for r in whole], rel=1e-4)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_trains_fp32_masters(make_trainer, tmp_path, precision):
    exact, trainer = make_trainer(), make_trainer(mixed_precision=precision)
    records = [list(t.train_epochs(place(tmp_path, str(n)))) for n, t in enumerate((exact, trainer))]
    assert trainer.unet.dtype == {"bf16": torch.bfloat16, "fp16": torch.float16}[precision]
    saved = load_file(tmp_path / "1/experiments/x-1/checkpoints/epoch-03-1/unet/diffusion_pytorch_model.safetensors")
    assert {tensor.dtype for tensor in saved.values()} == {torch.float32}
    assert records[1][-1].validation_loss == pytest.approx(records[0][-1].validation_loss, rel=0.02)


def test_the_average_is_what_is_judged_and_the_raw_weights_are_trained_on(make_trainer, tmp_path):
    averaged, raw = make_trainer(ema_decay=0.999, epochs=2), make_trainer(epochs=2)
    ours, plain = averaged.train_epochs(place(tmp_path, "average")), raw.train_epochs(place(tmp_path, "raw"))
    first = next(ours), next(plain)
    assert first[0].train_loss == first[1].train_loss
    assert first[0].validation_loss != first[1].validation_loss
    saved = tmp_path / "average/experiments/x-1/checkpoints/epoch-01-1"
    first[0].saved.result()
    assert_same_bits(weights(averaged), load_file(saved / "unet/diffusion_pytorch_model.safetensors"))
    assert_same_bits(weights(raw), load_file(saved / "training_state/raw_weights.safetensors"))
    assert next(ours).train_loss == next(plain).train_loss


def test_a_loss_that_is_not_finite_stops_training_and_keeps_the_last_checkpoint(make_trainer, tmp_path):
    trainer, checkpoints = make_trainer(), place(tmp_path)
    epochs = trainer.train_epochs(checkpoints)
    next(epochs)
    with torch.no_grad():
        next(iter(trainer.unet.parameters())).fill_(float("nan"))
    with pytest.raises(
        TrainingDivergedError, match=r"epoch 2: the training loss is nan .*lower training.learning_rate"
    ):
        next(epochs)
    assert checkpoints.has_weights(1)
    assert not checkpoints.has_weights(2)


def test_a_loss_that_explodes_stops_training(make_trainer, tmp_path):
    trainer = make_trainer()
    with torch.no_grad():
        trainer.unet.conv_out.weight.mul_(100)
    with pytest.raises(TrainingDivergedError, match=r"epoch 1: the training loss is \d+ \(predicting"):
        next(trainer.train_epochs(place(tmp_path)))


@pytest.mark.parametrize(
    ("method", "part"),
    [
        ("full", "unet/diffusion_pytorch_model.safetensors"),
        ("lora", "lora/pytorch_lora_weights.safetensors"),
        ("full", "training_state/optimizer.safetensors"),
        ("full", "training_state/raw_weights.safetensors"),
    ],
)
def test_a_flipped_bit_in_a_checkpoint_is_refused(make_trainer, tmp_path, method, part):
    checkpoints = place(tmp_path)
    next(make_trainer(model={"method": method}, ema_decay=0.5).train_epochs(checkpoints)).saved.result()
    file = tmp_path / "store/experiments/x-1/checkpoints/epoch-01-1" / part
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(CorruptCheckpointError, match=file.name):
        make_trainer(model={"method": method}, ema_decay=0.5).resume(checkpoints, 1)


def test_memory_that_does_not_suffice_says_what_to_lower(make_trainer, tmp_path, monkeypatch):
    trainer = make_trainer()

    def full(*args, **kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has")

    trainer.step.forward = full
    with pytest.raises(Exception, match=r"gradient_accumulation_steps to 2 \(now 1: 8 sprites at once"):
        next(trainer.train_epochs(place(tmp_path)))


@pytest.mark.parametrize(("checkpointing", "advice"), [(False, "gradient_checkpointing to true"), (True, "resolution")])
def test_memory_that_does_not_suffice_for_one_sprite_says_so_too(make_trainer, monkeypatch, checkpointing, advice):
    trainer = make_trainer(gradient_accumulation_steps="auto", gradient_checkpointing=checkpointing)

    def full(*args, **kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has")

    trainer.step.forward = full
    with pytest.raises(OutOfMemoryError, match=advice):
        _ = trainer.num_parts
