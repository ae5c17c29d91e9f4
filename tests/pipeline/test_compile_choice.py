"""What `training.compile: auto` chose first holds for an experiment, however often it is resumed."""

import json

import pytest

from pixelpipe.pipeline.prepare import prepare
from pixelpipe.pipeline.session import Session
from pixelpipe.store import Store


@pytest.fixture
def session(make_config, tmp_path, monkeypatch):
    monkeypatch.setattr("pixelpipe.pipeline.session.obstacle", lambda _: None)
    monkeypatch.setattr("pixelpipe.training.compilation.obstacle", lambda _: None)
    monkeypatch.setenv("PIXELPIPE_CACHE", str(tmp_path / "cache"))
    store = Store.open(tmp_path / "store")

    def make(done_epochs=0, **training):
        training = {"epochs": 4, "batch_size": 8, "resolution": 64} | training  # 32 sprites: 4 steps an epoch
        return Session(store, prepare(store, make_config(training=training)), done_epochs)

    return make


def is_compiled(session):
    return session.trainer.step.compiled_size > 0


def test_the_first_choice_holds_whatever_is_timed_later(session, monkeypatch):
    first = session()
    assert not is_compiled(first), "nothing was timed here yet"
    first.trainer.timed_steps.add(eager_s=100.0, compiled_s=50.0, compile_s=60.0)  # 4 steps pay for it
    assert not is_compiled(session(done_epochs=2))
    assert is_compiled(session(compile="on"))
    again = session(learning_rate=2e-3)  # another experiment
    assert is_compiled(again)
    pinned = again.store.read(f"experiments/{again.experiment.experiment_id}/compile-training.json")
    assert json.loads(pinned) == {
        "compiled": True, "reason": "16 steps would save 800 s and compiling takes 60 s (timed)",
    }  # fmt: skip
    again.trainer.timed_steps.add(compile_s=10**6)
    assert is_compiled(session(learning_rate=2e-3, done_epochs=3))
    assert not is_compiled(session(learning_rate=2e-3, compile="off"))
    monkeypatch.setattr("pixelpipe.pipeline.session.obstacle", lambda _: "there is no C++ compiler (g++)")
    monkeypatch.setattr("pixelpipe.training.compilation.obstacle", lambda _: "there is no C++ compiler (g++)")
    assert not is_compiled(session(learning_rate=2e-3, done_epochs=3)), "resumed on a machine that cannot"


def test_sampling_has_a_choice_of_its_own(session):
    first = session()
    first.sampler.timed_batches(first.unet).add(eager_s=100.0, compiled_s=50.0, compile_s=60.0)
    other = session(learning_rate=2e-3)
    assert other.sampler._compiled is not None
    assert other.sampler._compiled[0] is other.unet
    assert not is_compiled(other)
