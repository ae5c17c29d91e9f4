"""What the server does by itself when a run's machine is lost: `python -m flows.automations`, part of `make deploy`.

Prefect alone never notices that a machine is lost. Here a run that gives no heartbeat any more is called crashed,
and a run that crashed is scheduled again. Any worker of its pool takes it up, and it goes on after the last complete
epoch.
"""

import sys
from datetime import timedelta
from typing import cast

from prefect.automations import Automation
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ActionTypes, ChangeFlowRunState
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification

TAG = "pixelpipe"  # of every deployment: no other run is touched
HEARTBEAT_S = 30  # as prefect.yaml sets it; Prefect gives none more often
# Longer than a lease needs to expire, so whoever goes on gets it; and than a server is away that is restarted, for it
# counts what it did not hear itself.
SILENT_AFTER_S = 240


def automations() -> list[Automation]:
    runs = ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"})
    of_ours = ResourceSpecification({"prefect.resource.id": f"prefect.tag.{TAG}", "prefect.resource.role": "tag"})
    ends = {f"prefect.flow-run.{name}" for name in ("Completed", "Failed", "Cancelled", "Crashed", "Suspended")}
    return [
        Automation(
            name="pixelpipe: a run without heartbeats has crashed",
            description=f"A run that gave no heartbeat for {SILENT_AFTER_S // 60} minutes was lost with its machine.",
            trigger=EventTrigger(
                after={"prefect.flow-run.heartbeat"},
                expect={"prefect.flow-run.heartbeat", *ends},
                match=runs,
                match_related=of_ours,
                for_each={"prefect.resource.id"},
                posture=Posture.Proactive,
                threshold=1,
                within=timedelta(seconds=SILENT_AFTER_S),
            ),
            actions=[
                _to(StateType.CRASHED, "Crashed", f"No heartbeat for {SILENT_AFTER_S // 60} minutes: lost."),
            ],
        ),
        Automation(
            name="pixelpipe: a crashed run goes on",
            description="Scheduled again, on whichever worker is free, it goes on after the last complete epoch.",
            trigger=EventTrigger(
                expect={"prefect.flow-run.Crashed"},
                match=runs,
                match_related=of_ours,
                for_each={"prefect.resource.id"},
                posture=Posture.Reactive,
                threshold=1,
                within=timedelta(0),
            ),
            actions=[
                _to(StateType.SCHEDULED, "AwaitingRetry", "Crashed; goes on after its last complete epoch."),
            ],
        ),
    ]


def _to(state: StateType, name: str, message: str) -> ActionTypes:
    return ChangeFlowRunState(state=state, name=name, message=message, force=False)


def create_automations() -> list[str]:
    """Create them, or bring those of the same name up to date; returns their names."""
    for automation in automations():
        try:
            existing = cast("Automation", Automation.read(name=automation.name))  # Prefect types what is awaited
        except ValueError:  # there is none
            automation.create()
        else:
            automation.id, automation.enabled = existing.id, existing.enabled
            automation.update()
    return [automation.name for automation in automations()]


if __name__ == "__main__":
    sys.stdout.write("".join(f"automation {name!r}\n" for name in create_automations()))
