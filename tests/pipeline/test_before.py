"""What the base draws before training: of the base's own weights, once, and training does not notice."""

from contextlib import closing

import pytest
import torch

from pixelpipe.analysis.metrics import sprites
from pixelpipe.data.png import encode_png
from pixelpipe.keys import before_key
from pixelpipe.pipeline.before import draw_before_training
from pixelpipe.pipeline.prepare import prepare
from pixelpipe.pipeline.session import Session
from pixelpipe.sampling.sampler import Sampler
from pixelpipe.store import Store


@pytest.mark.parametrize("method", ["full", "lora"])
def test_the_base_draws_and_training_does_not_notice(make_config, base, tmp_path, method):
    training = {"epochs": 1, "learning_rate": 1e-3, "resolution": 64, "ema_decay": 0.5}
    config = make_config(model={"method": method}, training=training)
    hashes = []
    for name in ("plain", "drawn"):
        store = Store.open(tmp_path / name)
        session = Session(store, prepare(store, config), 0)
        with closing(session):
            epochs = session.train_epochs()
            before = torch.get_rng_state()
            if name == "drawn":
                draw_before_training(session)
            assert torch.equal(torch.get_rng_state(), before)
            hashes.append(next(epochs).checkpoint_hash)
    assert hashes[0] == hashes[1]

    plans, experiment_id = session.experiment.evaluation.images, session.experiment.experiment_id
    sampler = Sampler(base, resolution=64, num_inference_steps=2, guidance_scale=3.0, batch_size=8)
    drawn = {before_key(experiment_id, plan.prompt_id, plan.seed): encode_png(sprites(image[None], 24)[0])
             for plan, image in sampler.sample(base.unet, plans)}  # fmt: skip
    assert {key: store.read(key) for key in store.list(f"experiments/{experiment_id}/before")} == drawn

    there, *missing = drawn
    store.replace(there, b"as it was")
    store.delete_many(missing)
    draw_before_training(session)
    assert store.list(f"experiments/{experiment_id}/before") == sorted(drawn)
    assert store.read(there) == b"as it was"
