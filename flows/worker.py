"""Start a worker of a pool, once: `python -m flows.worker --pool pixelpipe-gpu --name pod-7-gpu0 [--gpu 0]`.

With `--gpu` it has that GPU alone, and a global concurrency limit of one slot, `gpu:<name>`, which its runs hold.
"""

import argparse
import fcntl
import os
import platform
import signal
import sys
from pathlib import Path

from pixelpipe.threads import wait_briefly
from tasks.worker import GPU_LIMIT, WORKER_PID

WORKER_OF_OURS = ["-m", "flows.process_worker", "--type", "process", "--limit", "1"]


def start_worker(pool: str, name: str, gpu: str | None) -> None:
    """Become the worker; returns only if one of that name runs on this machine already."""
    if not _is_first(name):
        return
    # Prefect ends its worker by a SIGINT to itself, which what a script starts with & would ignore.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    wait_briefly()  # its runs' threads
    os.environ[WORKER_PID] = str(os.getpid())  # it stays: the worker replaces this process
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
        os.environ[GPU_LIMIT] = _one_slot(f"gpu:{name}")
    os.execv(sys.executable, [sys.executable, *WORKER_OF_OURS, "--pool", pool, "--name", name])


def _is_first(name: str) -> bool:
    """Hold a lock file for as long as this process lives, whatever kills it."""
    from prefect.settings import PREFECT_HOME

    folder = Path(PREFECT_HOME.value())
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / f"worker-{name}.lock", os.O_RDWR | os.O_CREAT)
    os.set_inheritable(descriptor, True)  # through the exec
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _one_slot(limit: str) -> str:
    """Create the limit, free: no run of a worker outlives it."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        client.upsert_global_concurrency_limit_by_name(limit, 1)
    return limit


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m flows.worker", description="Start a worker, once.")
    parser.add_argument("--pool", required=True)
    parser.add_argument("--name", help="Default: this machine and the pool, or the GPU.")
    parser.add_argument("--gpu", help="Index or UUID of the GPU that it has alone.")
    given = parser.parse_args()
    name = given.name or f"{platform.node()}-{given.pool if given.gpu is None else f'gpu{given.gpu}'}"
    start_worker(given.pool, name, given.gpu)
    sys.stderr.write(f"worker {name} runs already\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
