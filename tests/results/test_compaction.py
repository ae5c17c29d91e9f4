"""Compacting changes what lies in the store, and nothing that anybody reads."""

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

import pixelpipe.results.compaction as compaction
from pixelpipe.cli.verdicts import say_outcome
from pixelpipe.keys import compaction_key
from pixelpipe.pipeline.outcome import Outcome
from pixelpipe.results import query
from pixelpipe.results.catalog import Catalog, consistently, read_catalog
from pixelpipe.results.compaction import compact
from pixelpipe.results.reader import latest_status, list_experiments, read_table
from pixelpipe.results.schemas import PER_EPOCH, SCHEMAS
from pixelpipe.results.writer import committed_epochs, discard_uncommitted
from pixelpipe.store import Store
from tests.results.conftest import FIRST, SECOND, START, Results


def _rows(store: Store) -> dict[str, list[dict[str, Any]]]:
    return {table: read_table(store, table).to_pylist() for table in SCHEMAS}


def _squeeze(store: Store) -> list[compaction.TableCompaction]:
    return compact(store, min_files=2, settle_s=0)


def _small_files(store: Store, table: str) -> list[str]:
    return [key for key in store.list(f"results/v1/{table}") if "/compacted/" not in key and "(columns)" not in key]


def test_readers_see_the_same_rows_in_few_files(store: Store, results: Results):
    results.fill()
    before = _rows(store)
    listed, views = list_experiments(store), {name: query.run(store, f"FROM {name}") for name in query.view_names()}
    done = {each.table: each for each in _squeeze(store)}
    assert _rows(store) == before
    assert list_experiments(store) == listed
    for name, rows in views.items():  # DuckDB reads files in parallel: without ORDER BY, rows come in any order
        assert sorted(query.run(store, f"FROM {name}").to_pylist(), key=repr) == sorted(rows.to_pylist(), key=repr)
    assert {table: each.num_rows for table, each in done.items()} == {t: len(rows) for t, rows in before.items()}
    assert {table for table in SCHEMAS if _small_files(store, table)} == {"samples"}, "an epoch that is not committed"
    assert _squeeze(store) == []


def test_a_person_is_sent_to_the_folder_that_has_the_rows(
    store: Store, results: Results, capsys: pytest.CaptureFixture[str]
):
    results.fill()
    outcome = Outcome(FIRST, "promoted", "better", "It is better.", 3)

    def said() -> str:
        say_outcome(store, outcome)
        return capsys.readouterr().out.splitlines()[-1]

    assert said() == f"  Parquet:       {store.uri(f'results/v1/samples/{FIRST}')}"
    _squeeze(store)
    assert said() == f"  Parquet:       {store.uri('results/v1/samples')}"
    assert FIRST in pd.read_parquet(store.uri("results/v1/samples"))["experiment_id"].to_numpy()
    store.delete_tree("results")
    assert said() == "  It is better."


def test_life_goes_on_after_it(store: Store, results: Results):
    results.fill()
    _squeeze(store)
    assert committed_epochs(store, FIRST) == {1: 1, 2: 1, 3: 1}
    results.commit(FIRST, 4)
    assert results.status(FIRST, "promoted").endswith("/0002-promoted.parquet")
    status = latest_status(store, FIRST)
    assert status is not None
    assert (status["status"], status["sequence"]) == ("promoted", 2)
    assert discard_uncommitted(store, SECOND, 9) == [f"results/v1/samples/{SECOND}/epoch-02-1.parquet"]
    assert read_table(store, "epochs", FIRST, columns=["epoch"])["epoch"].to_pylist() == [1, 2, 3, 4]
    before = _rows(store)
    _squeeze(store)
    assert _rows(store) == before
    assert len(store.list("results/v1/samples/compacted")) == 1, "small compactions are merged"
    assert store.list("results/v1/compactions") == ["results/v1/compactions/000002.json"]


def test_an_attempt_that_commits_again_supersedes_compacted_rows(store: Store, results: Results):
    results.commit(FIRST, 1, attempt=1)
    results.commit(FIRST, 2, attempt=1)
    _squeeze(store)
    results.commit(FIRST, 1, attempt=2)
    for _ in range(2):
        for table in PER_EPOCH:
            found = {(row["epoch"], row["attempt"]) for row in read_table(store, table).to_pylist()}
            assert found == {(1, 2), (2, 1)}
        assert query.run(store, "SELECT DISTINCT epoch, attempt FROM samples ORDER BY 1").num_rows == 2
        _squeeze(store)
    assert _small_files(store, "samples") == []


def test_a_superseded_attempt_is_removed(local: Store):
    results = Results(local)
    results.commit(FIRST, 1, attempt=1)
    results.commit(FIRST, 1, attempt=2)
    before = _rows(local)
    _squeeze(local)
    assert _rows(local) == before
    assert len(pq.read_table(local.local_path("results/v1/samples"))) == 2


def test_full_files_are_left_alone(store: Store, results: Results, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(compaction, "FULL_BYTES", 1)
    results.fill()
    _squeeze(store)
    first = store.list("results/v1/samples/compacted")
    for epoch in (4, 5):
        results.commit(FIRST, epoch)
    before = _rows(store)
    _squeeze(store)
    assert _rows(store) == before
    assert set(first) < set(store.list("results/v1/samples/compacted"))


def test_rows_that_do_not_fit_into_memory_at_once_become_several_files(
    store: Store, results: Results, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(compaction, "IN_MEMORY_BYTES", 1)
    monkeypatch.setattr(compaction, "READ_AT_ONCE", 2)
    results.fill()
    before = _rows(store)
    done = {each.table: each.num_compacted for each in _squeeze(store)}
    assert done["samples"] == 2
    assert _rows(store) == before


def test_a_dry_run_says_and_does_nothing(store: Store, results: Results):
    results.fill()
    before = store.list()
    assert {each.table: each.num_files for each in compact(store, min_files=3, dry_run=True)} == {
        "samples": 4,
        "confirmations": 4,
        "decisions": 4,
        "epochs": 4,
        "experiments": 3,
    }
    assert store.list() == before


@pytest.mark.parametrize("moment", ["before the catalog", "before the removal", "in the removal"])
def test_killed_anywhere_it_leaves_the_rows_as_they_were(
    store: Store, results: Results, monkeypatch: pytest.MonkeyPatch, moment: str
):
    results.fill()
    before = _rows(store)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if moment == "before the catalog":
            patch.setattr(compaction, "_next", die)
        elif moment == "before the removal":
            patch.setattr(compaction.time, "sleep", die)
        else:
            patch.setattr(Store, "delete_many", lambda self, keys: [self.delete(key) for key in keys[:5]] and die())
        with pytest.raises(KeyboardInterrupt):
            _squeeze(store)
    assert _rows(store) == before
    results.commit(FIRST, 4)
    before = _rows(store)
    _squeeze(store)
    assert _rows(store) == before
    counted = {file.key for files in read_catalog(store).files.values() for file in files}
    assert {key for key in store.list("results/v1") if "/compacted/" in key} == counted, (
        "nothing is left of the dead one"
    )


def test_of_two_compactions_one_wins(store: Store, results: Results, monkeypatch: pytest.MonkeyPatch):
    results.fill()
    before, real = _rows(store), compaction._next

    def overtaken(*arguments: Any) -> Catalog:
        monkeypatch.setattr(compaction, "_next", real)
        assert _squeeze(store)
        return real(*arguments)

    monkeypatch.setattr(compaction, "_next", overtaken)
    assert _squeeze(store) == []
    assert _rows(store) == before
    assert store.list("results/v1/compactions") == [compaction_key(1)]
    assert len(store.list("results/v1/samples/compacted")) == 1


def test_a_reader_that_is_overtaken_begins_again(store: Store, results: Results):
    results.fill()
    asked = []

    def ask(catalog: Catalog) -> int:
        asked.append(catalog.sequence)
        if len(asked) == 1:
            _squeeze(store)
            raise FileNotFoundError  # what it was about to read
        return len(asked)

    assert consistently(store, ask) == 2
    assert asked == [0, 1]
    with pytest.raises(ZeroDivisionError):
        consistently(store, lambda _: 1 // 0)


def test_readers_poll_while_it_is_compacted_and_written(local: Store):
    """Every answer has whole epochs, each once, and never fewer than the one before."""
    results = Results(local)
    results.fill()
    stop, problems, counts = threading.Event(), [], []

    def poll() -> None:
        newest = 0
        while not stop.is_set():
            try:
                rows = query.run(local, "SELECT experiment_id, epoch, count(*) AS n FROM samples GROUP BY ALL")
                if set(rows["n"].to_pylist()) != {2} or len(rows) < newest:
                    problems.append(rows.to_pylist())
                newest = len(rows)
                counts.append(newest)
            except Exception as error:  # whatever it is, it is a failed read
                problems.append(error)

    readers = [threading.Thread(target=poll) for _ in range(2)]
    for reader in readers:
        reader.start()
    for epoch in range(4, 16):
        results.commit(FIRST, epoch)
        results.status(FIRST, "running", changed_at=START + timedelta(hours=epoch))
        _squeeze(local)
    stop.set()
    for reader in readers:
        reader.join()
    assert problems == []
    assert max(counts) > 4
    assert len(read_table(local, "epochs", FIRST)) == 15


def test_a_compacted_file_says_what_it_is(local: Store, tmp_path: Path):
    results = Results(local)
    results.fill()
    _squeeze(local)
    [key] = local.list("results/v1/samples/compacted")
    schema = pq.read_schema(local.local_path(key))
    assert schema.metadata[b"pixelpipe.schema_version"] == SCHEMAS["samples"].metadata[b"pixelpipe.schema_version"]
    assert schema.field("source_px").metadata[b"unit"] == b"px"
