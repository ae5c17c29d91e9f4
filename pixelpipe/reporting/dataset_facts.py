"""What is known of an experiment's sprites and captions, and what the lint found in the captions."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pixelpipe.reporting.trajectory import Row
from pixelpipe.results.reader import read_table
from pixelpipe.store import Store

MOST_TERMS = 12


@dataclass(frozen=True, slots=True)
class FlaggedTerm:
    """A word of the captions that their sprites cannot show, or do not."""

    term: str
    num_captions: int  # of training sprites
    rule: str
    reason: str
    words: str  # as one of the captions has it


@dataclass(frozen=True, slots=True)
class DatasetFacts:
    num_train: int
    num_validation: int
    num_near_duplicates: int  # sprites that nearly repeat another one
    strategies: tuple[str, ...]  # of the captions
    num_flagged_captions: int  # of training sprites, with words that their sprites cannot or do not show
    flagged_terms: tuple[FlaggedTerm, ...]  # the commonest first
    num_flagged_terms: int

    @property
    def num_sprites(self) -> int:
        return self.num_train + self.num_validation


def read_dataset_facts(store: Store, experiment_id: str) -> DatasetFacts | None:
    """None for what was trained elsewhere."""
    columns = ["split", "strategy", "near_duplicate_of", "num_findings", "findings_json"]
    rows = read_table(store, "captions", experiment_id, columns=columns).to_pylist()
    if not rows:
        return None
    flagged = _flagged_terms(rows)
    return DatasetFacts(
        num_train=sum(row["split"] == "train" for row in rows),
        num_validation=sum(row["split"] == "validation" for row in rows),
        num_near_duplicates=sum(row["near_duplicate_of"] is not None for row in rows),
        strategies=tuple(sorted({row["strategy"] for row in rows})),
        num_flagged_captions=sum(bool(row["num_findings"]) and row["split"] == "train" for row in rows),
        flagged_terms=flagged[:MOST_TERMS],
        num_flagged_terms=len(flagged),
    )


def _flagged_terms(rows: Sequence[Row]) -> tuple[FlaggedTerm, ...]:
    captions = [list(_findings(row)) for row in rows if row["split"] == "train"]
    counts = Counter(term for findings in captions for term in {finding["term"] for finding in findings})
    first: dict[str, dict[str, Any]] = {}
    for finding in (finding for findings in captions for finding in findings):
        first.setdefault(finding["term"], finding)
    ranked = sorted(counts, key=lambda term: (-counts[term], term))
    return tuple(_flagged(first[term], counts[term]) for term in ranked)


def _findings(row: Row) -> Iterator[dict[str, Any]]:
    yield from json.loads(row["findings_json"]) if row["findings_json"] else ()


def _flagged(finding: dict[str, Any], count: int) -> FlaggedTerm:
    return FlaggedTerm(finding["term"], count, finding["rule"], finding["reason"], finding["words"])
