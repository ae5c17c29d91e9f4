"""Rows for any table, made from its schema, so that no column can be forgotten."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pixelpipe.keys import epoch_stem
from pixelpipe.results.schemas import PER_EPOCH, SCHEMAS
from pixelpipe.results.writer import append_status, table_of, write_rows
from pixelpipe.store import Store

FIRST = "512px-1a2b3c4d"
SECOND = "256px-5e6f7a8b"
START = datetime(2026, 11, 22, 12, tzinfo=UTC)


def _value(field: pa.Field, number: int) -> Any:
    """A value of the column's type that differs from row to row."""
    kind = field.type
    if pa.types.is_boolean(kind):
        return number % 2 == 0
    if pa.types.is_integer(kind):
        return number + 1
    if pa.types.is_floating(kind):
        return number + 0.25
    if pa.types.is_timestamp(kind):
        return START + timedelta(microseconds=number)
    if pa.types.is_binary(kind):
        return f"{field.name} {number}".encode()
    assert pa.types.is_string(kind), kind
    return f"{field.name} {number}"


def records(table: str, count: int = 1, **values: Any) -> list[dict[str, Any]]:
    names = set(SCHEMAS[table].names)
    fixed = {name: value for name, value in values.items() if name in names}
    return [{**{field.name: _value(field, number) for field in SCHEMAS[table]}, **fixed} for number in range(count)]


class Results:
    """Writes made-up rows to a store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def write(self, table: str, experiment_id: str, epoch: int, attempt: int = 1, count: int = 2, **values: Any) -> str:
        rows = records(table, count, experiment_id=experiment_id, epoch=epoch, attempt=attempt, **values)
        return write_rows(self.store, table, experiment_id, epoch_stem(epoch, attempt), table_of(table, rows))

    def commit(self, experiment_id: str, epoch: int, attempt: int = 1, **values: Any) -> None:
        """A whole epoch, its `epochs` file last."""
        for table in PER_EPOCH:
            self.write(table, experiment_id, epoch, attempt, count=1 if table == "epochs" else 2, **values)

    def status(self, experiment_id: str, status: str, **values: Any) -> str:
        record = records("experiments", 1, experiment_id=experiment_id, status=status, **values)[0]
        del record["sequence"]
        return append_status(self.store, record)

    def captions(self, experiment_id: str, count: int = 3) -> str:
        rows = table_of("captions", records("captions", count, experiment_id=experiment_id))
        return write_rows(self.store, "captions", experiment_id, "captions", rows)

    def floors(self, experiment_id: str) -> str:
        rows = table_of("floors", records("floors", 2, experiment_id=experiment_id))
        return write_rows(self.store, "floors", experiment_id, "floor", rows)

    def votes(self, experiment_id: str) -> str:
        rows = table_of("votes", records("votes", 2, experiment_id=experiment_id, review_id=f"of {experiment_id}"))
        return write_rows(self.store, "votes", experiment_id, "review", rows)

    def fill(self) -> None:
        """Two experiments: three and one committed epochs, and leftovers of an epoch that never came to exist."""
        for epoch in (1, 2, 3):
            self.commit(FIRST, epoch)
        self.commit(SECOND, 1)
        self.write("samples", SECOND, 2)
        for experiment_id in (FIRST, SECOND):
            self.captions(experiment_id)
            self.floors(experiment_id)
            self.votes(experiment_id)
            self.status(experiment_id, "running")
        self.status(SECOND, "abandoned", changed_at=START + timedelta(hours=1))


@pytest.fixture
def make_records() -> Callable[..., list[dict[str, Any]]]:
    return records


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store" if request.param == "local" else f"memory://{tmp_path.name}-results")


@pytest.fixture
def local(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


@pytest.fixture
def results(store: Store) -> Results:
    return Results(store)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A local store with results, for tests that only read."""
    store = Store.open(tmp_path_factory.mktemp("filled") / "store")
    Results(store).fill()
    return store


@pytest.fixture
def painted(tmp_path: Path) -> Store:
    """A first baseline, promoted by the rule; written by schema version 1."""
    return Store.open(shutil.copytree(Path(__file__).parent / "previous_store", tmp_path / "painted"))
