"""Running a flow from the shell: Prefect's settings, its start-up shown, its logs turned into ours.

Prefect reads its settings when it is imported, so nothing here imports it before they are set.
"""

import logging
import os
import sys

from rich.logging import RichHandler

from pixelpipe.config import ExperimentConfig
from pixelpipe.pipeline.outcome import Outcome
from pixelpipe.progress import console
from pixelpipe.store import Store

SETTINGS = {
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",  # a new database takes 17-20 s, the limit is 20 s
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",  # on a new database it prints a traceback of 100 lines
    "PREFECT_LOGGING_EXTRA_LOGGERS": "pixelpipe",  # our log lines show in the UI
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",  # and here as ours, not as Prefect's
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "PREFECT_CLI_PROMPT": "false",
}


def run_on_prefect(store: Store, config: ExperimentConfig, repetition: int) -> Outcome:
    """Run the experiment's flow in this process. Raises what the flow raises."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    _log_to_terminal()
    with console.status(_start_up_message()):
        from flows.experiment import run_experiment

        ensure_server()
    state = run_experiment(config, store.url, repetition, return_state=True)
    return state.result()


def ensure_server() -> None:
    """Start the ephemeral server now, while the person sees why they wait; nothing to do with PREFECT_API_URL."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        client.hello()


def _start_up_message() -> str:
    url = os.environ.get("PREFECT_API_URL")
    if url:
        return f"connecting to Prefect at {url}"
    return "starting Prefect's local server (about 10 s, 20 s the first time)"


def _log_to_terminal() -> None:
    logger = logging.getLogger("pixelpipe")
    logger.setLevel(logging.INFO)
    if sys.stderr.isatty():
        handler: logging.Handler = RichHandler(console=console, show_path=False, show_level=False, markup=False)
        handler.setFormatter(logging.Formatter("%(message)s"))
    else:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    logger.addHandler(handler)
