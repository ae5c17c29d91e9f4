"""Prefect for a run from the shell: its settings, and its server, started while the person sees why they wait."""

import os
import threading
from collections.abc import Callable

from pixelpipe.errors import BadInputError, one_line

# Prefect reads them when it is imported; whatever the person has set stands.
SETTINGS = {
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",  # a new database takes 17-20 s, the limit is 20 s
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",  # on a new database it prints a traceback of 100 lines
    "PREFECT_LOGGING_EXTRA_LOGGERS": "pixelpipe",  # our log lines show in the UI
    "PREFECT_LOGGING_LOGGERS_PREFECT_TASK_RUNS_LEVEL": "WARNING",  # and not that every task is done
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",  # and on the terminal as ours, not as Prefect's
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "PREFECT_CLI_PROMPT": "false",
    "TRANSFORMERS_VERBOSITY": "error",  # it warns of parts that SD1.5 does not use
}
# A run that ends while the person's own server is away tries for four minutes to say so.
SETTINGS_WITH_A_SERVER = {"PREFECT_CLIENT_MAX_RETRIES": "7"}


def apply_settings() -> None:
    of_the_server = SETTINGS_WITH_A_SERVER if "PREFECT_API_URL" in os.environ else {}
    for name, value in (SETTINGS | of_the_server).items():
        os.environ.setdefault(name, value)


def connect(meanwhile: Callable[[], object]) -> None:
    """Reach the server at PREFECT_API_URL, or start Prefect's ephemeral one and call `meanwhile` as it starts.

    Raises `BadInputError` if it does not answer.
    """
    if url := server_url():
        _Reaching().join_or_raise(f"Prefect at {url} (PREFECT_API_URL)")
        meanwhile()
        return
    from flows.ephemeral_server import EphemeralServer  # here: two threads must not import parts of Prefect at once

    EphemeralServer()
    starting = _Reaching()
    meanwhile()
    starting.join_or_raise("Prefect's own server")


def server_url() -> str | None:
    """Of the person's own Prefect server, from the environment or their profile; None: the ephemeral one."""
    from prefect.settings import PREFECT_API_URL

    return PREFECT_API_URL.value()


class _Reaching(threading.Thread):
    """A daemon: Ctrl-C waits for no server."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._error: Exception | None = None
        self.start()

    def run(self) -> None:
        from prefect.client.orchestration import get_client

        try:
            with get_client(sync_client=True) as client:
                client.hello()
        except Exception as error:  # of whatever kind: `join_or_raise` raises it in the main thread
            self._error = error

    def join_or_raise(self, what: str) -> None:
        self.join()
        if self._error is not None:
            raise BadInputError(f"{what}: must answer but: {one_line(self._error)}")
