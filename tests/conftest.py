"""What many tests stand on: small real datasets, the tiny base, and a configuration that runs in seconds."""

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # no test loads anything from a hub
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pixelpipe.config import ExperimentConfig, parse_config


@pytest.fixture(scope="session")
def portraits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 synthetic portraits with two kinds of captions."""
    from pixelpipe.data.portraits import write_dataset

    folder = tmp_path_factory.mktemp("dataset") / "portraits"
    write_dataset(folder, 40, seed=3)
    return folder


@pytest.fixture(scope="session")
def base() -> Any:
    """The tiny base. Its UNet is shared: a test that trains takes a copy."""
    from pixelpipe.models.layout import TINY
    from pixelpipe.models.load import load_base

    return load_base(TINY)


@pytest.fixture
def make_config(portraits: Path) -> Callable[..., ExperimentConfig]:
    """A configuration of a few seconds; keywords are sections, e.g. `make_config(training={"epochs": 1})`."""

    def make(**changes: Any) -> ExperimentConfig:
        values: dict[str, Any] = {
            "name": "small",
            "dataset": {"path": str(portraits), "validation_fraction": 0.2},
            "training": {"epochs": 2, "batch_size": 8, "learning_rate": 1e-3},
            "sampling": {"num_prompts": 8, "seeds_per_prompt": 1, "num_inference_steps": 2, "confirm_seeds": 1},
        }
        for key, change in changes.items():
            values[key] = {**values.get(key, {}), **change} if isinstance(change, dict) else change
        return parse_config(values, where="test")

    return make


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    """Prefect's own server on a temporary database, once a session: it takes 16 s to start."""
    from flows.connection import apply_settings

    apply_settings()
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield
