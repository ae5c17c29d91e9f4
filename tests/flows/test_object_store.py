"""A whole experiment whose store is on S3 (moto's server), while some requests fail."""

from collections.abc import Iterator

import pytest
import s3fs

from benchmarks.faulty_s3 import BUCKET, CREDENTIALS, Faulty, serving
from flows.experiment import run_experiment
from pixelpipe.config import ExperimentConfig
from pixelpipe.results import query
from pixelpipe.store import Store
from pixelpipe.training.checkpoint import CheckpointStore

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Faulty]]:
    with serving(faults=0.01) as (address, faulty):
        for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": address}.items():
            monkeypatch.setenv(name, value)
        yield f"s3://{BUCKET}/team/store", faulty
        s3fs.S3FileSystem.clear_instance_cache()


def test_an_experiment_lives_on_s3(s3, make_config, base):
    url, faulty = s3
    config: ExperimentConfig = make_config(line="portraits", training={"epochs": 1})
    state = run_experiment(config, url, return_state=True)
    outcome = state.result()
    assert (state.is_completed(), outcome.status) == (True, "promoted")
    store = Store.open(url)
    names = {key.split("/", 2)[2] for key in store.list(f"experiments/{outcome.experiment_id}")}
    assert {"verdict.md", "config.yaml", "checkpoints/epoch-01-1/unet/manifest.json"} <= names
    assert sum(name.startswith("samples/") for name in names) == 8
    weights, state_of_training = CheckpointStore(store, outcome.experiment_id).load(1)
    assert (set(weights) == set(base.unet.state_dict()), state_of_training.optimizer_steps) == (True, 4)
    [row] = query.run(store, "FROM leaderboard").to_pylist()
    assert (row["experiment_id"], row["num_images"], row["is_champion"]) == (outcome.experiment_id, 8, True)
    again = run_experiment(config, url, return_state=True)
    assert again.result() == outcome, "done already"
    assert sum(faulty.injected.values()) > 0
