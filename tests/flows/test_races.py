"""Flows that meet: two retrainings whose candidates both beat the champion, and a run that can only die."""

import shutil
import subprocess
import sys
import threading

import pytest
from PIL import Image
from prefect.client.orchestration import get_client
from prefect.flow_engine import run_flow
from prefect.states import Crashed, Running, Scheduled

import tasks.comparison as comparison
from flows.experiment import run_experiment
from flows.retrain import retrain
from pixelpipe.comparison.evidence import past_decisions
from pixelpipe.config import parse_config
from pixelpipe.lines import champion_history
from pixelpipe.pipeline.prepare import prepare
from pixelpipe.results.reader import latest_status, list_experiments, read_table
from tests.conftest import picture

pytestmark = pytest.mark.usefixtures("prefect_server")


def more_art(painter, name, number):
    """The line's art and one sprite more."""
    folder = shutil.copytree(painter.folder / "art", painter.folder / name)
    Image.fromarray(picture(20, number)).save(folder / "new.png")
    (folder / "new.txt").write_text("a new sprite")
    return folder


def test_of_two_retrainings_that_race_one_wins_and_the_other_is_judged_against_it(painter, monkeypatch):
    """Both judge, and confirm, against the first champion, and conclude at the same moment."""
    store = painter.store
    first = painter.run("first", lambda _: 27, training={"epochs": 1})
    painter.paint_in_flows(19, {"candidate": 19, "baseline": 27})
    at_the_end, conclude, states = threading.Barrier(2), comparison.conclude, {}

    def conclude_together(run, decision):
        if run.attempt == 1:  # not again, where it is judged again
            assert decision.champion == f"{first}@1"
            at_the_end.wait(timeout=120)
        return conclude(run, decision)

    monkeypatch.setattr(comparison, "conclude", conclude_together)

    def race(name, number):
        art = more_art(painter, name, number)
        states[name] = retrain("art-24", store.url, art, return_state=True)

    racers = [threading.Thread(target=race, args=each) for each in (("one", 90), ("two", 91))]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(timeout=180)
    assert all(state.is_completed() for state in states.values())
    assert sorted(state.message.split(":")[0] for state in states.values()) == ["inconclusive", "promoted"]
    history = champion_history(store, "art-24")
    assert len(history) == 2
    [loser] = [row for row in list_experiments(store) if row["experiment_id"] not in (first, history[-1].experiment_id)]
    assert loser["status"] == "inconclusive"
    [decision] = past_decisions(read_table(store, "decisions", loser["experiment_id"]))
    assert decision.champion == history[-1].reference
    assert read_table(store, "epochs", loser["experiment_id"])["attempt"].to_pylist() == [2]


DIES = """
import os, sys
from pixelpipe.lease import acquire
from pixelpipe.store import Store
for _ in range(int(sys.argv[3])):
    if os.fork() == 0:
        acquire(Store.open(sys.argv[1]), sys.argv[2]).__enter__()
        os._exit(9)
    os.wait()
"""


@pytest.mark.parametrize(("deaths", "is_refused"), [(2, False), (3, True)])
def test_a_run_that_only_dies_is_not_tried_a_fourth_time(painter, deaths, is_refused):
    """As the automation does it: crashed, scheduled again, and taken up."""
    painter.paint_in_flows(27, {})
    store = painter.store
    values = {
        "name": "dies",
        "line": "art-24",
        "dataset": {"path": str(painter.folder / "art"), "validation_fraction": 0.3},
        "training": {"epochs": 1},
        "sampling": {"num_prompts": 8, "seeds_per_prompt": 1, "confirm_seeds": 1},
    }
    config = parse_config(values, "test")
    experiment_id = prepare(store, config).experiment_id
    subprocess.run([sys.executable, "-c", DIES, store.url, experiment_id, str(deaths)], check=True, timeout=60)
    parameters = {"config": config, "store": store.url}
    with get_client(sync_client=True) as client:
        run = client.create_flow_run(run_experiment, parameters={**parameters, "config": {}})
        for state in (Running(), Crashed(), Scheduled(name="AwaitingRetry")):
            client.set_flow_run_state(run.id, state)
        run = client.read_flow_run(run.id)
        state = run_flow(run_experiment, flow_run=run, parameters=parameters, return_type="state")
    status = latest_status(store, experiment_id)
    if not is_refused:
        assert state.is_completed(), state.message
        return
    assert state.is_failed()
    said = f"experiment {experiment_id} died 3 times in a row without finishing an epoch"
    assert said in state.message
    assert (status["status"], status["message"].startswith(said)) == ("failed", True)
    again = run_experiment(config, store.url, return_state=True)  # by hand
    assert again.is_completed(), again.message
