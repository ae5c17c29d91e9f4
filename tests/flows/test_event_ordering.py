"""After a restart of the server automations hear of a run at once, not once its earlier events count as lost."""

import asyncio
import time
from uuid import uuid4

import pytest
from prefect.server.events.ordering import EventArrivedEarly, get_triggers_causal_ordering
from prefect.server.events.schemas.events import ReceivedEvent, Resource
from prefect.settings import PREFECT_SERVER_EVENTS_CAUSAL_ORDERING, temporary_settings
from prefect.types._datetime import now

from flows import event_ordering


def crashed():
    """Follows an event of the time before the restart."""
    resource = Resource({"prefect.resource.id": f"prefect.flow-run.{uuid4()}"})
    told = {"event": "prefect.flow-run.Crashed", "resource": resource, "id": uuid4(), "follows": uuid4()}
    return ReceivedEvent.model_validate(told | {"occurred": now("UTC")})


def hand_on(arrived):
    async def handler(event: ReceivedEvent, depth: int = 0) -> None:
        with temporary_settings({PREFECT_SERVER_EVENTS_CAUSAL_ORDERING: event_ordering.__name__}):
            ordering = get_triggers_causal_ordering()
        assert type(ordering) is event_ordering.CausalOrdering
        async with ordering.preceding_event_confirmed(handler, arrived):
            pass

    asyncio.run(handler(arrived))


@pytest.fixture(autouse=True)
def forgotten():
    event_ordering.CausalOrdering.clear_all_scopes()
    yield
    event_ordering.CausalOrdering.clear_all_scopes()


def test_soon_after_a_start_nothing_is_held_back():
    hand_on(crashed())


def test_later_an_event_waits_for_the_one_before_it(monkeypatch):
    monkeypatch.setattr(event_ordering, "STARTED_AT", time.time() - 20 * 60)
    with pytest.raises(EventArrivedEarly):
        hand_on(crashed())
