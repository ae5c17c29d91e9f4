"""The captioning flow, and captions as the first stage of an experiment, on a real (temporary) Prefect server."""

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from pydantic import ValidationError

from flows.captions import caption_dataset
from pixelpipe.captions.sidecar import read_captions
from pixelpipe.config import CaptionsConfig, DatasetConfig
from pixelpipe.store import Store

pytestmark = pytest.mark.usefixtures("prefect_server")


def test_a_flow_of_its_own(portraits, tmp_path):
    state = caption_dataset(
        DatasetConfig(path=portraits), CaptionsConfig(strategy="palette"), to=tmp_path / "copy",
        store=str(tmp_path / "store"), return_state=True,
    )  # fmt: skip
    assert state.is_completed()
    done = state.result()
    assert state.message == f"40 captions, {done.num_different} different"
    names = [path.name for path in (tmp_path / "copy").glob("*.png")]
    assert len(read_captions(tmp_path / "copy", names)) == 40
    assert Store.open(tmp_path / "store").list("captions")
    with get_client(sync_client=True) as client:
        runs = client.read_task_runs(
            flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[state.state_details.flow_run_id]))
        )
    assert [run.name.split("-")[0] for run in runs] == ["captions"]


def test_a_misspelled_parameter_is_refused():
    with pytest.raises(ValidationError):
        CaptionsConfig(strategi="palette")
