"""Whether the Prefect server that runs are sent to is there, and has what deployments need."""

from collections.abc import Iterator
from contextlib import ExitStack
from importlib.metadata import version

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags, WorkerFilter, WorkerFilterStatus
from prefect.client.schemas.objects import WorkerStatus
from prefect.exceptions import ObjectNotFound

from flows.connection import server_url
from flows.pools import POOLS
from pixelpipe.errors import one_line
from pixelpipe.pipeline.health import Finding

DEPLOYMENTS = frozenset(
    {"run-experiment", "caption-dataset", "evaluate-checkpoint", "retrain", "export-checkpoint", "maintenance"}
)


def check_server() -> Iterator[Finding]:
    """Server, pools with their workers, GPU limits, deployments; only the first where no server is named."""
    url = server_url()
    if url is None:
        found = f"none named: every run starts Prefect's own (Prefect {version('prefect')})"
        yield Finding("server", "note", found, "for a server of your own: export PREFECT_API_URL=http://HOST:4200/api")
        return
    with ExitStack() as stack:
        try:
            client = stack.enter_context(get_client(sync_client=True))
            server = client.request("GET", "/admin/version").json()
        except (httpx.HTTPError, RuntimeError, ValueError) as error:
            reason = one_line(error)
            yield Finding("server", "wrong", f"{url} does not answer: {reason}", "start it (make server), or unset it")
            return
        yield _versions(url, server)
        yield from (_pool(client, name) for name in POOLS)
        yield _limits(client)
        yield _deployments(client)


def _versions(url: str, server: str) -> Finding:
    ours = version("prefect")
    if server.split(".")[:2] != ours.split(".")[:2]:
        return Finding("server", "wrong", f"{url} is Prefect {server}, here is {ours}", "install one version on both")
    return Finding("server", "ok", f"{url}, Prefect {server}")


def _pool(client: SyncPrefectClient, name: str) -> Finding:
    check = f"pool {name}"
    try:
        pool = client.read_work_pool(name)
    except ObjectNotFound:
        return Finding(check, "wrong", "is not there", "make pools")
    online = WorkerFilter(status=WorkerFilterStatus(any_=[WorkerStatus.ONLINE]))
    workers = client.read_workers_for_work_pool(name, worker_filter=online)
    if pool.is_paused:
        return Finding(check, "wrong", "is paused: nothing is started", f"prefect work-pool resume {name}")
    if not workers:
        return Finding(check, "note", f"{pool.type}, no worker is online: runs wait", "start one (docs/operations.md)")
    return Finding(check, "ok", f"{pool.type}, {len(workers)} worker{'s'[: len(workers) != 1]} online")


def _limits(client: SyncPrefectClient) -> Finding:
    """Workers with a GPU hold a limit of one slot each."""
    body = {"limit": 200, "offset": 0}
    limits = client.request("POST", "/v2/concurrency_limits/filter", json=body).json()
    ours = {limit["name"]: limit for limit in limits if limit["name"].startswith("gpu:")}
    wrong = [name for name, limit in ours.items() if limit["limit"] != 1 or not limit["active"]]
    if wrong:
        todo = "; ".join(f"prefect gcl update {name} --limit 1 --enable" for name in sorted(wrong))
        return Finding("GPU limits", "wrong", f"{', '.join(sorted(wrong))}: must be active with one slot", todo)
    if not ours:
        return Finding("GPU limits", "note", "none yet: a GPU worker makes its own when it starts")
    held = sum(limit["active_slots"] for limit in ours.values())
    return Finding("GPU limits", "ok", f"{len(ours)} of one slot each, {held} held now")


def _deployments(client: SyncPrefectClient) -> Finding:
    of_ours = DeploymentFilter(tags=DeploymentFilterTags(all_=["pixelpipe"]))
    found = client.read_deployments(deployment_filter=of_ours)
    if missing := DEPLOYMENTS - {deployment.name for deployment in found}:
        return Finding("deployments", "wrong", f"{', '.join(sorted(missing))}: not there", "make deploy")
    open_ones = [each.name for each in found if (each.parameter_openapi_schema or {}).get("additionalProperties", True)]
    if open_ones:
        said = f"{', '.join(sorted(open_ones))}: a misspelled parameter would be taken"
        return Finding("deployments", "wrong", said, "make deploy")
    scheduled = [each.name for each in found if any(schedule.active for schedule in each.schedules)]
    return Finding(
        "deployments", "ok", f"{len(found)}; schedules that are on: {', '.join(sorted(scheduled)) or 'none'}"
    )
