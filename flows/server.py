"""Start Prefect's server on 127.0.0.1, once: `python -m flows.server [PORT]`, which is `make server`."""

import os
import sys

import httpx

LOOK_S = 5.0


def start_server(port: int) -> None:
    """Become the server; returns only if one answers on the port already."""
    if _answers(port):
        return
    os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"  # on a new database it prints a traceback of 100 lines
    # slots that runs hold must outlive a restart: whose slot is gone, Prefect ends
    os.environ["PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"] = "prefect.server.concurrency.lease_storage.filesystem"
    os.environ["PREFECT_SERVER_EVENTS_CAUSAL_ORDERING"] = "flows.event_ordering"  # else events wait after a restart
    os.environ["PREFECT_UI_API_URL"] = f"http://127.0.0.1:{port}/api"  # else the UI asks what PREFECT_API_URL names
    server = ["-m", "prefect", "--no-prompt", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    os.execv(sys.executable, [sys.executable, *server])


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/api/health", timeout=LOOK_S).is_success
    except httpx.HTTPError:
        return False


if __name__ == "__main__":
    given = int(sys.argv[1]) if len(sys.argv) > 1 else 4200
    start_server(given)
    sys.stderr.write(f"a Prefect server answers at http://127.0.0.1:{given} already\n")
