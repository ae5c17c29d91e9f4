"""What Prefect shows of our log lines."""

import os
import subprocess
import sys

CODE = """
import logging
from prefect.logging.configuration import setup_logging
from tasks.worker import under_worker
setup_logging()  # as a run's process does
ours = logging.getLogger("pixelpipe.pipeline.run")
ours.info("before")
with under_worker():
    ours.info("epoch 1 of 3")
ours.info("after")
"""


def test_a_run_of_a_worker_shows_its_line_an_epoch():
    """As prefect.yaml sets it; nobody but the run says how much is shown."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "PIXELPIPE_WORKER"))}
    variables = clean | {"PREFECT_LOGGING_EXTRA_LOGGERS": "pixelpipe", "PREFECT_LOGGING_TO_API_ENABLED": "false"}
    command = [sys.executable, "-c", CODE]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    assert "epoch 1 of 3" in said
    assert "before" not in said
    assert "after" not in said
