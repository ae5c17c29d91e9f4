"""One line a check; what is wrong says what to do, and the exit code says whether anything is."""

import json
import os
import subprocess
import sys

import pytest

import pixelpipe.pipeline.health as health
from pixelpipe.errors import StoreError
from pixelpipe.pipeline.health import check_machine
from pixelpipe.store import Store


@pytest.fixture
def doctor(tmp_path):
    """The command in a process of its own, with a Prefect of its own."""

    def call(*arguments: str, api_url: str = "") -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "PIXELPIPE_S"))}
        variables = (
            clean | {"PREFECT_HOME": str(tmp_path / "prefect")} | ({"PREFECT_API_URL": api_url} if api_url else {})
        )
        command = [sys.executable, "-c", "from pixelpipe.cli import main; main()", "doctor"]
        command += ["--store", str(tmp_path / "store"), *arguments]
        return subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=120)

    return call


def finding_of(store: Store, check: str) -> health.Finding:
    [found] = [finding for finding in check_machine(store) if finding.check == check]
    return found


def test_a_machine_that_is_fine(tmp_path, doctor):
    done = doctor("--format", "json")
    findings = {record["check"]: record for record in map(json.loads, done.stdout.splitlines())}
    assert {record["state"] for record in findings.values()} <= {"ok", "note"}
    assert {"installation", "tiny base", "GPU", "store", "disk (store)"} <= set(findings)
    assert done.returncode == 0
    assert not (tmp_path / "store").exists()  # looking makes nothing


def test_the_store_is_tried_and_nothing_stays(tmp_path):
    store = Store.open(tmp_path / "store")
    store.put("lines/a/prompts.json", b"[]")
    found = finding_of(store, "store")
    assert (found.state, found.found) == ("ok", f"{store.url}: written, read, put only if absent, removed")
    assert store.list() == ["lines/a/prompts.json"]
    assert not (tmp_path / "store/doctor").exists()


def test_an_object_store_is_tried_too():
    assert finding_of(Store.open("memory://doctor-store"), "store").state == "ok"


def overwrites(store: Store, key: str, data: bytes) -> None:
    store.replace(key, data)


def reads_another(_store: Store, _key: str) -> bytes:
    return b"other"


def is_full(_store: Store, _key: str, _data: bytes) -> None:
    raise StoreError("no space is left")


@pytest.mark.parametrize(
    ("method", "change", "said"),
    [
        ("put", overwrites, "a second put of one key overwrites the first"),
        ("read", reads_another, "what is read is not what was written"),
        ("put", is_full, "no space is left"),
    ],
)
def test_a_store_that_does_not_keep_its_promises(tmp_path, monkeypatch, method, change, said):
    (tmp_path / "store").mkdir()
    monkeypatch.setattr(Store, method, change)
    found = finding_of(Store.open(tmp_path / "store"), "store")
    assert found.state == "wrong"
    assert said in found.found
    assert found.todo


def test_a_full_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(health, "MIN_FREE_GB", 1e9)
    found = finding_of(Store.open(tmp_path / "store"), "disk (store)")
    assert (found.state, found.todo) == ("wrong", "make room, or choose another place")


def test_an_installation_that_does_not_fit(monkeypatch, tmp_path):
    needs: list[str] = ["prefect>=99", "not-there-at-all", 'only-elsewhere; sys_platform == "never"', "numpy>=1"]
    monkeypatch.setattr(health, "requires", lambda _: needs)
    found = next(check_machine(Store.open(tmp_path)))
    assert found.state == "wrong"
    assert "not-there-at-all is missing" in found.found
    assert "must be >=99" in found.found
    assert "numpy" not in found.found
    assert "only-elsewhere" not in found.found


def test_a_gpu_that_torch_cannot_use(monkeypatch, tmp_path):
    monkeypatch.setattr(health, "_driver_sees", lambda: "NVIDIA A100")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    found = finding_of(Store.open(tmp_path), "GPU")
    assert found.state == "wrong"
    assert found.found.startswith("NVIDIA A100, but torch ")


def test_a_server_that_does_not_answer_is_wrong(doctor):
    done = doctor(api_url="http://127.0.0.1:1/api")
    last = done.stdout.splitlines()[-1]
    assert done.returncode == 1
    assert last.split(maxsplit=2)[:2] == ["wrong", "server:"]
    assert "http://127.0.0.1:1/api does not answer: " in last
    assert last.endswith("; start it (make server), or unset it")


@pytest.mark.usefixtures("prefect_server")
def test_what_a_server_lacks():
    from flows.health import check_server

    found = {finding.check: finding for finding in check_server()}
    assert found["server"].state == "ok"
    assert (found["pool pixelpipe-gpu"].state, found["pool pixelpipe-gpu"].todo) == ("wrong", "make pools")
    assert (found["deployments"].state, found["deployments"].todo) == ("wrong", "make deploy")
