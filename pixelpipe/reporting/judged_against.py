"""What an experiment was judged against, as far as the tables know it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from pixelpipe.comparison.decision import Decision
from pixelpipe.reporting.trajectory import EpochFacts, read_epochs, read_images
from pixelpipe.results.reader import latest_status, read_table
from pixelpipe.store import Store


@dataclass(frozen=True, slots=True)
class Baseline:
    reference: str  # "<experiment>@<epoch>" of the latest comparison, or the name of a summary
    experiment_id: str | None  # None: a summary
    champion: str | None  # its promoted checkpoint, "<experiment>@<epoch>", where the store knows it
    trajectory: tuple[EpochFacts, ...]  # its committed epochs; `judged` in the candidate's metric, floored alike
    origin: str | None = None  # None: it was run here; else what is known of it: "figures" or "images"

    def at(self, epoch: int | None) -> EpochFacts | None:
        return next((point for point in self.trajectory if point.epoch == epoch), None)


def read_baseline(store: Store, decisions: Mapping[int, Decision]) -> Baseline | None:
    """That of the latest decision that had one."""
    judged = [decision for decision in decisions.values() if decision.baseline is not None]
    return _baseline(store, judged[-1]) if judged else None


def split_reference(reference: str | None) -> tuple[str | None, int | None]:
    """("experiment", 3) of "experiment@3"; (None, None) of a summary's name or nothing."""
    experiment_id, _, epoch = (reference or "").rpartition("@")
    return (experiment_id, int(epoch)) if experiment_id and epoch.isdigit() else (None, None)


def _baseline(store: Store, decision: Decision) -> Baseline:
    assert decision.baseline is not None
    experiment_id, _ = split_reference(decision.baseline)
    change = None if experiment_id is None else latest_status(store, experiment_id)
    if experiment_id is None or change is None:
        return Baseline(decision.baseline, None, None, ())
    images = read_images(store, experiment_id, decision.metric)
    trajectory = read_epochs(store, experiment_id, images, decision.metric, {}, decision.floor)
    champion = decision.champion or decision.confirmation_baseline or _promoted(store, experiment_id)
    origin = json.loads(change["config_json"]).get("origin")
    return Baseline(decision.baseline, experiment_id, champion, trajectory, origin)


def _promoted(store: Store, experiment_id: str) -> str | None:
    epochs = read_table(store, "epochs", experiment_id, columns=["epoch", "decision"]).to_pylist()
    promoted = [row["epoch"] for row in epochs if row["decision"] == "PROMOTED"]
    return f"{experiment_id}@{max(promoted)}" if promoted else None
