import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pixelpipe import __version__
from pixelpipe.errors import AlreadyExistsError
from pixelpipe.results.schemas import SCHEMAS
from pixelpipe.results.writer import committed_epochs, discard_uncommitted, table_of, write_rows
from pixelpipe.store import Store

ONE = "512px-1a2b3c4d"


def test_the_file_says_where_it_comes_from(store: Store, results: Any):
    key = results.write("samples", ONE, 3, attempt=2)
    assert key == f"results/v1/samples/{ONE}/epoch-03-2.parquet"
    file = pq.ParquetFile(io.BytesIO(store.read(key)))
    metadata = file.schema_arrow.metadata
    assert metadata[b"experiment_id"] == ONE.encode()
    assert metadata[b"epoch"] == b"3"
    assert metadata[b"attempt"] == b"2"
    assert metadata[b"pixelpipe_version"] == __version__.encode()
    assert metadata[b"pixelpipe.schema_version"] == b"3"
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    assert file.schema_arrow.field("source_px").metadata[b"unit"] == b"px"


def test_the_footer_has_the_hashes_that_all_rows_share(store: Store, results: Any):
    """And of the others none: a footer must not say of one row what is true of another."""
    same = {"dataset_hash": "d" * 64, "captions_hash": "c" * 64, "config_hash": "f" * 64, "line": "art-24"}
    key = results.write("samples", ONE, 1, count=3, **same)
    metadata = pq.read_schema(pa.BufferReader(store.read(key))).metadata
    assert {name: metadata[name.encode()].decode() for name in same} == same
    assert b"base_hash" not in metadata
    assert b"checkpoint_hash" not in metadata


def test_a_file_is_written_once(results: Any):
    results.write("samples", ONE, 1)
    with pytest.raises(AlreadyExistsError):
        results.write("samples", ONE, 1)


def test_rows_are_cast_and_put_in_order(store: Store, make_records: Any):
    rows = table_of("samples", make_records("samples", 2, experiment_id=ONE, epoch=1, attempt=1))
    loose = rows.set_column(rows.schema.get_field_index("epoch"), "epoch", rows["epoch"].cast(pa.int64()))
    shuffled = loose.select(sorted(loose.column_names))
    key = write_rows(store, "samples", ONE, "epoch-01-1", shuffled)
    written = pq.read_table(pa.BufferReader(store.read(key)))
    assert written.schema.equals(SCHEMAS["samples"])
    assert written.to_pylist() == rows.to_pylist()


@pytest.mark.parametrize("table", SCHEMAS)
def test_absent_unknown_and_repeated_columns_are_bugs(store: Store, make_records: Any, table: str):
    rows = table_of(table, make_records(table, 1, experiment_id=ONE, epoch=1, attempt=1))
    wrong = {
        "absent": rows.drop_columns(["line"]),
        "unknown": rows.append_column("surprise", pa.array([1])),
        "repeated": rows.append_column("line", rows["line"]),
    }
    for word, bad in wrong.items():
        with pytest.raises(AssertionError, match=word):
            write_rows(store, table, ONE, "epoch-01-1", bad)
    record = make_records(table, 1)[0]
    with pytest.raises(AssertionError, match="unknown"):
        table_of(table, [{**record, "surprise": 1}])
    del record["line"]
    with pytest.raises(AssertionError, match="absent"):
        table_of(table, [record])
    assert store.list() == []


def test_nulls_stand_only_where_they_may(store: Store, make_records: Any):
    record = make_records("samples", 1, experiment_id=ONE, epoch=1, attempt=1)[0]
    with pytest.raises(AssertionError, match=r"must not be null: \['prompt'\]"):
        write_rows(store, "samples", ONE, "epoch-01-1", table_of("samples", [{**record, "prompt": None}]))
    gates = {name: None for name in record if name.startswith("clean")}
    write_rows(store, "samples", ONE, "epoch-01-1", table_of("samples", [{**record, **gates}]))


@pytest.mark.parametrize("change", [{"experiment_id": "other-1a2b3c4d"}, {"epoch": 2}, {"attempt": 2}])
def test_rows_of_another_file_are_bugs(store: Store, make_records: Any, change: dict[str, Any]):
    values = {"experiment_id": ONE, "epoch": 1, "attempt": 1, **change}
    with pytest.raises(AssertionError, match=next(iter(change))):
        write_rows(store, "samples", ONE, "epoch-01-1", table_of("samples", make_records("samples", 2, **values)))


def test_a_per_epoch_file_is_named_by_its_epoch(store: Store, make_records: Any):
    rows = table_of("samples", make_records("samples", 1, experiment_id=ONE, epoch=1, attempt=1))
    with pytest.raises(AssertionError, match="named by epoch and attempt"):
        write_rows(store, "samples", ONE, "latest", rows)


def test_status_changes_are_numbered(results: Any):
    keys = [results.status(ONE, status) for status in ("running", "failed", "running", "promoted")]
    assert [key.rsplit("/", 1)[1] for key in keys] == [
        "0001-running.parquet",
        "0002-failed.parquet",
        "0003-running.parquet",
        "0004-promoted.parquet",
    ]


def test_committed_epochs_are_the_latest_attempts(store: Store, results: Any):
    for epoch, attempt in ((2, 2), (1, 1), (2, 10), (10, 3)):
        results.write("epochs", ONE, epoch, attempt, count=1)
    results.write("samples", ONE, 11)
    assert committed_epochs(store, ONE) == {1: 1, 2: 10, 10: 3}
    assert list(committed_epochs(store, ONE)) == [1, 2, 10]
    assert committed_epochs(store, "unknown-1a2b3c4d") == {}


def test_discard_removes_what_never_came_to_exist_and_nothing_else(store: Store, results: Any):
    results.commit(ONE, 1, 1)
    results.commit(ONE, 2, 1)
    results.captions(ONE)
    results.status(ONE, "running")
    results.commit("other-1a2b3c4d", 1, 1)
    results.write("samples", "other-1a2b3c4d", 2)
    kept = store.list()
    uncommitted = [
        results.write(table, ONE, epoch, attempt)
        for table in ("samples", "confirmations", "decisions")
        for epoch, attempt in ((2, 2), (3, 1), (3, 2), (4, 2))
    ]
    assert sorted(discard_uncommitted(store, ONE, 9)) == sorted(uncommitted)
    assert store.list() == kept
    assert discard_uncommitted(store, ONE, 9) == []
    assert discard_uncommitted(store, "unknown-1a2b3c4d", 9) == []
