"""The Makefile: which targets speak to a Prefect server that must be there, and how `make test` spreads the tests."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(("target", "reached"), [("demo", ""), ("deploy", "http://127.0.0.1:4200/api")])
def test_only_those_that_need_a_server_name_one(tmp_path, target, reached):
    """The recipes run with an interpreter that says what it was given, and nothing else."""
    (tmp_path / "bin").mkdir()
    for name in ("python", "pixelpipe", "prefect"):
        (tmp_path / "bin" / name).write_text('#!/bin/sh\necho "$(basename $0) [$PREFECT_API_URL]"\n')
        (tmp_path / "bin" / name).chmod(0o755)
    (tmp_path / ".installed").touch()
    command = ["make", "-s", "-C", str(ROOT), target, f"VENV={tmp_path}"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "MAKE"))}
    done = subprocess.run(command, env=clean, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    said = done.stdout.split()
    assert f"[{reached}]" in said
    assert {each for each in said if each.startswith("[")} == {f"[{reached}]"}


GROUP = """
import pytest

@pytest.mark.xdist_group("shared")
@pytest.mark.parametrize("number", range(12))
def test_one(number, worker_id):
    with open("workers.txt", "a") as file:
        print(worker_id, file=file)
"""


def test_what_takes_long_to_make_is_made_in_one_process(tmp_path):
    """With other versions of pytest and pytest-xdist `make test` tears groups of tests apart, and nothing says so."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "MAKE"))}
    (tmp_path / ".installed").touch()
    recipe = ["make", "-n", "-C", str(ROOT), "run-tests", f"VENV={tmp_path}"]
    printed = subprocess.run(recipe, env=clean, capture_output=True, text=True, check=True, timeout=60).stdout
    [line] = [line for line in printed.splitlines() if "/pytest " in line]
    options = shlex.split(line, comments=True)[1:]
    (tmp_path / "test_group.py").write_text(GROUP)
    command = [sys.executable, "-m", "pytest", *options, "--rootdir", str(tmp_path), "test_group.py"]
    done = subprocess.run(command, env=clean, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    workers = (tmp_path / "workers.txt").read_text().split()
    assert len(workers) == 12
    assert len(set(workers)) == 1
