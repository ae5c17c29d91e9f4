from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from pixelpipe.errors import BadInputError
from pixelpipe.keys import epoch_stem
from pixelpipe.results.catalog import read_catalog
from pixelpipe.results.reader import (
    latest_attempts,
    latest_status,
    list_experiments,
    open_dataset,
    read_table,
)
from pixelpipe.results.schemas import PER_EPOCH, SCHEMAS
from pixelpipe.results.writer import table_of, write_rows
from pixelpipe.store import Store

ONE, TWO = "512px-1a2b3c4d", "256px-5e6f7a8b"


@pytest.mark.parametrize("table", SCHEMAS)
def test_every_table_round_trips(store: Store, results: Any, make_records: Any, table: str):
    results.commit(ONE, 1)
    for key in store.list(f"results/v1/{table}"):
        store.delete(key)
    rows = table_of(table, make_records(table, 4, experiment_id=ONE, epoch=1, attempt=1))
    write_rows(store, table, ONE, "epoch-01-1", rows)
    read = read_table(store, table)
    assert read.to_pylist() == rows.to_pylist()
    assert read.schema.names == SCHEMAS[table].names
    assert read.schema.types == SCHEMAS[table].types


@pytest.mark.parametrize("table", SCHEMAS)
def test_every_table_round_trips_nulls(store: Store, results: Any, make_records: Any, table: str):
    results.write("epochs", ONE, 1, count=1) if table != "epochs" else None
    nulls = {field.name: None for field in SCHEMAS[table] if field.nullable}
    rows = table_of(table, make_records(table, 2, experiment_id=ONE, epoch=1, attempt=1, **nulls))
    write_rows(store, table, ONE, "epoch-01-1", rows)
    assert read_table(store, table).to_pylist() == rows.to_pylist()


@pytest.mark.parametrize("table", SCHEMAS)
def test_nothing_reads_as_no_rows(store: Store, table: str):
    read = read_table(store, table)
    assert len(read) == 0
    assert read.schema.names == SCHEMAS[table].names
    assert len(read_table(store, table, "unknown-1a2b3c4d")) == 0


def test_an_epoch_exists_once_its_epochs_file_does(store: Store, results: Any):
    for table in ("samples", "confirmations", "decisions"):
        results.write(table, ONE, 1)
        assert len(read_table(store, table)) == 0
    results.write("epochs", ONE, 1, count=1)
    for table in ("samples", "confirmations", "decisions"):
        assert len(read_table(store, table)) == 2


def test_an_epoch_is_read_once_from_its_latest_committed_attempt(store: Store, results: Any):
    results.commit(ONE, 1, attempt=1)
    results.commit(ONE, 1, attempt=2)
    results.write("samples", ONE, 1, attempt=3)  # not committed
    for table in PER_EPOCH:
        assert set(read_table(store, table)["attempt"].to_pylist()) == {2}
    assert len(read_table(store, "samples")) == 2


def test_attempts_are_counted_not_spelled(store: Store, results: Any):
    results.commit(ONE, 1, attempt=9)
    results.commit(ONE, 1, attempt=10)
    assert read_table(store, "epochs")["attempt"].to_pylist() == [10]


def test_an_epoch_may_have_several_files(store: Store, results: Any, make_records: Any):
    for role in ("candidate", "baseline"):
        values = {"experiment_id": ONE, "epoch": 1, "attempt": 1, "role": role}
        rows = table_of("confirmations", make_records("confirmations", 2, **values))
        write_rows(store, "confirmations", ONE, epoch_stem(1, 1, role), rows)
    assert len(read_table(store, "confirmations")) == 0
    results.write("epochs", ONE, 1, count=1)
    assert read_table(store, "confirmations")["role"].to_pylist() == ["baseline"] * 2 + ["candidate"] * 2


def test_tables_opened_with_one_commit_agree(store: Store, results: Any):
    results.commit(ONE, 1)
    catalog = read_catalog(store)
    committed = latest_attempts(store, catalog)
    results.commit(ONE, 2)
    for table in PER_EPOCH:
        rows = open_dataset(store, catalog, table, committed=committed).to_table()
        assert set(rows["epoch"].to_pylist()) == {1}


def test_one_experiment_can_be_read_alone(store: Store, results: Any):
    results.commit(ONE, 1)
    results.commit(TWO, 1)
    assert set(read_table(store, "samples", ONE)["experiment_id"].to_pylist()) == {ONE}
    assert len(read_table(store, "samples")) == 4


def test_rows_come_by_experiment_and_epoch(store: Store, results: Any):
    for epoch in (100, 2, 11, 1, 99):
        results.commit(ONE, epoch)
    results.commit(TWO, 1)
    read = read_table(store, "epochs")
    assert read["epoch"].to_pylist() == [1, 1, 2, 11, 99, 100]
    assert read["experiment_id"].to_pylist() == [TWO, ONE, ONE, ONE, ONE, ONE]


def test_columns_can_be_chosen(store: Store, results: Any):
    results.commit(ONE, 1)
    assert read_table(store, "samples", columns=["epoch", "seed"]).column_names == ["epoch", "seed"]
    assert read_table(store, "samples", TWO, columns=["epoch"]).column_names == ["epoch"]


def test_columns_of_other_versions_are_tolerated(store: Store, results: Any, make_records: Any, tmp_path: Path):
    results.commit(ONE, 1)
    newer = table_of("epochs", make_records("epochs", 1, experiment_id=ONE, epoch=2, attempt=1))
    newer = newer.append_column("peak_memory_gb", pa.array([7.5]))
    older = table_of("epochs", make_records("epochs", 1, experiment_id=ONE, epoch=3, attempt=1))
    older = older.drop_columns(["resolution"])
    for epoch, rows in ((2, newer), (3, older)):
        pq.write_table(rows, tmp_path / "rows.parquet")
        store.put_file(f"results/v1/epochs/{ONE}/epoch-{epoch:02d}-1.parquet", tmp_path / "rows.parquet")
    read = read_table(store, "epochs")
    assert read.column_names == [*SCHEMAS["epochs"].names, "peak_memory_gb"]
    assert read["peak_memory_gb"].to_pylist() == [None, 7.5, None]
    assert read["resolution"].to_pylist() == [1, 1, None]


def test_a_damaged_file_is_one_line(store: Store):
    store.put(f"results/v1/epochs/{ONE}/epoch-01-1.parquet", b"not Parquet at all")
    with pytest.raises(BadInputError, match=r"epoch-01-1\.parquet: must be a Parquet file but: ") as caught:
        read_table(store, "epochs")
    assert "\n" not in str(caught.value)


def test_foreign_files_are_ignored(store: Store, results: Any):
    results.commit(ONE, 1)
    store.put(f"results/v1/samples/{ONE}/notes.txt", b"")
    store.put(f"results/v1/samples/{ONE}/copy of epoch-01-1.parquet", b"")
    assert len(read_table(store, "samples")) == 2


def test_the_latest_status_is_the_last_change(store: Store, results: Any):
    assert latest_status(store, ONE) is None
    for number in range(11):
        results.status(ONE, "running" if number % 2 == 0 else "failed")
    results.status(ONE, "promoted")
    status = latest_status(store, ONE)
    assert status is not None
    assert (status["status"], status["sequence"]) == ("promoted", 12)


def test_the_list_has_one_row_an_experiment_latest_first(filled: Store):
    rows = list_experiments(filled)
    assert [row["experiment_id"] for row in rows] == [TWO, ONE]
    assert [row["status"] for row in rows] == ["abandoned", "running"]
    assert [row["epochs"] for row in rows] == [1, 3]
    assert [row["cost_usd"] for row in rows] == [pytest.approx(0.25), pytest.approx(0.75)]
    assert rows[0]["median_effective_colors"] == pytest.approx(0.25)


def test_an_experiment_without_epochs_is_listed(store: Store, results: Any):
    results.status(ONE, "running")
    (row,) = list_experiments(store)
    assert (row["epochs"], row["cost_usd"], row["clean_rate"]) == (0, 0, None)
    assert list_experiments(Store.open("memory://nothing-here")) == []


@pytest.mark.parametrize("table", SCHEMAS)
def test_pandas_and_pyarrow_read_a_results_folder(filled: Store, table: str):
    folder = filled.local_path(f"results/v1/{table}")
    frame = pd.read_parquet(folder)
    dataset = ds.dataset(folder).to_table()
    assert len(frame) == len(dataset) >= len(read_table(filled, table)) > 0
    assert list(frame.columns) == SCHEMAS[table].names
    if "epoch" in frame.columns:
        assert frame["epoch"].dtype == "int32"


def test_pandas_reads_one_experiment(filled: Store):
    frame = pd.read_parquet(filled.local_path(f"results/v1/epochs/{ONE}"))
    assert sorted(frame["epoch"]) == [1, 2, 3]
