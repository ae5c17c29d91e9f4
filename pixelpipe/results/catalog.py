"""Which files of `results/` count, when some have been compacted into few.

A compaction puts large files, then a new catalog, only if absent: from then on they count, and the files that went
into them (`covered`) do not, whether they are removed already or not. A reader takes the newest catalog, lists and
reads; if there is a newer one by then, files may have been removed under its hands, and it begins again. So readers
wait for nobody, and see every row once at any moment.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from pixelpipe.keys import COMPACTIONS, compaction_key, parse_epoch_stem, parse_results_key, results_prefix
from pixelpipe.store import Store

Stems = dict[str, dict[str, list[str]]]  # table -> experiment -> names of its files, without their suffix
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class CompactedFile:
    key: str
    num_rows: int
    num_bytes: int


@dataclass(frozen=True, slots=True)
class Catalog:
    """What compactions have done so far; an empty one for a store that was never compacted."""

    sequence: int = 0  # of the newest compaction
    files: dict[str, list[CompactedFile]] = field(default_factory=dict)  # by table
    covered: Stems = field(default_factory=dict)

    def epochs(self, experiment_id: str | None = None) -> list[tuple[str, int, int]]:
        """(experiment, epoch, attempt) of every `epochs` file that was compacted."""
        found = self.covered.get("epochs", {})
        chosen = found if experiment_id is None else {experiment_id: found.get(experiment_id, [])}
        parsed = ((each, parse_epoch_stem(stem)) for each, stems in chosen.items() for stem in stems)
        return [(each, *epoch) for each, epoch in parsed if epoch is not None]

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, data: bytes) -> "Catalog":
        values = json.loads(data)
        files = {table: [CompactedFile(**file) for file in files] for table, files in values["files"].items()}
        return cls(values["sequence"], files, values["covered"])


def read_catalog(store: Store) -> Catalog:
    """The newest; another compaction may remove one that was just listed, for a newer one."""
    while sequence := newest_sequence(store):
        try:
            return Catalog.from_json(store.read(compaction_key(sequence)))
        except FileNotFoundError:
            continue
    return Catalog()


def newest_sequence(store: Store) -> int:
    """0 for a store that was never compacted."""
    keys = [key for key in store.list(COMPACTIONS) if key.endswith(".json")]
    return int(keys[-1].rpartition("/")[2].removesuffix(".json")) if keys else 0


def consistently(store: Store, ask: Callable[[Catalog], _Answer]) -> _Answer:
    """What `ask` finds by the newest catalog; asked again if a compaction has overtaken it meanwhile.

    An error (a file that is gone, whatever the reading library makes of that) counts only if none has.
    """
    while True:
        catalog = read_catalog(store)
        error: Exception | None = None
        answer: Any = None
        try:
            answer = ask(catalog)
        except Exception as raised:  # raised again below
            error = raised
        if newest_sequence(store) == catalog.sequence:
            if error is not None:
                raise error
            return answer


def folder_of_rows(store: Store, table: str, experiment_id: str) -> str | None:
    """The folder that has an experiment's files: its own, the table's once some were compacted, None for no rows."""
    if read_catalog(store).covered.get(table, {}).get(experiment_id):
        return results_prefix(table)
    own = results_prefix(table, experiment_id)
    return own if store.list(own) else None


def uncompacted(store: Store, catalog: Catalog, table: str, experiment_id: str | None = None) -> list[str]:
    """Keys of a table's files that experiments wrote and that no compaction covers; committed or not."""
    found = ((key, parse_results_key(key)) for key in store.list(results_prefix(table, experiment_id)))
    covered = {each: frozenset(stems) for each, stems in catalog.covered.get(table, {}).items()}
    return [key for key, parsed in found if parsed and parsed[1] not in covered.get(parsed[0], frozenset())]
