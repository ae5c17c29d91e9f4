"""prefect.yaml on a real server with a real worker: no misspelled key, all that `make deploy` makes, and Cancel."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import yaml

from flows.pools import QUEUES
from pixelpipe.pipeline.prepare import prepare
from pixelpipe.results.reader import latest_status
from pixelpipe.store import Store

ROOT = Path(__file__).parents[2]
# What Prefect reads of a deployment; it ignores any other key without a word.
KEYS = {
    "": {"name", "prefect-version", "pull", "definitions", "deployments"},
    "deployment": {
        *("name", "description", "entrypoint", "tags", "parameters"),
        *("work_pool", "schedules", "concurrency_limit", "triggers"),
    },
    "work_pool": {"name", "work_queue_name", "job_variables"},
    "job_variables": {"working_dir", "env"},
    "concurrency_limit": {"limit", "collision_strategy"},
    "schedules": {"cron", "timezone", "active", "slug", "parameters"},
    "triggers": {
        *("name", "enabled", "type", "expect", "match", "match_related", "for_each", "posture"),
        *("parameters", "threshold", "within", "after"),
    },
}


def prefect_yaml() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "prefect.yaml").read_text())


def deployments() -> list[dict[str, Any]]:
    return prefect_yaml()["deployments"]


def misspelled(document: dict[str, Any]) -> list[str]:
    """Every key that Prefect would ignore, with its place."""
    places = [("", document)]
    for deployment in document["deployments"]:
        places += [("deployment", deployment), ("work_pool", deployment.get("work_pool", {}))]
        places += [("job_variables", deployment.get("work_pool", {}).get("job_variables", {}))]
        places += [("concurrency_limit", deployment.get("concurrency_limit", {}))]
        places += [(part, each) for part in ("schedules", "triggers") for each in deployment.get(part, [])]
    return [f"{place} {key}".strip() for place, found in places for key in found if key not in KEYS[place]]


def test_no_key_is_misspelled():
    assert misspelled(prefect_yaml()) == []


@pytest.mark.parametrize(
    ("place", "key"),
    [
        ((), "deployment"),
        ((0,), "work_pools"),
        ((0, "work_pool"), "queue"),
        ((0, "work_pool", "job_variables"), "workingdir"),
        ((0, "concurrency_limit"), "collision-strategy"),
        ((0, "triggers", 0), "expects"),
    ],
)
def test_a_misspelled_key_is_found(place: tuple[Any, ...], key: str):
    document = prefect_yaml()
    found = document["deployments"] if place else document
    for part in place:
        found = found[part]
    found[key] = 1
    assert {each.split()[-1] for each in misspelled(document)} == {key}  # an anchor is of several deployments


def test_every_deployment_says_what_it_does_and_where_it_runs():
    for deployment in deployments():
        assert {"name", "description", "entrypoint", "work_pool", "tags", "concurrency_limit"} <= set(deployment)
        assert "pixelpipe" in deployment["tags"]  # what the automations look after
        pool = deployment["work_pool"]
        assert pool["work_queue_name"] in QUEUES[pool["name"]]
        assert deployment["concurrency_limit"]["collision_strategy"] in ("ENQUEUE", "CANCEL_NEW")
        module, _, flow = deployment["entrypoint"].rpartition(".")
        assert hasattr(__import__(module, fromlist=[flow]), flow)
        for schedule in deployment.get("schedules", []):
            assert schedule["timezone"]
            assert schedule["active"] == (pool["name"] != "pixelpipe-gpu")  # a person starts what costs money


@dataclass
class Prefect:
    """A server of its own on a free port of 127.0.0.1, and the workers that a test starts."""

    folder: Path
    port: int
    processes: dict[str, subprocess.Popen] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The test session's own Prefect settings must not reach this server."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        return clean | {
            "PREFECT_HOME": str(self.folder / "prefect"),
            "PREFECT_API_URL": f"http://127.0.0.1:{self.port}/api",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_WORKER_QUERY_SECONDS": "1",
        }

    def start(self, name: str, *arguments: str) -> subprocess.Popen:
        with (self.folder / f"{name}.log").open("w") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                env=self.environment, cwd=self.folder, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        return self.processes[name]

    def call(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            env=self.environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def api(self, method: str, path: str, body: Any = None) -> Any:
        for _ in range(20):  # SQLite is busy now and then: Prefect's own client tries again, too
            answer = httpx.request(method, f"{self.environment['PREFECT_API_URL']}{path}", json=body, timeout=60)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            time.sleep(1)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()[-4000:]

    def wait(self, condition: Callable[[], Any], what: str, seconds: float = 180) -> Any:
        until = time.monotonic() + seconds
        while not (found := condition()):
            if time.monotonic() > until:
                logs = "\n".join(f"--- {name}\n{self.log(name)}" for name in self.processes)
                pytest.fail(f"{what}: not within {seconds} s\n{logs}")
            time.sleep(0.2)
        return found

    def answers(self) -> bool:
        assert self.processes["server"].poll() is None, self.log("server")
        try:
            return httpx.get(f"{self.environment['PREFECT_API_URL']}/health", timeout=2).is_success
        except httpx.HTTPError:
            return False


@contextmanager
def running_prefect(folder: Path) -> Iterator[Prefect]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        prefect = Prefect(folder, free.getsockname()[1])
    prefect.start("server", "flows.server", str(prefect.port))
    try:
        prefect.wait(prefect.answers, "the server starts")
        yield prefect
    finally:
        for process in reversed(prefect.processes.values()):
            process.terminate()
        for process in prefect.processes.values():
            process.wait(timeout=60)


@pytest.fixture(scope="module")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prefect]:
    """Everything that `make deploy` makes; `make` itself would install first."""
    with running_prefect(tmp_path_factory.mktemp("prefect")) as running:
        running.call("flows.pools")
        running.call("prefect", "--no-prompt", "deploy", "--all")
        running.call("flows.parameters")
        running.call("flows.automations")
        yield running


def test_deploying_again_changes_nothing(prefect: Prefect):
    assert prefect.call("flows.pools") == "every work pool and queue is there\n"
    before = prefect.api("POST", "/automations/filter", {})
    prefect.call("flows.automations")
    after = prefect.api("POST", "/automations/filter", {})
    assert [each["name"] for each in after] == [each["name"] for each in before]
    assert {each["name"] for each in after if each["enabled"]} == {
        "pixelpipe: a crashed run goes on",
        "pixelpipe: a run without heartbeats has crashed",
    }


def test_the_server_knows_every_deployment(prefect: Prefect):
    known = {each["name"]: each for each in prefect.api("POST", "/deployments/filter", {})}
    assert set(known) == {each["name"] for each in deployments()}
    for written in deployments():
        found = known[written["name"]]
        assert (found["work_pool_name"], found["work_queue_name"]) == (
            written["work_pool"]["name"], written["work_pool"]["work_queue_name"],
        )  # fmt: skip
        assert found["global_concurrency_limit"]["limit"] == written["concurrency_limit"]["limit"]
        assert found["concurrency_options"]["collision_strategy"] == written["concurrency_limit"]["collision_strategy"]
        assert found["tags"] == written["tags"]


def flow_processes(prefect: Prefect) -> list[psutil.Process]:
    """Processes of this server's flow runs: they bear the flow run's id in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        of_this_server = environment.get("PREFECT_API_URL") == prefect.environment["PREFECT_API_URL"]
        if of_this_server and "PREFECT__FLOW_RUN_ID" in environment:
            found.append(process)
    return found


def test_cancel_stops_training_and_leaves_no_process(prefect: Prefect, make_config):
    """In the middle of an epoch, on a worker that holds its GPU's slot; the store says so, too."""
    config = make_config(line="deployed", dataset={"repeats": 4}, training={"epochs": 3})
    store = Store.open(prefect.folder / "store")  # relative to where the worker is started
    prefect.start("worker", "flows.worker", "--pool", "pixelpipe-gpu", "--name", "w0", "--gpu", "0")
    deployment = prefect.api("GET", "/deployments/name/run-experiment/run-experiment")["id"]
    parameters = {"config": json.loads(config.model_dump_json()), "store": "store"}
    run = prefect.api("POST", f"/deployments/{deployment}/create_flow_run", {"parameters": parameters})["id"]

    training = {"flow_runs": {"id": {"any_": [run]}}, "task_runs": {"name": {"like_": "train epoch"}}}
    prefect.wait(lambda: prefect.api("POST", "/task_runs/filter", training), "it trains")
    prefect.api("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}, "force": False})
    prefect.wait(lambda: not flow_processes(prefect), "every process of the run is gone", 10)
    assert latest_status(store, prepare(store, config).experiment_id)["status"] == "cancelled"

    def is_cancelled() -> bool:  # later: Prefect looks for hooks first, which imports the flow anew
        return prefect.api("GET", f"/flow_runs/{run}")["state"]["type"] == "CANCELLED"

    prefect.wait(is_cancelled, "Prefect calls it cancelled")
