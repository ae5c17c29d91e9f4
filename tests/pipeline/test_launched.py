"""Two training processes under Accelerate's launcher: the same losses as one, and they live no longer than the flow."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest

from pixelpipe.errors import ConfigError, OutOfMemoryError, TrainingDivergedError, WorkerDiedError
from pixelpipe.pipeline.prepare import prepare
from pixelpipe.pipeline.session import Session
from pixelpipe.sampling.evaluation import ImagePlan
from pixelpipe.store import Store
from pixelpipe.training import processes
from pixelpipe.training.epoch_files import EpochFiles

TRAINING = {"epochs": 2, "batch_size": 6, "learning_rate": 1e-3, "resolution": 64, "ema_decay": 0.5}
PARENT = Path(__file__).with_name("train_and_wait.py")


def experiment(make_config, num_processes, **training):
    values = TRAINING | {"num_processes": num_processes} | training
    return make_config(training=values, sampling={"batch_size": 1})


def figures(record):
    return [record.train_loss, record.validation_loss, record.optimizer_steps, record.images_seen]


@contextmanager
def first_epoch_of_two_processes(config, store: Store, tmp_path: Path) -> Iterator[tuple[psutil.Process, list[float]]]:
    (tmp_path / "config.json").write_text(config.model_dump_json())
    command = [sys.executable, str(PARENT), str(tmp_path / "config.json"), store.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stderr is not None
        try:
            line = parent.stdout.readline()
            assert line, parent.stderr.read()[-3000:]
            yield psutil.Process(parent.pid), json.loads(line)
        finally:
            parent.kill()


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="two processes need two cores")
def test_as_one_process_then_killed_with_its_parent_then_resumed_by_one(make_config, tmp_path):
    stores = [Store.open(tmp_path / name) for name in ("one", "two #2")]
    alone = Session(stores[0], prepare(stores[0], experiment(make_config, 1)), 0)
    epochs = alone.train_epochs()
    expected = [figures(next(epochs))]
    [(_, picture)] = alone.sampler.sample(alone.unet, [ImagePlan("a", "red hair", 1)])
    expected.append(figures(next(epochs)))
    alone.close()

    with first_epoch_of_two_processes(experiment(make_config, 2), stores[1], tmp_path) as (parent, found):
        assert found == pytest.approx(expected[0], rel=1e-4)
        drawn = np.load(tmp_path / "two #2/picture.npy")
        assert np.abs(drawn.astype(int) - picture).max() <= 2
        launched = parent.children(recursive=True)
        assert len(launched) == 3, "a launcher and two processes"
        listening = [
            c.laddr.ip for process in launched for c in process.net_connections("inet") if c.status == "LISTEN"
        ]
        assert set(listening) <= {"127.0.0.1"}
        parent.kill()
    _, alive = psutil.wait_procs(launched, timeout=20)
    assert alive == []

    resumed = Session(stores[1], prepare(stores[1], experiment(make_config, 1)), 1)
    with closing(resumed):
        assert figures(next(resumed.train_epochs())) == pytest.approx(expected[1], rel=1e-4)


def test_what_a_process_raises_is_raised_in_the_flow(tmp_path):
    files = EpochFiles(tmp_path)
    assert files.reported_error() is None
    files.report(1, RuntimeError("connection reset\nby peer"))
    time.sleep(0.01)
    assert isinstance(error := files.reported_error(), WorkerDiedError)
    assert str(error) == "a training process ended: RuntimeError: connection reset by peer"
    files.report(0, OutOfMemoryError("set training.gradient_accumulation_steps to 2"))
    assert isinstance(files.reported_error(), OutOfMemoryError), "the cause, not what the others noticed of it"
    files.report(2, TrainingDivergedError("later"))
    assert isinstance(files.reported_error(), OutOfMemoryError)


@pytest.mark.parametrize(
    ("gpus", "message"),
    [
        (2, r"`training.num_processes` must be at most 2, this machine's GPUs, but got 3"),
        (0, r"must be at most 1, this machine's cores \(there is no GPU\), but got 3"),
    ],
)
def test_more_processes_than_the_machine_has_are_refused(make_config, tmp_path, monkeypatch, gpus, message):
    monkeypatch.setattr(processes.torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    store = Store.open(tmp_path)
    with pytest.raises(ConfigError, match=message):
        Session(store, prepare(store, experiment(make_config, 3)), 0)
