"""The DuckDB file of an analyst shows what `pixelpipe query` shows."""

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from pixelpipe.errors import BadInputError
from pixelpipe.lines import champion, move_champion
from pixelpipe.pipeline.override import record_override
from pixelpipe.results import query
from pixelpipe.results.analyst import ROW, write_copy, write_views
from pixelpipe.results.compaction import compact
from pixelpipe.results.reader import read_table
from pixelpipe.results.schemas import SCHEMAS
from pixelpipe.results.views import view_names
from pixelpipe.store import Store
from tests.results.conftest import FIRST, Results


def _ask(file: Path, sql: str) -> pa.Table:
    with duckdb.connect(str(file), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.sql(sql).to_arrow_table()


def _same(file: Path, store: Store) -> None:
    for name in view_names():
        found, wanted = _ask(file, f"FROM {name}"), query.run(store, f"FROM {name}")
        rows = [sorted(map(repr, table.select(wanted.column_names).to_pylist())) for table in (found, wanted)]
        assert rows[0] == rows[1], name


@pytest.fixture
def awkward(tmp_path: Path) -> Results:
    """In a folder whose name SQL and patterns have other plans with."""
    return Results(Store.open(tmp_path / "o'ne [two] *"))


def test_tables_without_rows_are_views_without_rows(awkward: Results, tmp_path: Path):
    awkward.status(FIRST, "running")
    write_views(awkward.store, tmp_path / "views.duckdb")
    write_copy(awkward.store, tmp_path / "copy.duckdb")
    for file in ("views.duckdb", "copy.duckdb"):
        _same(tmp_path / file, awkward.store)


def test_a_store_that_is_not_there_is_not_made(awkward: Results, tmp_path: Path):
    with pytest.raises(BadInputError, match="must have results but has none"):
        write_views(awkward.store, tmp_path / "views.duckdb")
    assert list(tmp_path.iterdir()) == []


def test_views_stay_up_to_date_and_a_copy_does_not(awkward: Results, tmp_path: Path):
    awkward.fill()
    write_views(awkward.store, tmp_path / "views.duckdb")
    write_copy(awkward.store, tmp_path / "copy.duckdb")
    _same(tmp_path / "views.duckdb", awkward.store)
    _same(tmp_path / "copy.duckdb", awkward.store)
    awkward.commit(FIRST, 1, attempt=2)
    awkward.commit(FIRST, 4)
    awkward.status(FIRST, "abandoned")
    _same(tmp_path / "views.duckdb", awkward.store)
    compact(awkward.store, min_files=2, settle_s=0)
    _same(tmp_path / "views.duckdb", awkward.store)
    assert _ask(tmp_path / "copy.duckdb", "FROM epochs").num_rows == 4


def test_a_row_that_a_folder_has_twice_is_one_row(awkward: Results, tmp_path: Path):
    """As in the moment between a compaction's catalog and its removals."""
    awkward.fill()
    write_views(awkward.store, tmp_path / "views.duckdb")
    small = {key: awkward.store.read(key) for key in awkward.store.list("results") if FIRST in key}
    compact(awkward.store, min_files=2, settle_s=0)
    for key, data in small.items():
        awkward.store.put(key, data)
    _same(tmp_path / "views.duckdb", awkward.store)


@pytest.mark.parametrize("table", SCHEMAS)
def test_a_row_is_known_by_its_key(table: str, painted: Store):
    rows = read_table(painted, table).to_pylist()
    assert len({tuple(row[name] for name in ROW[table]) for row in rows}) == len(rows)
    assert rows or table in ("confirmations", "votes")  # nobody was asked, and nobody voted


def test_champions_are_those_of_the_lines(painted: Store, tmp_path: Path):
    write_views(painted, tmp_path / "views.duckdb")
    columns = "line, sequence, experiment_id, epoch, set_by, is_current"
    sql = f"SELECT {columns} FROM champions ORDER BY sequence"
    assert _ask(tmp_path / "views.duckdb", sql).to_pylist() == query.run(painted, sql).to_pylist() != []
    one = champion(painted, "art-24")
    assert one is not None
    moved = move_champion(
        painted, "art-24", after=one.sequence, experiment_id=one.experiment_id, epoch=1, reason="mine", set_by="Ada"
    )
    assert moved is not None
    record_override(painted, moved)
    found = _ask(tmp_path / "views.duckdb", sql).to_pylist()
    assert found == query.run(painted, sql).to_pylist()
    assert [(row["set_by"], row["is_current"]) for row in found] == [("rule", False), ("Ada", True)]


def test_columns_say_what_they_mean(awkward: Results, tmp_path: Path):
    awkward.status(FIRST, "running")
    write_views(awkward.store, tmp_path / "views.duckdb")
    sql = "SELECT comment FROM duckdb_columns() WHERE table_name = 'costs' AND column_name = 'cost_usd'"
    assert _ask(tmp_path / "views.duckdb", sql).to_pylist() == [{"comment": "[USD] All its committed epochs."}]


def test_object_stores_are_copied(tmp_path: Path, make_records: Any):
    store = Store.open(f"memory://{tmp_path.name}-analyst")
    Results(store).fill()
    with pytest.raises(BadInputError, match="must be a folder for views that stay up to date"):
        write_views(store, tmp_path / "views.duckdb")
    write_copy(store, tmp_path / "copy.duckdb")
    _same(tmp_path / "copy.duckdb", store)
