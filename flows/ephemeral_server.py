"""Prefect's ephemeral server, out of reach of signals to the run, and never without it."""

import os
import shutil
import subprocess
import sys
from typing import Any

import prefect
from prefect.server.api.server import SubprocessASGIServer
from prefect.settings import get_current_settings


class EphemeralServer(SubprocessASGIServer):
    """Prefect's, made before Prefect makes its own, which it then takes for it.

    Ctrl-C in a terminal, and the SIGTERM of `timeout` or of a machine that goes down, are sent to every process of the
    group. Prefect's server would end at once, and the run would try for minutes to tell it that it was cancelled.
    """

    def _run_uvicorn_command(self) -> subprocess.Popen[Any]:
        # -P, and a folder for uvicorn's own: else a file random.py where the person stands is taken for Python's
        uvicorn = [sys.executable, "-P", "-m", "uvicorn", "--app-dir", str(prefect.__module_path__.parent)]
        app = ["--factory", "prefect.server.api.server:create_app", "--host", "127.0.0.1", "--port", str(self.port)]
        settings = get_current_settings().to_environment_variables(exclude_unset=True)
        private = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}
        server = subprocess.Popen(
            [*uvicorn, *app, "--log-level", "error", "--lifespan", "on"],
            env=os.environ | private | settings,
            process_group=0,
        )
        _end_with_us(server.pid)
        return server


def _end_with_us(pid: int) -> None:
    """Prefect stops its ephemeral server when we exit, but not when we are killed: then a shell that waits does."""
    if shell := shutil.which("sh"):
        wait = f"while kill -0 {os.getpid()}; do sleep 1; done; kill {pid}"
        subprocess.Popen(
            [shell, "-c", wait], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
