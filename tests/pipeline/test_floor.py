"""The floor of an experiment: measured once by the real VAE, found again, and shared by experiments of one art."""

from typing import Any

import numpy as np
import pytest

from pixelpipe.analysis.metrics import METRIC_SCHEMA, measure
from pixelpipe.models.encode import round_trip
from pixelpipe.pipeline.floor import record_floor
from pixelpipe.pipeline.prepare import prepare
from pixelpipe.pipeline.session import Session
from pixelpipe.results.reader import read_table
from pixelpipe.store import Store

NOBODY: Any = None  # a session that is not asked for anything


def floors(store: Store, experiment_id: str) -> dict[str, dict[str, Any]]:
    return {row["metric"]: row for row in read_table(store, "floors", experiment_id).to_pylist()}


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / "store")


def test_the_floor_is_measured_once_and_shared_by_the_same_art_and_size(store, make_config):
    first = prepare(store, make_config(name="first", training={"resolution": 96}))
    session = Session(store, first, 0)
    record_floor(store, first, session)
    assert "round_trip" not in session.__dict__  # its memory is given back

    rows = floors(store, first.experiment_id)
    assert set(rows) == {*METRIC_SCHEMA.names, "clean"}
    art = first.manifest.pixels()
    after = measure(round_trip(session.base, session.floor_art, 96), 24)["effective_colors"].to_numpy()
    colors = rows["effective_colors"]
    assert colors["vae_mean"] == pytest.approx(after.mean())
    assert colors["art_median"] == np.median(measure(art, 24)["effective_colors"].to_numpy())
    assert (colors["resolution"], colors["aligned"], colors["num_sprites"]) == (96, False, len(art))
    assert colors["dataset_hash"] == first.manifest.dataset_hash

    record_floor(store, first, NOBODY)
    second = prepare(store, make_config(name="second", training={"resolution": 96, "learning_rate": 1e-5}))
    record_floor(store, second, NOBODY)
    copied = floors(store, second.experiment_id)
    assert copied["effective_colors"] == colors | second.lineage
