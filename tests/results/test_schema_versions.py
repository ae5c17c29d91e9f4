"""A store that a previous schema wrote (version 1: `epochs` had no `gpu`), with a new experiment beside it."""

import shutil
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from pixelpipe.results import query
from pixelpipe.results.compaction import compact
from pixelpipe.results.reader import read_table
from pixelpipe.results.schemas import SCHEMA_VERSION, SCHEMAS
from pixelpipe.store import Store
from tests.results.conftest import FIRST, Results

PREVIOUS = "previous-22ab0dc0"


@pytest.fixture
def grown(tmp_path: Path) -> Store:
    shutil.copytree(Path(__file__).parent / "previous_store", tmp_path / "store")
    store = Store.open(tmp_path / "store")
    before = pq.read_schema(store.local_path(f"results/v1/epochs/{PREVIOUS}/epoch-01-1.parquet"))
    assert before.metadata[b"pixelpipe.schema_version"] == b"1" != SCHEMA_VERSION.encode()
    assert "gpu" not in before.names
    Results(store).commit(FIRST, 1, gpu="H100-80GB")
    return store


def _gpus(rows: Any) -> list[tuple[str, int, str | None]]:
    return sorted((row["experiment_id"], row["epoch"], row["gpu"]) for row in rows)


EXPECTED = [(FIRST, 1, "H100-80GB"), (PREVIOUS, 1, None), (PREVIOUS, 2, None)]


@pytest.mark.parametrize("compacted", [False, True])
def test_every_reader_has_the_new_column_and_the_old_rows(grown: Store, compacted: bool):
    if compacted:
        compact(grown, min_files=2, settle_s=0)
    folder = grown.local_path("results/v1/epochs")
    assert _gpus(read_table(grown, "epochs").to_pylist()) == EXPECTED
    assert _gpus(query.run(grown, "SELECT experiment_id, epoch, gpu FROM epochs").to_pylist()) == EXPECTED
    assert _gpus(ds.dataset(folder).to_table().to_pylist()) == EXPECTED
    frame = pd.read_parquet(folder)
    assert list(frame["experiment_id"][frame["gpu"] == "H100-80GB"]) == [FIRST]
    assert frame["gpu"].isna().sum() == 2
    assert _gpus(pl.scan_parquet(folder, missing_columns="insert").collect().to_dicts()) == EXPECTED
    sql = f"FROM read_parquet('{folder}/**/*.parquet', union_by_name = true)"
    assert _gpus(duckdb.sql(sql).to_arrow_table().to_pylist()) == EXPECTED


def test_the_previous_experiment_is_what_it_was(grown: Store):
    for table in SCHEMAS:
        rows = read_table(grown, table, PREVIOUS)
        for key in grown.list(f"results/v1/{table}/{PREVIOUS}"):
            for row in pq.read_table(grown.local_path(key)).to_pylist():
                assert any(row.items() <= read.items() for read in rows.to_pylist())
    [row] = query.run(grown, f"FROM leaderboard WHERE experiment_id = '{PREVIOUS}'").to_pylist()
    assert (row["status"], row["is_champion"], row["num_images"], row["rank"]) == ("promoted", True, 5, 1)
    [cost] = query.run(grown, f"FROM costs WHERE experiment_id = '{PREVIOUS}'").to_pylist()
    assert (cost["num_epochs"], cost["planned_epochs"], cost["gpu"]) == (2, 2, None)


def test_a_newer_version_that_writes_beside_us_keeps_its_columns(grown: Store, tmp_path: Path):
    from pixelpipe.results import writer

    rows = read_table(grown, "floors")
    newer = rows.append_column("a_column_of_tomorrow", [["x"] * len(rows)])
    grown.replace("results/v1/floors/(columns).parquet", writer.parquet(newer.schema.empty_table()))
    writer._shown.clear()
    Results(grown).floors(FIRST)
    names = pq.read_schema(grown.local_path("results/v1/floors/(columns).parquet")).names
    assert names[-1] == "a_column_of_tomorrow"
