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
from uuid import UUID

import httpx
import psutil
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import FlowRun
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
from prefect.concurrency.sync import concurrency
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from prefect.states import Cancelled, Crashed

from pixelpipe.errors import BadInputError, WorkerDiedError
from pixelpipe.interruption import was_interrupted
from pixelpipe.lease import deaths_in_a_row
from tasks.announcement import this_run, tolerant

if TYPE_CHECKING:  # a worker's start, and flows that train nothing, need no torch
    from pixelpipe.pipeline.run import ExperimentRun

GPU_LIMIT = "PIXELPIPE_GPU_LIMIT"  # the name of a global concurrency limit with one slot
WORKER_PID = "PIXELPIPE_WORKER_PID"
FLUSH_S = 2.0  # for what Prefect's threads have still to send: log lines, events
LINGER_S = 3.0
CANCELLED = "Cancelled; the next run goes on."
DEATHS = 3  # in a row without an epoch: then no more
LOOK_EVERY_S = 1.0
HEAR_EVERY_S = 4.0  # heard at the second look: within 8 s
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
    slot = _slot(limit) if limit is not None else nullcontext()
    with hearing_cancel(), slot, _logged(), _cancelled_at_once():
        yield


@contextmanager
def hearing_cancel(every_s: float = HEAR_EVERY_S) -> Iterator[None]:
    """Cancel is heard also where Prefect's worker has lost it: after three failures to ask it asks no more.

    The worker, who hears it at once, comes first: it is acted upon at the second look that finds it. Then the process
    ends in here: Prefect, which knows of no Cancel, would call the run crashed, and it would be started again.
    """
    ended, heard = threading.Event(), threading.Event()
    if flow_run.id is not None:
        what = (UUID(flow_run.id), every_s, ended, heard)
        threading.Thread(target=_hear_cancel, args=what, name="pixelpipe-cancel", daemon=True).start()
    try:
        yield
    finally:
        ended.set()
        if heard.is_set():
            _end_cancelled(UUID(flow_run.id))


def _hear_cancel(run_id: UUID, every_s: float, ended: threading.Event, heard: threading.Event) -> None:
    was_cancelling = False
    with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
        while not ended.wait(every_s):
            try:
                with get_client(sync_client=True) as client:
                    state = _outermost(client, run_id).state
            except (httpx.HTTPError, RuntimeError):  # the server is away: asked again at the next look
                continue
            is_cancelling = state is not None and state.is_cancelling()
            if is_cancelling and was_cancelling and not ended.is_set():
                heard.set()
                os.kill(os.getpid(), signal.SIGTERM)  # as the worker does
                return
            was_cancelling = is_cancelling


def _end_cancelled(run_id: UUID) -> None:
    """What the run holds and writes is done: it has come out of everything inside `under_worker`."""
    with tolerant("that the run is cancelled"), get_client(sync_client=True) as client:
        for ended in {run_id, _outermost(client, run_id).id}:
            client.set_flow_run_state(ended, Cancelled(message=CANCELLED), force=True)
    time.sleep(FLUSH_S)
    os._exit(128 + signal.SIGTERM)


def end_within(seconds: float) -> None:
    """End the process then, if it has not ended by itself: Prefect's threads wait for a server that was away."""

    def end() -> None:
        time.sleep(seconds)
        os._exit(128 + signal.SIGTERM)

    threading.Thread(target=end, name="pixelpipe-end", daemon=True).start()


def _outermost(client: SyncPrefectClient, run_id: UUID) -> FlowRun:
    """Below a retraining: the retraining, which is what a person sees and cancels."""
    run = client.read_flow_run(run_id)
    while run.parent_task_run_id is not None:
        above = client.read_task_run(run.parent_task_run_id).flow_run_id
        assert above is not None, "a task that a flow run stands for is of a flow run"
        run = client.read_flow_run(above)
    return run


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
        this = this_run()
        if was_interrupted(error) and (this.deployment_id or this.parent_task_run_id) is not None:
            with tolerant("that the run is cancelled"), get_client(sync_client=True) as client:
                run = _outermost(client, this.id)
                if run.deployment_id is not None and run.state is not None and run.state.is_cancelling():
                    client.set_flow_run_state(run.id, Cancelled(message=CANCELLED))
                    end_within(LINGER_S)
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
