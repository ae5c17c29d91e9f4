"""When torch.compile is chosen, and that what it computes is what was computed without it."""

import re
from pathlib import Path

import pytest
import torch

from pixelpipe.errors import ConfigError
from pixelpipe.store import Store
from pixelpipe.training.checkpoint import CheckpointStore
from pixelpipe.training.compilation import Choice, TimedSteps, Timings, check_compiler, choose, obstacle

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PIXELPIPE_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("setting", "num_steps", "timings", "compiled", "reason"),
    [
        ("off", 10**6, Timings(1.0, 0.5, 1.0), False, "is off"),
        ("on", 1, Timings(), True, "is on"),
        ("auto", 10**6, Timings(), False, "never timed on this machine"),
        ("auto", 10**6, Timings(compiled_s=0.5, compile_s=1.0), False, "never timed"),
        # an eager step of 1 s, nothing else known: a tenth less is assumed, and two minutes to compile
        ("auto", 1199, Timings(1.0), False, r"1199 steps would save 120 s and compiling takes 120 s \(assumed\)"),
        ("auto", 1201, Timings(1.0), True, r"\(assumed\)"),
        ("auto", 1000, Timings(1.0, None, 90.0), True, r"save 100 s and compiling takes 90 s \(assumed\)"),
        # timed: 40 s to compile, 0.25 s saved a step
        ("auto", 159, Timings(1.0, 0.75, 40.0), False, r"save 40 s and compiling takes 40 s \(timed\)"),
        ("auto", 161, Timings(1.0, 0.75, 40.0), True, r"\(timed\)"),
        ("auto", 10**6, Timings(1.0, 1.1, 0.0), False, "save -100000 s"),
        ("auto", 0, Timings(1.0, 0.5, 0.0), False, "0 steps"),
    ],
)
def test_the_choice(setting, num_steps, timings, compiled, reason):
    choice = choose(setting, num_steps, timings, "cpu", None)
    assert choice.compiled == compiled
    assert re.search(reason, choice.reason)


def test_a_gpu_is_assumed_to_compile_longer_and_to_gain_more():
    assert not choose("auto", 1000, Timings(1.0), "cuda", None).compiled
    assert choose("auto", 1300, Timings(1.0), "cuda", None) == Choice(
        True, "1300 steps would save 260 s and compiling takes 240 s (assumed)"
    )


def test_a_machine_that_cannot_compile_says_why(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setenv("PATH", "/nowhere")
    reason = obstacle("cpu")
    assert reason == "there is no C++ compiler (no-such-compiler)"
    assert choose("auto", 10**6, Timings(1.0, 0.5, 1.0), "cpu", reason) == Choice(False, reason)
    with pytest.raises(ConfigError, match=r"`training.compile` must be off or auto .* got on: there is no C"):
        check_compiler("cpu")


def test_timings_are_kept_by_what_a_step_is(tmp_path):
    TimedSteps(CPU, "training", {"width": 8}, 16).add(eager_s=0.5)
    again = TimedSteps(CPU, "training", {"width": 8}, 16)
    again.add(compiled_s=0.25, compile_s=30.0)
    assert again.read() == Timings(0.5, 0.25, 30.0)
    assert TimedSteps(CPU, "training", {"width": 8}, 8).read() == Timings()
    [file] = (tmp_path / "cache/compile").iterdir()
    file.write_text("{")
    assert again.read() == Timings(), "a broken file is timed again"


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path):
    (tmp_path / "cache").write_text("a file")
    steps = TimedSteps(CPU, "training")
    steps.add(eager_s=1.0)
    assert steps.read() == Timings()


def test_a_trainer_times_its_first_epoch(make_trainer, tmp_path):
    trainer = make_trainer(epochs=2)  # 3 steps an epoch
    list(trainer.train_epochs(CheckpointStore(Store.open(tmp_path / "store"), "x-1")))
    timings = trainer.timed_steps.read()
    assert timings.eager_s is not None
    assert 0 < timings.eager_s < 10
    assert (timings.compiled_s, timings.compile_s) == (None, None)
    assert len(list((tmp_path / "cache/compile").iterdir())) == 1


def test_a_step_can_be_timed_without_training(make_trainer):
    trainer = make_trainer(gradient_accumulation_steps=2)
    before = [master.clone() for master in trainer.step.weights.masters]
    trainer.time_a_step()
    assert trainer.timed_steps.read().eager_s is not None
    assert all(torch.equal(one, other) for one, other in zip(before, trainer.step.weights.masters, strict=True))
    assert trainer.optimizer_steps == 0


class Denoiser(torch.nn.Module):
    """Called as a UNet is. g++ takes minutes for the kernels of the smallest UNet, and seconds for these."""

    def __init__(self) -> None:
        super().__init__()
        self.config = {}
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.first, self.last = torch.nn.Conv2d(4, 8, 3, padding=1), torch.nn.Conv2d(8, 4, 3, padding=1)

    def forward(self, latents, timesteps, encoder_hidden_states, return_dict=False):
        hidden = self.first(latents) + encoder_hidden_states.mean() + timesteps.view(-1, 1, 1, 1) / 1000
        return (self.last(torch.nn.functional.silu(hidden)),)


@pytest.mark.skipif(obstacle("cpu") is not None, reason=f"{obstacle('cpu')}")
def test_compiled_losses_are_the_eager_ones(make_trainer, tmp_path, monkeypatch):
    """The whole batches are compiled, the smaller last one of an epoch is not."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(Path(__file__).parents[2] / ".pytest_cache/inductor"))
    eager, trainer = (make_trainer(epochs=2, unet=Denoiser()) for _ in range(2))
    trainer.compile()
    seen = []
    forward = trainer.step.forward
    trainer.step.forward = lambda latents, *args, **options: (
        seen.append(len(latents)), forward(latents, *args, **options))[1]  # fmt: skip
    records = [
        list(each.train_epochs(CheckpointStore(Store.open(tmp_path / name), "x-1")))
        for name, each in (("eager", eager), ("compiled", trainer))
    ]
    assert seen == [8] * 4
    for expected, found in zip(*records, strict=True):
        assert found.train_loss == pytest.approx(expected.train_loss, rel=1e-4)
        assert found.validation_loss == pytest.approx(expected.validation_loss, rel=1e-4)
    timings = trainer.timed_steps.read()
    assert timings.compile_s is not None
    assert timings.compiled_s is not None
    assert timings.compile_s > timings.compiled_s
