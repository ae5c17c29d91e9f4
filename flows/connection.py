"""Prefect for a run from the shell: its settings, and its server, started while the person sees why they wait."""

import os
import shutil
import subprocess

import psutil

# Prefect reads them when it is imported; whatever the person has set stands.
SETTINGS = {
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",  # a new database takes 17-20 s, the limit is 20 s
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",  # on a new database it prints a traceback of 100 lines
    "PREFECT_LOGGING_EXTRA_LOGGERS": "pixelpipe",  # our log lines show in the UI
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",  # and on the terminal as ours, not as Prefect's
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "PREFECT_CLI_PROMPT": "false",
    "TRANSFORMERS_VERBOSITY": "error",  # it warns of parts that SD1.5 does not use
}


def apply_settings() -> None:
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)


def connect() -> None:
    """Start the ephemeral server, or reach the one at PREFECT_API_URL."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        client.hello()
    for child in psutil.Process().children():
        if any("prefect.server" in argument for argument in child.cmdline()):
            _end_with_us(child.pid)


def _end_with_us(pid: int) -> None:
    """Prefect stops its ephemeral server when we exit, but not when we are killed: then a shell that waits does."""
    if shell := shutil.which("sh"):
        wait = f"while kill -0 {os.getpid()}; do sleep 1; done; kill {pid}"
        subprocess.Popen(
            [shell, "-c", wait], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
