"""A run under one of our workers: it holds the slot of the worker's GPU, and ends when the worker is killed.

`flows/worker.py` starts such a worker and names both in the environment. Elsewhere (`pixelpipe run`, a container with a
GPU of its own) nothing is held or watched.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import TYPE_CHECKING

import psutil
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
from prefect.concurrency.sync import concurrency
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Cancelled, Crashed

from pixelpipe.errors import BadInputError, WorkerDiedError
from pixelpipe.interruption import was_interrupted
from pixelpipe.lease import deaths_in_a_row
from tasks.announcement import this_run, tolerant

if TYPE_CHECKING:  # a worker's start, and flows that train nothing, need no torch
    from pixelpipe.pipeline.run import ExperimentRun

GPU_LIMIT = "PIXELPIPE_GPU_LIMIT"  # the name of a global concurrency limit with one slot
WORKER_PID = "PIXELPIPE_WORKER_PID"
DEATHS = 3  # in a row without an epoch: then no more
LOOK_EVERY_S = 1.0
SLOT_EXPIRES_AFTER_S = 60.0  # of a machine that is gone; a living run renews it


@contextmanager
def under_worker() -> Iterator[None]:
    """What a flow does in here has the GPU to itself: its models stay there from the first task to the last.

    Raises `BadInputError` if the limit that the worker names does not exist.
    """
    if WORKER_PID in os.environ:
        worker = psutil.Process(int(os.environ[WORKER_PID]))
        threading.Thread(target=_end_with, args=(worker,), name="pixelpipe-worker-watch", daemon=True).start()
    limit = os.environ.get(GPU_LIMIT)
    if limit is not None:
        get_run_logger().info("waiting for a slot of %s", limit)
    with _slot(limit) if limit is not None else nullcontext(), _logged(), _cancelled_at_once():
        yield


@contextmanager
def _logged() -> Iterator[None]:
    """Prefect hands on what our loggers say, but leaves their level at WARNING: an epoch's line is INFO."""
    ours = logging.getLogger("pixelpipe")
    level = ours.level
    if level == logging.NOTSET:  # nobody, as the command line does, has said how much is to be shown
        ours.setLevel(logging.INFO)
    try:
        yield
    finally:
        ours.setLevel(level)


@contextmanager
def _cancelled_at_once() -> Iterator[None]:
    """A deployment's run that Cancel ended says so itself.

    Prefect's worker does, too, but first it imports the flow anew, torch and all, to look for hooks: up to a minute.
    """
    try:
        yield
    except BaseException as error:
        if was_interrupted(error) and this_run().deployment_id is not None:
            with tolerant("that the run is cancelled"), get_client(sync_client=True) as client:
                state = client.read_flow_run(flow_run.id).state
                if state is not None and state.is_cancelling():
                    client.set_flow_run_state(flow_run.id, Cancelled(message="Cancelled; the next run goes on."))
        raise


def refuse_endless_resuming(run: ExperimentRun) -> None:
    """Crashed runs are scheduled again by themselves: one that can only die, say for lack of memory, must not be.

    Raises `WorkerDiedError`. Whoever runs it by hand may try as often as they like.
    """
    deaths = deaths_in_a_row(run.store, run.experiment_id, run.attempt)
    if (flow_run.run_count or 1) > 1 and deaths >= DEATHS:
        raise WorkerDiedError(
            f"experiment {run.experiment_id} died {deaths} times in a row without finishing an epoch; "
            "too little memory? See the workers' logs, and start it again by hand"
        )


@contextmanager
def _slot(limit: str) -> Iterator[None]:
    """A missing limit is an error; a server that is away for a while is none: the GPU is still ours."""
    with ExitStack() as stack:
        try:
            stack.enter_context(
                concurrency(
                    limit,
                    strict=True,
                    lease_duration=SLOT_EXPIRES_AFTER_S,
                    raise_on_lease_renewal_failure=False,
                )
            )
        except ConcurrencySlotAcquisitionError:
            raise BadInputError(
                f"{GPU_LIMIT}: must name a global concurrency limit but {limit} does not exist: "
                f"start the worker with make worker-gpu, or: prefect gcl create {limit} --limit 1"
            ) from None
        yield


def _report(client: SyncPrefectClient, message: str) -> None:
    """Crashed, which goes on elsewhere; a run that a person was cancelling is cancelled."""
    state = client.read_flow_run(flow_run.id).state
    ended = Cancelled if state is not None and state.is_cancelling() else Crashed
    client.set_flow_run_state(flow_run.id, ended(message=message))


def _end_with(worker: psutil.Process) -> None:
    """A run whose worker was killed can be cancelled by nobody, and keeps the GPU from the next worker."""
    while worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE:
        time.sleep(LOOK_EVERY_S)
    try:
        with get_client(sync_client=True) as client:
            _report(client, f"Its worker, pid {worker.pid}, was killed.")
    finally:
        for child in psutil.Process().children(recursive=True):
            child.kill()
        os.kill(os.getpid(), signal.SIGKILL)
