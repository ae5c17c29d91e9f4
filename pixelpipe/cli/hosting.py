"""Running a flow from the shell: start-up shown, log lines on the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from pixelpipe.cli.logs import log_to_stderr
from pixelpipe.config import ExperimentConfig
from pixelpipe.progress import console
from pixelpipe.store import Store

if TYPE_CHECKING:
    from pixelpipe.pipeline.outcome import Outcome


def run_on_prefect(store: Store, config: ExperimentConfig, repetition: int) -> Outcome:
    """Run the experiment's flow in this process. Raises what the flow raises."""
    from flows.connection import apply_settings, connect, server_url

    apply_settings()
    log_to_stderr()
    with _waiting(_start_up_message(server_url())):
        connect(meanwhile=lambda: import_module("flows.experiment"))  # torch and diffusers take as long
    from flows.experiment import run_experiment

    state: Any = run_experiment(config, store.url, repetition, return_state=True)
    return state.result()


def _start_up_message(url: str | None) -> str:
    if url:
        return f"connecting to Prefect at {url}"
    return "starting Prefect's local server (about 10 s, 20 s the first time)"


@contextmanager
def _waiting(message: str) -> Iterator[None]:
    """A spinner on a terminal; a line in a log, where a spinner would be garbage."""
    if not console.is_terminal:
        click.echo(message, err=True)
    with console.status(message):
        yield
