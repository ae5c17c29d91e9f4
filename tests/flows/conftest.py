"""One experiment on a real Prefect server, that many tests look at."""

import pytest

from flows.experiment import run_experiment
from pixelpipe.config import parse_config
from pixelpipe.store import Store


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory, prefect_server, portraits):
    """A first experiment of a line, run once for the tests that look at it."""
    config = parse_config(
        {
            "name": "baseline",
            "line": "portraits",
            "dataset": {"path": str(portraits), "repeats": 1, "validation_fraction": 0.2},
            "training": {
                "epochs": 3,
                "batch_size": 8,
                "learning_rate": 1e-6,
                "ema_decay": 0,
                "noise_offset": 0,
                "resolution": 96,
            },
            "sampling": {"num_prompts": 8, "seeds_per_prompt": 2, "num_inference_steps": 4, "confirm_seeds": 1},
        },
        where="test",
    )
    store = Store.open(tmp_path_factory.mktemp("undisturbed") / "store")
    state = run_experiment(config, store.url, return_state=True)
    return config, store, state
