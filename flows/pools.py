"""The work pools and their queues, made where they are missing: `python -m flows.pools`, which is `make pools`.

What somebody changed in the UI stays: concurrency, priorities, the template of a job.
"""

import sys

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists
from prefect.workers.process import ProcessWorker

POOLS = {
    "pixelpipe-gpu": "Training, sampling and captioning: one worker a GPU.",
    "pixelpipe-cpu": "What needs no GPU: export, maintenance.",
}
QUEUES = {  # by pool, the first served first
    "pixelpipe-gpu": ["experiments", "captions", "retraining"],
    "pixelpipe-cpu": ["documents", "maintenance"],
}


def create_pools() -> list[str]:
    """Returns what was made."""
    with get_client(sync_client=True) as client:
        return [made for pool in POOLS for made in (*_create_pool(client, pool), *_create_queues(client, pool))]


def _create_pool(client: SyncPrefectClient, name: str) -> list[str]:
    template = ProcessWorker.get_default_base_job_template()
    pool = WorkPoolCreate(name=name, description=POOLS[name], type="process", base_job_template=template)
    try:
        client.create_work_pool(pool)
    except ObjectAlreadyExists:
        return []
    return [f"work pool {name}"]


def _create_queues(client: SyncPrefectClient, pool: str) -> list[str]:
    existing = {queue.name for queue in client.read_work_queues(work_pool_name=pool)}
    missing = [(name, priority) for priority, name in enumerate(QUEUES[pool], 1) if name not in existing]
    for name, priority in missing:
        client.create_work_queue(name=name, work_pool_name=pool, priority=priority)
    return [f"work queue {pool}/{name}" for name, _ in missing]


if __name__ == "__main__":
    sys.stdout.write("".join(f"{made}\n" for made in create_pools()) or "every work pool and queue is there\n")
