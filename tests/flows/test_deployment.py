"""prefect.yaml: a deployment that a process worker runs on a real server, and no misspelled key."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from pixelpipe.lines import champion
from pixelpipe.results.reader import read_table
from pixelpipe.store import Store

ROOT = Path(__file__).parents[2]
PREFECT = [sys.executable, "-m", "prefect"]
# What Prefect reads of a deployment; it ignores any other key without a word.
DEPLOYMENT_KEYS = {
    *("name", "description", "entrypoint", "tags", "parameters"),
    *("work_pool", "schedules", "concurrency_limit", "triggers"),
}
WORK_POOL_KEYS = {"name", "work_queue_name", "job_variables"}


def deployments() -> list[dict]:
    return yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]


def test_no_key_is_misspelled():
    for deployment in deployments():
        assert set(deployment) <= DEPLOYMENT_KEYS
        assert set(deployment["work_pool"]) <= WORK_POOL_KEYS


def test_every_deployment_says_what_it_does_and_where_it_runs():
    for deployment in deployments():
        assert {"name", "description", "entrypoint", "work_pool"} <= set(deployment)
        module, _, flow = deployment["entrypoint"].rpartition(".")
        assert hasattr(__import__(module, fromlist=[flow]), flow)


@pytest.fixture
def server(tmp_path) -> Iterator[dict[str, str]]:
    """The environment of a Prefect server of its own, on a free port of 127.0.0.1."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/api"
    # the test session's own Prefect settings must not reach this server
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")} | {
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "PREFECT_API_URL": url,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }
    command = [*PREFECT, "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    log = (tmp_path / "server.log").open("w")
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        wait_for_server(url, process)
        yield environment
    finally:
        process.terminate()
        process.wait(timeout=60)
        log.close()


def wait_for_server(url: str, process: subprocess.Popen) -> None:
    for _ in range(240):
        assert process.poll() is None, "the Prefect server ended"
        try:
            if httpx.get(f"{url}/health", timeout=2).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.5)
    pytest.fail("the Prefect server did not start within two minutes")


def test_a_process_worker_runs_the_deployment(server, make_config, tmp_path):
    def prefect(*arguments: str, cwd: Path = ROOT) -> str:
        done = subprocess.run([*PREFECT, *arguments], env=server, cwd=cwd, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    config = make_config(line="deployed", training={"epochs": 1})
    parameters = {"config": json.loads(config.model_dump_json()), "store": "store"}
    prefect("work-pool", "create", "pixelpipe-gpu", "--type", "process")
    prefect("--no-prompt", "deploy", "--all")
    prefect("deployment", "run", "run-experiment/run-experiment", "--params", json.dumps(parameters))
    prefect("worker", "start", "--pool", "pixelpipe-gpu", "--run-once", cwd=tmp_path)
    [run] = httpx.post(f"{server['PREFECT_API_URL']}/flow_runs/filter", json={}, timeout=30).json()
    assert run["state"]["type"] == "COMPLETED", run["state"]
    assert run["state"]["message"].startswith("promoted: ")
    assert "outcome:promoted" in run["tags"]
    store = Store.open(tmp_path / "store")
    assert read_table(store, "samples").num_rows == 8
    assert champion(store, "deployed") is not None
