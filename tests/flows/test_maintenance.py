"""The maintenance flow on a real (temporary) Prefect server."""

import shutil
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.exceptions import ParameterTypeError

from flows.maintenance import maintain_store
from pixelpipe.pipeline.retention import Retention
from pixelpipe.results.reader import read_table
from pixelpipe.results.schemas import SCHEMAS
from pixelpipe.store import Store
from tests.results.conftest import FIRST, Results

pytestmark = pytest.mark.usefixtures("prefect_server")


def test_it_compacts_and_says_so(tmp_path: Path):
    store = Store.open(tmp_path / "store")
    for epoch in range(1, 9):
        Results(store).commit(FIRST, epoch)
    before = {table: read_table(store, table).to_pylist() for table in SCHEMAS}
    dry = maintain_store(store.url, Retention(checkpoints_days=0), dry_run=True, return_state=True)
    assert dry.message == "dry run: 32 result files become few"
    assert store.list("results/v1/compactions") == []
    done = maintain_store(store.url, return_state=True)
    assert (done.is_completed(), done.message) == (True, "32 result files become 4")
    assert {table: read_table(store, table).to_pylist() for table in SCHEMAS} == before
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=["maintenance"])))
    assert "32 result files become 4" in {artifact.data.splitlines()[2] for artifact in found}
    shutil.rmtree(tmp_path / "store")
    assert maintain_store(store.url, return_state=True).message == "nothing to do"


def test_a_misspelled_parameter_is_refused():
    with pytest.raises(ParameterTypeError, match="checkpoint_days: Extra inputs are not permitted"):
        maintain_store.validate_parameters({"retention": {"checkpoint_days": 3}})
