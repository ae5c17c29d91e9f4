"""The Makefile: which targets speak to a Prefect server that must be there, and how `make test` spreads the tests."""

import os
import subprocess
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


def test_what_takes_long_to_make_is_made_in_one_process(request: pytest.FixtureRequest):
    """pytest-xdist knows a group by the test's name; where it does not see it, it tears the group apart unsaid."""
    if not request.config.getoption("loadgroup", default=False):
        pytest.skip("these tests are not spread over processes by group")
    assert request.node.nodeid.endswith("@test_makefile.py")
