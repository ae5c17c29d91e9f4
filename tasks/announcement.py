"""What Prefect is told of an experiment: tags and the name of its run, and events that automations listen to.

Prefect may be away for a while: its client tries again for a minute, and what it does not take then is a warning. The
store has it all.
"""

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas import FlowRun
from prefect.context import FlowRunContext
from prefect.events import emit_event

from pixelpipe.errors import one_line
from pixelpipe.pipeline.outcome import Outcome

logger = logging.getLogger("pixelpipe.prefect")
FURTHER_EVENTS = {
    "budget_reached": "budget-reached",
    "nan_loss": "diverged",
}  # reason code -> an event beside the status
KEY_ROOM = 32  # characters of a name in an artifact's key
HASH_ROOM = 8  # of them, for its end


@contextmanager
def tolerant(what: str) -> Iterator[None]:
    """For calls to Prefect that only show something: a server that does not answer costs nobody their training."""
    try:
        yield
    except (httpx.HTTPError, RuntimeError) as error:  # RuntimeError: its client cannot even ask for the version
        logger.warning("%s is not shown in Prefect: %s", what, one_line(error))


@task(name="announce", task_run_name="announce", cache_policy=NO_CACHE)
def announce(outcome: Outcome, line: str, store_url: str) -> None:
    """Tag the flow run `outcome:<status>` and emit `pixelpipe.experiment.<status>`."""
    tag_run(f"outcome:{outcome.status}", f"line:{line}")
    payload = {
        "reason_code": outcome.reason_code,
        "sentence": outcome.sentence,
        "epochs": outcome.epochs,
        "store": store_url,
    }
    emit(outcome.status, outcome.experiment_id, line, payload)
    if outcome.reason_code in FURTHER_EVENTS:
        emit(FURTHER_EVENTS[outcome.reason_code], outcome.experiment_id, line, payload)


def emit(what: str, experiment_id: str, line: str, payload: Mapping[str, Any]) -> None:
    """Emit `pixelpipe.experiment.<what>` about an experiment, related to the flow run by Prefect itself."""
    emit_event(
        event=f"pixelpipe.experiment.{what}",
        resource={
            "prefect.resource.id": f"pixelpipe.experiment.{experiment_id}",
            "prefect.resource.name": experiment_id,
            "pixelpipe.line": line,
        },
        payload={"experiment_id": experiment_id, "line": line, **payload},
    )


def this_run() -> FlowRun:
    """From within a flow, or a task of one."""
    context = FlowRunContext.get()
    assert context is not None, "called within a flow"
    assert context.flow_run is not None, "called within a flow run"
    return context.flow_run


def artifact_key(kind: str, name: str) -> str:
    """Prefect allows lower-case letters, digits and dashes, and its cards have room for so many.

    Of a longer name the beginning and the end stay: there an experiment's id has its hash.
    """
    allowed = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if len(allowed) > KEY_ROOM:
        allowed = f"{allowed[: KEY_ROOM - HASH_ROOM].rstrip('-')}-{allowed[-HASH_ROOM:].lstrip('-')}"
    return f"{kind}-{allowed}"


def tag_run(*tags: str, name: str | None = None) -> None:
    """Add tags to the flow run, and give it a name."""
    with tolerant("a tag"), get_client(sync_client=True) as client:
        run = client.read_flow_run(this_run().id)
        client.update_flow_run(run.id, tags=sorted({*run.tags, *tags}), name=name)
