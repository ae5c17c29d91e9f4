"""Running a flow from the shell: start-up shown, log lines on the terminal."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING, Any

from rich.logging import RichHandler

from pixelpipe.config import ExperimentConfig
from pixelpipe.progress import console
from pixelpipe.store import Store

if TYPE_CHECKING:
    from pixelpipe.pipeline.outcome import Outcome


def run_on_prefect(store: Store, config: ExperimentConfig, repetition: int) -> Outcome:
    """Run the experiment's flow in this process. Raises what the flow raises."""
    from flows.connection import apply_settings, connect

    apply_settings()
    _log_to_terminal()
    with console.status(_start_up_message()):
        from flows.experiment import run_experiment

        connect()
    state: Any = run_experiment(config, store.url, repetition, return_state=True)
    return state.result()


def _start_up_message() -> str:
    url = os.environ.get("PREFECT_API_URL")
    if url:
        return f"connecting to Prefect at {url}"
    return "starting Prefect's local server (about 10 s, 20 s the first time)"


def _log_to_terminal() -> None:
    """Once a process: the demo runs two experiments."""
    logger = logging.getLogger("pixelpipe")
    if logger.handlers:
        return
    logger.setLevel(logging.INFO)
    if sys.stderr.isatty():
        handler: logging.Handler = RichHandler(console=console, show_path=False, show_level=False, markup=False)
        handler.setFormatter(logging.Formatter("%(message)s"))
    else:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    logger.addHandler(handler)
