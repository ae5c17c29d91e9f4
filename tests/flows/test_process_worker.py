"""A run that comes back while its slot is held: Prefect's worker dies of it, ours looks again later."""

import asyncio
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import anyio
import pytest
from prefect.utilities.dispatch import lookup_type
from prefect.workers.base import BaseWorker
from prefect.workers.process import ProcessWorker


@pytest.fixture
def patient() -> type[ProcessWorker]:
    from flows.process_worker import PatientWorker

    return PatientWorker


def submit_held(kind: type[ProcessWorker]) -> list[Any]:
    """What a worker of one slot submits when the server offers the run that it holds the slot for."""

    async def offered() -> list[Any]:
        worker, run = kind(work_pool_name="pool"), SimpleNamespace(id=uuid4(), name="small")
        worker._limiter = anyio.CapacityLimiter(1)
        worker._limiter.acquire_on_behalf_of_nowait(run.id)
        return await worker._submit_scheduled_flow_runs([SimpleNamespace(flow_run=run)])

    return asyncio.run(offered())


def test_it_waits_where_prefects_own_dies(patient):
    assert submit_held(patient) == []
    with pytest.raises(RuntimeError, match="already holding"):
        submit_held(ProcessWorker)  # once this fails, Prefect is mended: delete flows/process_worker.py


def test_it_is_the_worker_that_prefect_starts(patient):
    assert lookup_type(BaseWorker, "process") is patient
