"""Which baseline an experiment is judged against: found once, at its start, and kept for all its epochs."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from pixelpipe.config import ExperimentConfig
from pixelpipe.elsewhere import ElsewhereConfig, is_elsewhere
from pixelpipe.errors import ConfigError
from pixelpipe.keys import experiment_key
from pixelpipe.lines import champion
from pixelpipe.results.reader import latest_status, read_table
from pixelpipe.store import Store


class Baseline(BaseModel):
    """A trajectory of epochs and the one checkpoint of it that must be beaten; both None for a new line."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    experiment_id: str | None = None
    epoch: int | None = None
    champion_sequence: int = 0  # of the line's champion when this was found; 0: none

    @property
    def reference(self) -> str | None:
        return f"{self.experiment_id}@{self.epoch}" if self.experiment_id else None


def pinned_baseline(store: Store, experiment_id: str, line: str, wanted: str) -> Baseline:
    """The baseline that the experiment started with; found now if it has not started.

    Raises `ConfigError` when `judge.baseline` names an experiment or epoch that the store does not have.
    """
    key = experiment_key(experiment_id, "baseline.json")
    if store.exists(key):
        return Baseline.model_validate_json(store.read(key))
    return find_baseline(store, line, wanted)


def pin_baseline(store: Store, experiment_id: str, baseline: Baseline) -> None:
    """Only the holder of the experiment's lease calls this."""
    store.replace(experiment_key(experiment_id, "baseline.json"), baseline.model_dump_json(indent=1).encode())


def find_baseline(store: Store, line: str, wanted: str) -> Baseline:
    """What `judge.baseline` (`wanted`) means in the store as it is now."""
    current = champion(store, line)
    sequence = current.sequence if current else 0
    if wanted == "champion":
        if current is None:
            return Baseline()
        return Baseline(experiment_id=current.experiment_id, epoch=current.epoch, champion_sequence=sequence)
    experiment_id, _, epoch = wanted.partition("@")
    epochs = trajectory(store, experiment_id)
    if not epochs:
        raise ConfigError(f"`judge.baseline` must be in the store {store.url} but {experiment_id} has no epochs there")
    chosen = int(epoch) if epoch else max(epochs)
    if chosen not in epochs:
        raise ConfigError(
            f"`judge.baseline` {experiment_id}@{epoch}: must be one of epochs {min(epochs)}-{max(epochs)}"
        )
    return Baseline(experiment_id=experiment_id, epoch=chosen, champion_sequence=sequence)


def trajectory(store: Store, experiment_id: str) -> dict[int, int | None]:
    """Committed epoch -> images seen; None: trained elsewhere, and nobody counted."""
    rows = read_table(store, "epochs", experiment_id, columns=["epoch", "images_seen"]).to_pylist()
    return {row["epoch"]: row["images_seen"] for row in rows}


def thin_baseline_warning(store: Store, baseline: Baseline, line: str, wanted: str) -> str | None:
    """That an adaptive baseline has the first seeds alone at some epochs, what that costs, and the way out.

    `wanted`: `judge.baseline`; only what is the line's champion anyway should be made its baseline again.
    """
    if baseline.experiment_id is None:
        return None
    rows = read_table(store, "decisions", baseline.experiment_id, columns=["epoch", "stage"]).to_pylist()
    thin = sorted({row["epoch"] for row in rows if row["stage"] == 1})
    if not thin:
        return None
    warning = (
        f"the baseline {baseline.reference} was evaluated adaptively and has one seed a prompt at {len(thin)} of its "
        "epochs: what is compared with them is found worse later"
    )
    if wanted != "champion":
        return warning
    command = f"pixelpipe evaluate {baseline.experiment_id} --as baseline --line {shlex.quote(line)} --why whole"
    return f"{warning}. To draw it whole: {command}"


def stored_config(store: Store, experiment_id: str) -> ExperimentConfig:
    """The configuration that an experiment of the store was run with, its line as it was then."""
    config = known_config(store, experiment_id)
    assert isinstance(config, ExperimentConfig), f"{experiment_id} was not trained here"
    return config


def known_config(store: Store, experiment_id: str) -> ExperimentConfig | ElsewhereConfig:
    """The configuration of any experiment of the store: whole, or as far as somebody stated it."""
    status = latest_status(store, experiment_id)
    assert status is not None, f"{experiment_id} is not in the store"
    return config_of_status(status)


def config_of_status(status: Mapping[str, Any]) -> ExperimentConfig | ElsewhereConfig:
    """Of a row of `experiments`, its line as it was then: sections that change no weight may change."""
    values = json.loads(status["config_json"]) | {"line": status["line"]}
    return (ElsewhereConfig if is_elsewhere(values) else ExperimentConfig).model_validate(values)
