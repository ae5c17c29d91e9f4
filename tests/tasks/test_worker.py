"""A run hears Cancel by itself: Prefect's worker stops asking once the server was away."""

import os
import subprocess
import sys
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL

CANCELLED = """
import time
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.runtime import flow_run
from prefect.states import Cancelling
from tasks.worker import hearing_cancel

@flow
def below(seconds):
    print(flow_run.id, flush=True)
    with hearing_cancel(every_s=0.2):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.01)

@flow
def above():
    print(flow_run.id, flush=True)
    below(1)  # not cancelled: goes on to its end
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(flow_run.id, Cancelling(), force=True)
    below(60)

above()
"""

LINGERING = """
import threading, time
from tasks.worker import end_within
threading.Thread(target=time.sleep, args=(60,)).start()  # as Prefect's, which an exit waits for
end_within(0.2)
"""


def test_a_cancelled_run_does_not_linger():
    done = subprocess.run([sys.executable, "-c", LINGERING], capture_output=True, text=True, check=False, timeout=40)
    assert done.returncode == 143, done.stderr


def test_cancel_is_heard_by_a_run_below_the_one_that_is_cancelled(prefect_server):
    """And neither is called crashed, which would start it again."""
    variables = os.environ | {"PREFECT_API_URL": str(PREFECT_API_URL.value())}
    command = [sys.executable, "-c", CANCELLED]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 143, done.stderr
    with get_client(sync_client=True) as client:
        states = [state.name for run in done.stdout.split() if (state := client.read_flow_run(UUID(run)).state)]
    assert states == ["Cancelled", "Completed", "Cancelled"]
