"""examples/automations: what is created is what the files say, once."""

import subprocess
import sys
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL

NOTIFY = Path(__file__).parents[2] / "examples/automations/notify.py"
EVENTS = {"abandoned", "budget-reached", "question"}


@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize(
    ("kind", "address", "times"), [("webhook", "http://127.0.0.1:1/hook", 2), ("mail", "you@example.com", 1)]
)
def test_automations_are_created_and_replaced(kind, address, times, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", PREFECT_API_URL.value())
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.abcdefghijklmnop.qrstuvwxyz0123456789")
    for _ in range(times):
        command = [sys.executable, str(NOTIFY), kind, address]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
    with get_client(sync_client=True) as client:
        found = [each for each in client.read_automations() if each.name.startswith(f"pixelpipe {kind}: ")]
    assert len(found) == 3
    assert {event for each in found for event in each.trigger.expect} == {
        f"pixelpipe.experiment.{event}" for event in EVENTS
    }
    assert len({str(action.block_document_id) for each in found for action in each.actions}) == 1
