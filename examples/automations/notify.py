"""Have the Prefect server at PREFECT_API_URL tell you: abandoned, budget reached, a person must answer.

    python examples/automations/notify.py webhook https://hooks.example.com/...
    SENDGRID_API_KEY=... python examples/automations/notify.py mail you@example.com

Makes one block (the address) and one automation a kind of news; again with another address replaces them.
"""

import os
import sys
from pathlib import Path

import yaml
from prefect.blocks.notifications import SendgridEmail
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import get_client
from prefect.events.schemas.automations import AutomationCore


def save_block(kind: str, address: str) -> str:
    """The id of the block that holds the address."""
    if kind == "webhook":
        block = Webhook(url=address, headers={"Content-Type": "application/json"})
    else:
        key = os.environ.get("SENDGRID_API_KEY") or sys.exit("SENDGRID_API_KEY must be set: mail goes through SendGrid")
        block = SendgridEmail(api_key=key, sender_email=address, to_emails=[address])
    return str(block.save(f"pixelpipe-{kind}", overwrite=True))


def replace_automations(kind: str, block_id: str) -> list[str]:
    """Create those of the file, in place of what bears their names; returns the names."""
    text = Path(__file__).with_name(f"{kind}.yaml").read_text().replace("BLOCK_ID", block_id)
    automations = [AutomationCore.model_validate(each) for each in yaml.safe_load(text)["automations"]]
    with get_client(sync_client=True) as client:
        for automation in automations:
            for old in client.read_automations_by_name(automation.name):
                client.delete_automation(old.id)
            client.create_automation(automation)
    return [automation.name for automation in automations]


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("webhook", "mail"):
        sys.exit(__doc__)
    for name in replace_automations(sys.argv[1], save_block(sys.argv[1], sys.argv[2])):
        sys.stdout.write(f"{name}\n")
