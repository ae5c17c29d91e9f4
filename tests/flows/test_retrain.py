"""Retraining on a schedule, on a real server: skipped when nothing is new; else a candidate, and perhaps a question."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL

from flows.experiment import run_experiment
from flows.retrain import retrain
from pixelpipe.data.portraits import write_dataset
from pixelpipe.lease import acquire
from pixelpipe.lines import champion, champion_history
from pixelpipe.pipeline.news import find_news
from pixelpipe.results.reader import read_table
from pixelpipe.store import Store

pytestmark = pytest.mark.usefixtures("prefect_server")

SECONDS_OF_NOTHING_NEW = 3


def run_python(*command: str, **environment: str) -> str:
    variables = {**os.environ, "PREFECT_API_URL": PREFECT_API_URL.value(), **environment}
    done = subprocess.run(
        [sys.executable, *command], env=variables, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def read_run(flow_run_id):
    with get_client(sync_client=True) as client:
        return client.read_flow_run(flow_run_id)


def test_nothing_new_ends_in_seconds_without_torch(undisturbed):
    _, store, state = undisturbed
    reference = f"{state.result().experiment_id}@3"
    out = run_python(str(Path(__file__).with_name("retrain_alone.py")), "portraits", store.url)
    found = json.loads(out.splitlines()[-1])
    assert found["message"] == f"skipped: nothing new since {reference}, the champion"
    assert not found["torch"]
    assert found["cpu_seconds"] < SECONDS_OF_NOTHING_NEW


@pytest.fixture
def art(tmp_path, portraits):
    folder = tmp_path / "art"
    shutil.copytree(portraits, folder)
    return folder


def add_sprites(folder: Path) -> None:
    """Three new portraits, captioned as the others are."""
    write_dataset(folder.with_name("more"), 3, seed=77)
    records = (folder.with_name("more") / "metadata.jsonl").read_text().splitlines()
    with (folder / "metadata.jsonl").open("a") as file:
        for record in map(json.loads, records):
            name = f"new-{record['file_name']}"
            shutil.copy(folder.with_name("more") / record["file_name"], folder / name)
            file.write(json.dumps(record | {"file_name": name}) + "\n")


def test_new_art_is_a_question_for_a_person(make_config, art, tmp_path):
    """No candidate is 90% better, and any is no worse than ten times the champion: the rule must ask."""
    store = Store.open(tmp_path / "store")
    config = make_config(
        line="asked",
        dataset={"path": str(art)},
        training={"epochs": 1},
        judge={"promote_margin": 0.9, "abandon_margin": 10.0},
    )
    first = run_experiment(config, store.url, return_state=True).result().experiment_id
    add_sprites(art)
    with get_client(sync_client=True) as client:
        deployment_id = retrain.to_deployment("nightly", parameters={"line": "asked", "store": store.url}).apply()
        run = client.create_flow_run_from_deployment(deployment_id)
    as_a_worker = ["-m", "prefect.engine"]
    run_python(*as_a_worker, PREFECT__FLOW_RUN_ID=str(run.id))
    assert read_run(run.id).state.name == "Suspended"
    assert champion(store, "asked").experiment_id == first
    # meanwhile, the next night: the question is open, and nothing is trained again
    again = retrain("asked", store.url, return_state=True)
    assert again.message.startswith("skipped: ")
    assert "waits for a person's answer" in again.message
    with get_client(sync_client=True) as client:
        for wrong in (
            {},
            {"decision": "yes", "who": "Ann", "why": "x"},
            {"decision": "keep the champion", "who": "Ann"},
        ):
            assert client.resume_flow_run(run.id, run_input=wrong).status == "REJECT"
        said = {"decision": "promote the candidate", "who": "Ann", "why": "the new hats"}
        assert client.resume_flow_run(run.id, run_input=said).status == "ACCEPT"
    run_python(*as_a_worker, PREFECT__FLOW_RUN_ID=str(run.id))
    ended = read_run(run.id)
    current = champion(store, "asked")
    assert ended.state.message == f"promoted: Ann made {current.reference} the champion: the new hats"
    assert "outcome:promoted" in ended.tags
    assert (current.set_by, current.reason, current.sequence) == ("Ann", "the new hats", 2)
    assert current.experiment_id != first
    rows = read_table(store, "decisions", current.experiment_id).to_pylist()
    by_person = {row["overridden_by"]: (row["verdict"], row["reason_code"], row["override_reason"]) for row in rows}
    assert by_person["Ann"] == ("PROMOTED", "overridden", "the new hats")
    assert by_person[None][:2] == ("INCONCLUSIVE", "new_art_non_inferior")
    assert find_news(store, "asked").candidate is None
    assert len(champion_history(store, "asked")) == 2


def test_a_candidate_that_another_run_trains_is_left_to_it(undisturbed, art):
    _, store, _ = undisturbed
    add_sprites(art)
    candidate = find_news(store, "portraits", art).candidate
    assert candidate is not None
    with acquire(store, candidate.experiment_id):
        state = retrain("portraits", store.url, art, return_state=True)
    assert state.is_completed()
    assert state.message.startswith(f"skipped: experiment {candidate.experiment_id} is running: ")


@pytest.mark.parametrize(("line", "said"), [("none-24", "line none-24: must have a champion to train anew")])
def test_a_line_without_a_champion_fails_in_one_line(undisturbed, line, said):
    _, store, _ = undisturbed
    state = retrain(line, store.url, return_state=True)
    assert state.is_failed()
    assert said in state.message
