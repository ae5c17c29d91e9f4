"""Whether a line's champion should be trained anew: is there art, a caption, a base or code that no run has answered?

Needs no torch: a schedule asks every night, and most nights nothing is new.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pixelpipe.config import ExperimentConfig
from pixelpipe.elsewhere import is_elsewhere
from pixelpipe.errors import BadInputError
from pixelpipe.lines import Champion, champion
from pixelpipe.pipeline.baseline import stored_config
from pixelpipe.pipeline.code import code_hash, recorded_code
from pixelpipe.pipeline.comparable import same_settings
from pixelpipe.pipeline.prepare import Experiment, prepare
from pixelpipe.pipeline.status import finished_status
from pixelpipe.pipeline.stored_weights import lender
from pixelpipe.results.reader import latest_status, read_table
from pixelpipe.store import Store

INPUTS = {"dataset": "dataset_hash", "captions": "captions_hash", "base": "base_hash"}  # what is hashed -> its column


@dataclass(frozen=True, slots=True)
class News:
    """What is there now beside what the champion was made of."""

    champion: Champion
    hashes: dict[str, tuple[str | None, str]]  # dataset, captions, base, code -> (the champion's, now); None: not known
    candidate: Experiment | None = None  # the experiment that would answer it; None: one has
    answer: str | None = None  # the experiment that has

    @property
    def changed(self) -> list[str]:
        return [name for name, (before, now) in self.hashes.items() if before not in (None, now)]

    @property
    def sentence(self) -> str:
        """For people."""
        reference = self.champion.reference
        if self.candidate is not None:
            *most, last = self.changed
            return f"new {', '.join(most)}{' and ' if most else ''}{last} since {reference}, the champion"
        if self.answer == self.champion.experiment_id:
            return f"nothing new since {reference}, the champion"
        return f"nothing new since {self.answer}, which was judged already; {reference} is the champion"


def find_news(store: Store, line: str, dataset: Path | None = None) -> News:
    """Hash what the champion's configuration reads now; `dataset`: a folder of sprites instead of the champion's.

    Writes nothing but captions that are made from pixels, which are kept by content. Raises `BadInputError` for a line
    without a champion or with one that nothing can be compared with, and for art or a base that cannot be read.
    """
    current = champion(store, line)
    if current is None:
        raise BadInputError(f"line {line}: must have a champion to train anew but has none in {store.url}")
    trained = lender(store, current.experiment_id)  # a champion that was only scored again was trained as another one
    status = latest_status(store, trained)
    assert status is not None, f"{trained} is a champion without a status"
    if is_elsewhere(json.loads(status["config_json"])):
        raise BadInputError(
            f"line {line}: its champion must have been trained here but {current.reference} was trained elsewhere"
        )
    experiment, code = prepare(store, champion_config(store, current, dataset)), code_hash()
    hashes = {name: (status[column], experiment.input_hashes[column]) for name, column in INPUTS.items()}
    news = News(current, hashes | {"code": (recorded_code(store, trained), code)})
    if not news.changed:
        return replace(news, answer=current.experiment_id)
    _check_comparable(store, current, experiment)
    candidate, answer = _unanswered(store, experiment, code)
    return replace(news, candidate=candidate, answer=answer)


def champion_config(store: Store, current: Champion, dataset: Path | None) -> ExperimentConfig:
    """The champion's configuration for a candidate that is judged against the line's champion."""
    config = stored_config(store, lender(store, current.experiment_id))
    asked = {"prompts": None, **same_settings(store, current.experiment_id)}  # the line keeps the prompts
    changes: dict[str, Any] = {
        "judge": config.judge.model_copy(update={"baseline": "champion"}),
        "sampling": config.sampling.model_copy(update=asked),
    }
    if dataset is not None:
        changes["dataset"] = config.dataset.model_copy(update={"path": dataset})
    return config.model_copy(update=changes)


def _check_comparable(store: Store, current: Champion, experiment: Experiment) -> None:
    """Before money is spent on pictures that pair with none of the champion's."""
    rows = read_table(store, "epochs", current.experiment_id, columns=["epoch", "eval_set_id"]).to_pylist()
    [theirs] = [row["eval_set_id"] for row in rows if row["epoch"] == current.epoch]
    if theirs != experiment.evaluation.eval_set_id:
        raise BadInputError(
            f"line {experiment.line}: {current.reference} was measured by another evaluation set than this version of "
            "pixelpipe uses, so nothing can be compared with it; run its configuration again and make that the champion"
        )


def _unanswered(store: Store, experiment: Experiment, code: str) -> tuple[Experiment | None, str | None]:
    """(the first repetition that no run of this code has finished, None), or (None, the one that such a run has)."""
    repetition = 0
    while True:
        candidate = replace(experiment, repetition=repetition)
        if not finished_status(store, candidate.experiment_id):
            return candidate, None
        if recorded_code(store, candidate.experiment_id) in (None, code):
            return None, candidate.experiment_id
        repetition += 1
