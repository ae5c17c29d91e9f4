"""A checkpoint evaluated as a flow, on a real (temporary) Prefect server."""

import shutil

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

from flows.evaluate import evaluate_checkpoint
from pixelpipe.errors import BadInputError
from pixelpipe.lines import champion
from pixelpipe.results.reader import read_table
from pixelpipe.store import Store

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture
def copied(undisturbed, tmp_path):
    """A store with a finished experiment, which may be changed; and the checkpoint of its last epoch."""
    _, store, state = undisturbed
    shutil.copytree(store.url, tmp_path / "store")
    return Store.open(tmp_path / "store"), f"{state.result().experiment_id}@3"


def test_a_checkpoint_is_judged_with_a_task_for_every_stage(copied):
    store, checkpoint = copied
    state = evaluate_checkpoint(checkpoint, store.url, name="again", return_state=True)
    outcome = state.result()
    assert state.message == f"inconclusive: {outcome.sentence}"
    assert outcome.experiment_id.startswith("again-")
    ours, theirs = (read_table(store, "samples", name) for name in (outcome.experiment_id, checkpoint.split("@")[0]))
    assert ours["effective_colors"].to_pylist() == theirs.slice(32)["effective_colors"].to_pylist()
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(state.state_details.flow_run_id)
        found = client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run.id])))
    assert {"outcome:inconclusive", "line:portraits"} <= set(run.tags)
    stages = {f"{stage} epoch 3" for stage in ("sample", "analyze", "judge")}
    assert {each.name for each in found} == stages | {"prepare", "conclude", "announce", "report"}


def test_a_baseline_needs_a_person_and_becomes_the_champion(copied):
    store, checkpoint = copied
    settings = {"sampling": {"seeds_per_prompt": 1, "num_inference_steps": 2}}
    nobody = evaluate_checkpoint(checkpoint, store.url, "baseline", known=settings, return_state=True)
    with pytest.raises(BadInputError, match="`who` and `why` must be given"):
        nobody.result()
    evaluate_checkpoint(checkpoint, store.url, "baseline", known=settings, who="ann", why="fewer seeds")
    current = champion(store, "portraits")
    assert (current.epoch, current.set_by, current.reason) == (3, "ann", "fewer seeds")
    assert len(read_table(store, "samples", current.experiment_id)) == 8
