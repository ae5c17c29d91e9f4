"""prefect.yaml on a real server with real workers: no misspelled key, and runs that outlive Cancel and kill -9."""

import json
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil
import pytest
import yaml
from PIL import Image

from flows.pools import QUEUES
from pixelpipe.config import ExperimentConfig
from pixelpipe.lines import champion
from pixelpipe.pipeline.alone import run_alone
from pixelpipe.pipeline.prepare import prepare
from pixelpipe.results.reader import latest_status, list_experiments, read_table
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
        ((2, "concurrency_limit"), "collision-strategy"),
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
        assert {"name", "description", "entrypoint", "work_pool", "tags"} <= set(deployment)
        assert "pixelpipe" in deployment["tags"]  # what the automations look after
        pool = deployment["work_pool"]
        assert pool["work_queue_name"] in QUEUES[pool["name"]]
        trains = pool["name"] == "pixelpipe-gpu"  # for hours: a slot that is lost with the server would end it
        assert trains != ("concurrency_limit" in deployment)
        assert trains or deployment["concurrency_limit"]["collision_strategy"] in ("ENQUEUE", "CANCEL_NEW")
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
    # one, since each reads all the certificates there are; it keeps no connection, since the server is killed
    client: httpx.Client = field(default_factory=lambda: httpx.Client(limits=httpx.Limits(max_keepalive_connections=0)))

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
            try:
                answer = self.client.request(
                    method, f"{self.environment['PREFECT_API_URL']}{path}", json=body, timeout=60
                )
            except httpx.ReadTimeout:
                if method != "GET":
                    raise
                continue
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
            time.sleep(0.5)
        return found

    def lose_server(self, seconds: float) -> None:
        """Killed, and for so long nobody answers; then a server on the same port and database."""
        server = self.processes.pop("server")
        server.kill()
        server.wait()
        time.sleep(seconds)
        self.start("server", "flows.server", str(self.port))
        self.processes = {"server": self.processes.pop("server"), **self.processes}  # it is stopped last
        self.wait(self.answers, "the server starts again")

    def answers(self) -> bool:
        assert self.processes["server"].poll() is None, self.log("server")
        try:
            return self.client.get(f"{self.environment['PREFECT_API_URL']}/health", timeout=2).is_success
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
        for process in reversed(prefect.processes.values()):  # workers first: they have something to tell the server
            process.terminate()
            process.wait(timeout=60)
        prefect.client.close()


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
        limit = written.get("concurrency_limit", {})
        assert (found["global_concurrency_limit"] or {}).get("limit") == limit.get("limit")
        assert (found["concurrency_options"] or {}).get("collision_strategy") == limit.get("collision_strategy")
        assert found["tags"] == written["tags"]


def test_a_schedule_that_is_on_makes_runs(prefect: Prefect):
    """Prefect's scheduler is silent where it fails, as it does with SQLAlchemy 2.1."""
    maintenance = prefect.api("GET", "/deployments/name/maintenance/maintenance")["id"]
    of_it = {"deployments": {"id": {"any_": [maintenance]}}}
    runs = prefect.wait(lambda: prefect.api("POST", "/flow_runs/filter", of_it), "the scheduler makes runs", 90)
    assert all(run["auto_scheduled"] and run["state"]["type"] == "SCHEDULED" for run in runs)
    [schedule] = prefect.api("GET", f"/deployments/{maintenance}")["schedules"]
    assert schedule["schedule"]["timezone"] == "UTC"


@contextmanager
def enabled(prefect: Prefect, trigger: str) -> Iterator[None]:
    """As the switch in the UI; no worker takes up what it starts."""
    [found] = [each for each in prefect.api("POST", "/automations/filter", {}) if each["name"] == trigger]
    pools = [f"/work_pools/{pool}" for pool in QUEUES]
    try:
        for pool in pools:
            prefect.api("PATCH", pool, {"is_paused": True})
        prefect.api("PATCH", f"/automations/{found['id']}", {"enabled": True})
        yield
    finally:
        prefect.api("PATCH", f"/automations/{found['id']}", {"enabled": False})
        for pool in pools:
            prefect.api("PATCH", pool, {"is_paused": False})


def test_a_trigger_starts_what_it_says(prefect: Prefect):
    """Once it is enabled: an experiment after captions, an export after a promotion."""

    def deployment(name: str) -> str:
        return prefect.api("GET", f"/deployments/name/{name}/{name}")["id"]

    def runs(name: str) -> list[dict[str, Any]]:
        return prefect.api("POST", "/flow_runs/filter", {"deployments": {"id": {"any_": [deployment(name)]}}})

    before = {run["id"] for name in ("export-checkpoint", "run-experiment") for run in runs(name)}

    def started(name: str, say: Callable[[], Any]) -> list[dict[str, Any]]:
        """Prefect's triggers learn of the switch after its API has answered: it is said until they have heard it."""
        said_at = [-math.inf]

        def answers() -> list[dict[str, Any]]:
            if time.monotonic() - said_at[-1] > 5:
                say()
                said_at.append(time.monotonic())
            found = [run for run in runs(name) if run["id"] not in before]
            assert len(found) < len(said_at)  # one at most of each time that it was said
            return found

        return prefect.wait(answers, f"{name} is started", 60)

    def promote() -> None:
        promoted = {
            "id": str(uuid4()),
            "event": "pixelpipe.experiment.promoted",
            "occurred": datetime.now(UTC).isoformat(),
            "resource": {"prefect.resource.id": "pixelpipe.experiment.x-1", "prefect.resource.name": "x-1"},
            "payload": {"store": "a-store"},
        }
        prefect.api("POST", "/events", [promoted])

    def caption() -> None:
        parameters = {"parameters": {"dataset": {"path": "sprites"}}}
        captions = prefect.api("POST", f"/deployments/{deployment('caption-dataset')}/create_flow_run", parameters)
        prefect.api("POST", f"/flow_runs/{captions['id']}/set_state", {"state": {"type": "COMPLETED"}, "force": True})

    with enabled(prefect, "pixelpipe: a promotion is exported"):
        exports = started("export-checkpoint", promote)
    with enabled(prefect, "pixelpipe: new captions start an experiment"):
        experiments = started("run-experiment", caption)
        for run in exports + experiments:
            prefect.api("DELETE", f"/flow_runs/{run['id']}")
    assert exports[0]["parameters"] == {"checkpoint": "x-1", "to": "exports/x-1", "store": "a-store"}
    assert experiments[0]["parameters"]["config"]["dataset"] == {"path": "captioned"}


def undisturbed_rows(folder: Path, config: ExperimentConfig) -> dict[str, list[str]]:
    """The same experiment without Prefect and without a mishap."""
    store = Store.open(folder / "undisturbed")
    run_alone(store, config)
    return rows(store)


def rows(store: Store) -> dict[str, list[str]]:
    """What may not differ between two runs: everything but attempt, times, costs and paths."""
    tables = {}
    for name in ("samples", "epochs", "decisions", "captions", "floors"):
        table = read_table(store, name)
        of_the_attempt = {"attempt", "sample_uri", "cost_usd", "decided_at", "committed_at"}
        keep = [c for c in table.column_names if c not in of_the_attempt and not c.startswith("seconds_")]
        tables[name] = sorted(map(repr, table.select(keep).to_pylist()))
    return tables


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


def test_runs_outlive_cancel_a_killed_worker_and_a_killed_server(prefect: Prefect, make_config, tmp_path):
    """Cancelled, started again, its worker killed in an epoch, resumed on the other: the same rows and verdict.

    Then a retraining, whose server is killed and comes back.
    """
    config = make_config(line="deployed", dataset={"repeats": 4}, training={"epochs": 2})
    store = Store.open(prefect.folder / "store")  # relative to where the workers are started
    experiment_id = prepare(store, config).experiment_id
    parameters = {"config": json.loads(config.model_dump_json()), "store": "store"}
    for gpu in ("0", "1"):
        prefect.start(f"worker-{gpu}", "flows.worker", "--pool", "pixelpipe-gpu", "--name", f"w{gpu}", "--gpu", gpu)

    def start(deployment: str, parameters: dict[str, Any]) -> str:
        known = prefect.api("GET", f"/deployments/name/{deployment}")["id"]
        return prefect.api("POST", f"/deployments/{known}/create_flow_run", {"parameters": parameters})["id"]

    def run() -> str:
        return start("run-experiment/run-experiment", parameters)

    def state(run_id: str) -> dict[str, Any]:
        return prefect.api("GET", f"/flow_runs/{run_id}")["state"]

    def epochs() -> int:
        return read_table(store, "epochs", experiment_id).num_rows

    def task_runs(run_id: str, name: str) -> list[dict[str, Any]]:
        wanted = {"flow_runs": {"id": {"any_": [run_id]}}, "task_runs": {"name": {"like_": name}}}
        return prefect.api("POST", "/task_runs/filter", wanted)

    cancelled = run()
    prefect.wait(lambda: task_runs(cancelled, "train epoch"), "the first run trains")
    prefect.api("POST", f"/flow_runs/{cancelled}/set_state", {"state": {"type": "CANCELLING"}, "force": False})
    prefect.wait(lambda: not flow_processes(prefect), "every process of the cancelled run is gone", 30)
    assert state(cancelled)["type"] == "CANCELLED"
    assert latest_status(store, experiment_id)["status"] == "cancelled"

    killed = run()
    done = epochs()
    prefect.wait(lambda: epochs() > done, "the second run goes on")
    [its_worker] = {process.environ()["PIXELPIPE_WORKER_PID"] for process in flow_processes(prefect)}
    os.kill(int(its_worker), signal.SIGKILL)
    prefect.wait(lambda: state(killed)["type"] == "COMPLETED", "the killed run ends on the other worker")
    history = [each["name"] for each in prefect.api("GET", f"/flow_run_states/?flow_run_id={killed}")]
    assert {"Crashed", "AwaitingRetry"} <= set(history)
    assert state(killed)["message"].startswith("promoted: ")
    assert "outcome:promoted" in prefect.api("GET", f"/flow_runs/{killed}")["tags"]
    assert champion(store, "deployed").reference == f"{experiment_id}@2"
    as_it_was_run = rows(store)

    art = Path(shutil.copytree(config.dataset.path, tmp_path / "new-art"))
    Image.new("RGB", (24, 24), "red").save(art / "red.png")
    with (art / "metadata.jsonl").open("a") as captions:
        captions.write(json.dumps({"file_name": "red.png", "text": "a red square"}) + "\n")
    retraining = start("retrain/retrain", {"line": "deployed", "store": "store", "dataset": str(art)})
    prefect.wait(lambda: len(list_experiments(store)) == 2, "the candidate is trained")
    prefect.lose_server(seconds=5)
    assert as_it_was_run == undisturbed_rows(tmp_path, config)  # computed while the other one trains
    ends = prefect.wait(
        lambda: state(retraining)["type"] in ("COMPLETED", "PAUSED", "FAILED") and state(retraining), "it retrains"
    )
    assert ends["type"] != "FAILED", ends
    candidates = {row["experiment_id"]: row["status"] for row in list_experiments(store)}
    assert len(candidates) == 2
    assert candidates[experiment_id] == "promoted"
    del candidates[experiment_id]
    [status] = candidates.values()
    assert status in ("promoted", "abandoned", "inconclusive")
    assert ends["type"] == "PAUSED" or ends["message"].startswith(f"{status}: ")  # or it asks a person
    attempts = read_table(store, "epochs", experiment_id)["attempt"].to_pylist()
    assert attempts == sorted(attempts)
    assert len(set(attempts)) > 1
