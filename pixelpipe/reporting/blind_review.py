"""A blind review: pairs of sprites, candidate and baseline, in random order and on random sides.

Who stands where is kept in the store (`reviews/<id>.json`); the page that is looked at does not know it.
"""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from pixelpipe.errors import BadInputError
from pixelpipe.keys import review_key
from pixelpipe.reporting.description import Description
from pixelpipe.reporting.trajectory import EpochFacts
from pixelpipe.results.reader import read_table
from pixelpipe.store import Store

Side = Literal["left", "right"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ReviewPair(_Frozen):
    """One pair, at its place in the order of the page."""

    prompt_id: str
    prompt: str
    seed: int
    candidate_side: Side


class Review(_Frozen):
    """What the page does not say."""

    review_id: str
    experiment_id: str
    epoch: int
    baseline_id: str
    baseline_epoch: int
    created_at: datetime
    pairs: tuple[ReviewPair, ...]


def make_review(
    store: Store, description: Description, epoch: int | None, num_pairs: int, generator: np.random.Generator
) -> tuple[Review, list[tuple[bytes, bytes]]]:
    """The review, put into the store, and the sprites of its pairs, (left, right) as PNG.

    `epoch` None: the last. `BadInputError` where there is nothing to put side by side.
    """
    facts, theirs = _compared(description, epoch)
    baseline_id = description.baseline.experiment_id if description.baseline else None
    assert baseline_id is not None, "what an epoch was compared with is an epoch of the baseline"
    ours, others = _sprites(store, description.experiment_id, facts.epoch), _sprites(store, baseline_id, theirs.epoch)
    shared = [key for key in ours if key in others]
    if not shared:
        raise BadInputError(
            f"{description.experiment_id}: must share prompts and seeds with {baseline_id} but has none of them"
        )
    chosen = [shared[index] for index in generator.permutation(len(shared))[:num_pairs]]
    sides: list[Side] = ["left" if heads else "right" for heads in generator.random(len(chosen)) < 0.5]
    review = Review(
        review_id=secrets.token_hex(4),
        experiment_id=description.experiment_id,
        epoch=facts.epoch,
        baseline_id=baseline_id,
        baseline_epoch=theirs.epoch,
        created_at=datetime.now(UTC),
        pairs=tuple(
            ReviewPair(prompt_id=key[0], prompt=ours[key]["prompt"], seed=key[1], candidate_side=side)
            for key, side in zip(chosen, sides, strict=True)
        ),
    )
    store.put(review_key(review.review_id), review.model_dump_json(indent=1).encode())
    pictures = [(ours[key]["sprite_png"], others[key]["sprite_png"]) for key in chosen]
    return review, [both if side == "left" else both[::-1] for both, side in zip(pictures, sides, strict=True)]


def read_review(store: Store, review_id: str) -> Review:
    """`BadInputError` for a review that the store does not know."""
    key = review_key(review_id)
    if not store.exists(key):
        raise BadInputError(f"`review` must be a review of the store {store.url} but is {review_id!r}")
    return Review.model_validate_json(store.read(key))


def _compared(description: Description, epoch: int | None) -> tuple[EpochFacts, EpochFacts]:
    name = description.experiment_id
    if not description.epochs:
        raise BadInputError(f"{name}: must have an epoch to be reviewed but has none")
    facts = next((one for one in description.epochs if one.epoch == (epoch or description.epochs[-1].epoch)), None)
    if facts is None:
        known = ", ".join(str(one.epoch) for one in description.epochs)
        raise BadInputError(f"--epoch must be one of {known}, the epochs of {name}, but is {epoch}")
    theirs = description.baseline_of(facts)
    if theirs is None:
        raise BadInputError(f"{name}: epoch {facts.epoch} must have been compared with a baseline's epoch but was not")
    return facts, theirs


def _sprites(store: Store, experiment_id: str, epoch: int) -> Mapping[tuple[str, int], Mapping[str, Any]]:
    columns = ["epoch", "prompt_id", "prompt", "seed", "sprite_png"]
    rows = read_table(store, "samples", experiment_id, columns=columns).to_pylist()
    return {(row["prompt_id"], row["seed"]): row for row in rows if row["epoch"] == epoch}
