"""An experiment's status, as rows of `experiments`: one a change."""

import json
from datetime import UTC, datetime
from typing import Literal

from pixelpipe.comparison.decision import Verdict
from pixelpipe.pipeline.prepare import Experiment
from pixelpipe.results.reader import latest_status
from pixelpipe.results.writer import append_status
from pixelpipe.store import Store

Status = Literal["running", "abandoned", "promoted", "inconclusive", "failed", "cancelled"]
STATUS: dict[Verdict, Status] = {  # of an experiment whose last decision is this
    Verdict.ABANDONED: "abandoned",
    Verdict.PROMOTED: "promoted",
    Verdict.INCONCLUSIVE: "inconclusive",
}
FINISHED = frozenset({"abandoned", "promoted", "inconclusive"})


def record_status(
    store: Store,
    experiment: Experiment,
    attempt: int,
    status: Status,
    reason_code: str | None = None,
    message: str | None = None,
) -> None:
    """Put the change; a status that the experiment has already (it was killed and goes on) is no change."""
    latest = latest_status(store, experiment.experiment_id)
    if latest is not None and (latest["status"], latest["reason_code"]) == (status, reason_code):
        return
    append_status(
        store,
        experiment.lineage
        | {
            "name": experiment.config.name,
            "status": status,
            "reason_code": reason_code,
            "message": message,
            "config_json": json.dumps(experiment.config.resolved(), ensure_ascii=False),
            "changed_at": datetime.now(UTC),
            "attempt": attempt,
        },
    )


def finished_status(store: Store, experiment_id: str) -> str | None:
    """The final status of an experiment that is done; None while it may go on."""
    latest = latest_status(store, experiment_id)
    return latest["status"] if latest and latest["status"] in FINISHED else None
