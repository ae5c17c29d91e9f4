"""Order of events for automations, on a server that was restarted: `make server` names this module.

Prefect holds an event back until it has seen the one before it, or for 15 minutes. A server that was restarted has seen
none, so that what a run did after an outage (crashed, completed) reached its automations a quarter of an hour late.
"""

import time

from prefect.server.events.ordering import PRECEDING_EVENT_LOOKBACK, memory
from prefect.server.events.schemas.events import ReceivedEvent

STARTED_AT = time.time()


class CausalOrdering(memory.CausalOrdering):
    """Prefect's, but what came before the start is not waited for."""

    async def wait_for_leader(self, event: ReceivedEvent) -> None:
        since_start_s = event.received.timestamp() - STARTED_AT
        if since_start_s < PRECEDING_EVENT_LOOKBACK.total_seconds():  # its leader may be of the time before
            return
        await super().wait_for_leader(event)
