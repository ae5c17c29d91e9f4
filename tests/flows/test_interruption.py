"""Ctrl-C, or a machine that goes down, is sent to a whole group: still one line, exit code 130, and it can go on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml

from pixelpipe.cli.run import run_experiment_here
from pixelpipe.pipeline.prepare import prepare
from pixelpipe.results.reader import latest_status
from pixelpipe.store import Store

PIXELPIPE = [sys.executable, "-c", "from pixelpipe.cli import main; main()"]


def environment(home: Path, **more: str) -> dict[str, str]:
    """A person's shell: none of the test session's Prefect settings."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "PIXELPIPE_"))}
    return clean | {"PREFECT_HOME": str(home)} | more


def wait_until(condition, process: subprocess.Popen[str]) -> None:
    for _ in range(1800):
        assert process.poll() is None, process.communicate()
        if condition():
            return
        time.sleep(0.1)
    pytest.fail("it did not come so far within three minutes")


def processes_of_session(session: int) -> list[str]:
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
        except (psutil.NoSuchProcess, ProcessLookupError):
            continue
    return found


@pytest.mark.parametrize("sent", ["SIGINT", "SIGTERM"])  # as a terminal, and as `timeout` does
def test_a_signal_to_every_process_of_the_job(make_config, tmp_path, sent):
    config, store = make_config(training={"epochs": 12}, sampling={"num_prompts": 9}), Store.open(tmp_path / "store")
    experiment_id = prepare(store, config).experiment_id
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config.model_dump(mode="json")))
    command = [*PIXELPIPE, "run", str(tmp_path / "config.yaml"), "--store", store.url]
    with subprocess.Popen(
        command,
        env=environment(tmp_path / "prefect"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        wait_until(lambda: latest_status(store, experiment_id), process)
        os.killpg(process.pid, signal.Signals[sent])
        out, err = process.communicate(timeout=60)  # Prefect's server is there still: nobody waits for it
    assert (process.returncode, out) == (130, ""), err
    # one that comes in a destructor is printed by Python, ignored, and noticed at the next epoch
    assert "Traceback" not in err.partition("Exception ignored")[0]
    last = err.splitlines()[-1]
    assert last == "pixelpipe: interrupted; the same command goes on from the last complete epoch"
    status = latest_status(store, experiment_id)
    assert status is not None
    assert (status["status"], status["message"]) == ("cancelled", "Stopped by a person.")
    assert processes_of_session(process.pid) == []


def test_a_kill_while_prefect_starts_leaves_no_server(make_config, tmp_path):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(make_config().model_dump(mode="json")))
    command = [*PIXELPIPE, "run", str(tmp_path / "config.yaml"), "--store", str(tmp_path / "store")]
    variables = environment(tmp_path / "prefect")
    with subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        wait_until(lambda: any("prefect.server" in line for line in processes_of_session(process.pid)), process)
        time.sleep(1)  # it is seen within 0.1 s; it answers after 8 s or more
        process.kill()
    for _ in range(100):
        if not (left := processes_of_session(process.pid)):
            return
        time.sleep(0.1)
    pytest.fail(f"ten seconds after the kill there are {left}")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/api", "junk"])
def test_a_prefect_server_that_does_not_answer_is_one_line(make_config, tmp_path, url):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(make_config().model_dump(mode="json")))
    command = [*PIXELPIPE, "run", str(tmp_path / "config.yaml"), "--store", str(tmp_path / "store")]
    variables = environment(tmp_path / "prefect", PREFECT_API_URL=url)
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"pixelpipe: Prefect at {url} (PREFECT_API_URL): must answer but: ")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("left", [None, "# a-plain-run: RUNNING\n"])
def test_what_was_killed_before_its_report_gets_one(undisturbed, capsys, left):
    """Its last status is there, its documents are not, or are older: the same command writes them."""
    config, store, state = undisturbed
    folder = Path(store.url) / "experiments" / state.result().experiment_id
    verdict, plot = folder / "verdict.md", folder / "metric_by_epoch.png"
    before = verdict.read_text()
    plot.unlink()
    verdict.unlink() if left is None else verdict.write_text(left)
    run_experiment_here(store, config)
    assert verdict.read_text() == before
    written = plot.stat().st_mtime_ns
    assert "is done already" in capsys.readouterr().err
    run_experiment_here(store, config)
    assert plot.stat().st_mtime_ns == written, "what is right stays as it is"
