"""Trains one epoch as a flow would, says what came of it and waits to be killed: `train_and_wait.py CONFIG STORE`."""

import json
import sys
import time
from pathlib import Path

import numpy as np

from pixelpipe.config import ExperimentConfig
from pixelpipe.pipeline.prepare import prepare
from pixelpipe.pipeline.session import Session
from pixelpipe.sampling.evaluation import ImagePlan
from pixelpipe.store import Store

if __name__ == "__main__":
    config = ExperimentConfig.model_validate_json(Path(sys.argv[1]).read_text())
    store = Store.open(sys.argv[2])
    session = Session(store, prepare(store, config), done_epochs=0)
    record = next(session.train_epochs())
    [(_, picture)] = session.sampler.sample(session.unet, [ImagePlan("a", "red hair", 1)])
    np.save(Path(store.url) / "picture.npy", picture)
    figures = [record.train_loss, record.validation_loss, record.optimizer_steps, record.images_seen]
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.stdout.flush()
    time.sleep(600)
