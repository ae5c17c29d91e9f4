"""Votes of a blind review, from the file that its page saves to rows of the table `votes`."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from pixelpipe.config import content_id
from pixelpipe.config.yaml_file import REVIEW_PATTERN, describe_problem
from pixelpipe.errors import AlreadyExistsError, BadInputError
from pixelpipe.reporting.blind_review import Review, read_review
from pixelpipe.results.reader import latest_status, read_table
from pixelpipe.results.writer import table_of, write_rows
from pixelpipe.store import Store

MAX_BYTES = 10_000_000


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Vote(_Strict):
    pair: int = Field(ge=1, description="Place of the pair in the page, from 1.")
    choice: Literal["left", "right", "equal"]
    voted_at: AwareDatetime
    seconds: float = Field(ge=0, description="From seeing the pair to the vote.")


class Ballot(_Strict):
    """What the page saves."""

    review: str = Field(pattern=REVIEW_PATTERN)
    reviewer: str = Field(min_length=1, max_length=100)
    votes: tuple[Vote, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _votes_once(self) -> "Ballot":
        pairs = [vote.pair for vote in self.votes]
        if len(set(pairs)) < len(pairs):
            raise ValueError("`votes` must name every pair once")
        return self


@dataclass(frozen=True, slots=True)
class Imported:
    experiment_id: str
    reviewer: str
    num_stored: int
    num_known: int  # this reviewer's vote on the pair is there already: the first one counts


def read_ballot(path: Path) -> Ballot:
    """`BadInputError` with file and field for anything but what the page saves."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadInputError(f"{path}: must be the votes of a review but has more than {MAX_BYTES:,} bytes")
        return Ballot.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BadInputError(f"{path}: must be a file that can be read but: {error.strerror}") from None
    except ValidationError as error:
        problem = describe_problem(error.errors()[0])
        raise BadInputError(f"{path}: must be what the page of a review saves, but {problem}") from None


def store_votes(store: Store, ballot: Ballot) -> Imported:
    """Put the votes that are new; of two votes of one reviewer on one pair the first counts."""
    review = read_review(store, ballot.review)
    unknown = [vote.pair for vote in ballot.votes if vote.pair > len(review.pairs)]
    if unknown:
        raise BadInputError(f"`votes`: `pair` must be 1 to {len(review.pairs)}, as in the page, but is {unknown[0]}")
    change = latest_status(store, review.experiment_id)
    assert change is not None, f"{review.experiment_id} was there when it was put up for review"
    while True:
        known = _known_pairs(store, review, ballot.reviewer)
        records = [
            _record(change, review, ballot.reviewer, vote)
            for vote in ballot.votes
            if (review.pairs[vote.pair - 1].prompt_id, review.pairs[vote.pair - 1].seed) not in known
        ]
        imported = Imported(review.experiment_id, ballot.reviewer, len(records), len(ballot.votes) - len(records))
        if not records:
            return imported
        name = content_id([review.review_id, ballot.model_dump(mode="json"), len(records)])[:8]
        stem = f"{review.review_id}-{name}"
        try:
            write_rows(store, "votes", review.experiment_id, stem, table_of("votes", records))
        except AlreadyExistsError:
            continue  # another import of the same votes was faster: they are known now
        return imported


def _known_pairs(store: Store, review: Review, reviewer: str) -> set[tuple[str, int]]:
    rows = read_table(store, "votes", review.experiment_id).to_pylist()
    mine = [row for row in rows if (row["review_id"], row["reviewer"]) == (review.review_id, reviewer)]
    return {(row["prompt_id"], row["seed"]) for row in mine}


def _record(change: dict[str, Any], review: Review, reviewer: str, vote: Vote) -> dict[str, Any]:
    pair = review.pairs[vote.pair - 1]
    lineage = ("experiment_id", "line", "dataset_hash", "captions_hash", "config_hash", "base_hash")
    choice = vote.choice
    if choice != "equal":
        choice = "candidate" if choice == pair.candidate_side else "baseline"
    return {
        **{name: change[name] for name in lineage},
        "epoch": review.epoch,
        "review_id": review.review_id,
        "reviewer": reviewer,
        "prompt_id": pair.prompt_id,
        "prompt": pair.prompt,
        "seed": pair.seed,
        "baseline": f"{review.baseline_id}@{review.baseline_epoch}",
        "candidate_side": pair.candidate_side,
        "choice": choice,
        "seconds": vote.seconds,
        "voted_at": vote.voted_at.astimezone(UTC),
        "imported_at": datetime.now(UTC),
    }
