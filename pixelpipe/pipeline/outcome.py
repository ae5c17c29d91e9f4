"""How an experiment ended, in words."""

from dataclasses import dataclass

from pixelpipe.results.reader import latest_status, read_table
from pixelpipe.store import Store


@dataclass(frozen=True, slots=True)
class Outcome:
    """For people: the verdict about the last epoch, and why."""

    experiment_id: str
    status: str
    reason_code: str
    sentence: str
    epochs: int


def stored_outcome(store: Store, experiment_id: str) -> Outcome:
    """The outcome of an experiment that is done."""
    status = latest_status(store, experiment_id)
    assert status is not None
    epochs = read_table(store, "epochs", experiment_id, columns=["epoch"])
    return Outcome(
        experiment_id,
        status["status"],
        status["reason_code"] or "",
        status["message"] or "",
        len(epochs),
    )
