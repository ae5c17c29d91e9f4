from pathlib import Path
from typing import Any

import pytest

from pixelpipe.errors import BadInputError
from pixelpipe.keys import epoch_stem
from pixelpipe.results import query
from pixelpipe.results.analyst import write_copy
from pixelpipe.results.catalog import read_catalog
from pixelpipe.results.compaction import compact
from pixelpipe.results.reader import read_table
from pixelpipe.results.schemas import SCHEMAS
from pixelpipe.results.writer import table_of, write_rows
from pixelpipe.store import Store

ONE, TWO = "512px-1a2b3c4d", "256px-5e6f7a8b"


@pytest.mark.parametrize("view", query.view_names())
def test_views_of_an_empty_store_have_columns_and_no_rows(store: Store, view: str):
    result = query.run(store, f"SELECT * FROM {view}")
    assert len(result) == 0
    assert "experiment_id" in result.column_names


def test_asking_an_absent_store_creates_nothing(local: Store, tmp_path: Path):
    query.run(local, "SELECT count(*) FROM samples")
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("table", [table for table in SCHEMAS if table != "experiments"])
def test_views_show_what_the_reader_reads(store: Store, results: Any, table: str):
    results.fill()
    result = query.run(store, f"SELECT * FROM {table}")
    expected = read_table(store, table)
    assert result.column_names == expected.column_names
    assert result.to_pylist() == expected.to_pylist()


def test_only_committed_epochs_each_once(store: Store, results: Any):
    results.commit(ONE, 1, attempt=1)
    results.commit(ONE, 1, attempt=2)
    results.write("samples", ONE, 2, attempt=2)
    result = query.run(store, "SELECT epoch, attempt, count(*) AS images FROM samples GROUP BY ALL")
    assert result.to_pylist() == [{"epoch": 1, "attempt": 2, "images": 2}]


def test_experiments_have_their_latest_status(store: Store, results: Any):
    results.fill()
    latest = query.run(store, "SELECT experiment_id, status FROM experiments ORDER BY ALL").to_pylist()
    assert latest == [{"experiment_id": TWO, "status": "abandoned"}, {"experiment_id": ONE, "status": "running"}]
    assert query.run(store, "SELECT count(*) AS n FROM status_changes").to_pylist() == [{"n": 3}]


def test_views_join(filled: Store):
    sql = """
        SELECT e.experiment_id, avg(s.effective_colors) AS colors, any_value(d.verdict) AS verdict
        FROM epochs e JOIN samples s USING (experiment_id, epoch) JOIN decisions d USING (experiment_id, epoch)
        WHERE e.committed_at >= TIMESTAMPTZ '2026-01-01' GROUP BY 1 ORDER BY 1
    """
    assert query.run(filled, sql)["colors"].to_pylist() == [1.5, 1.5]


def test_times_come_back_in_utc(filled: Store):
    result = query.run(filled, "SELECT max(committed_at) AS at FROM epochs")
    assert result["at"].to_pylist()[0].isoformat() == "2026-11-22T12:00:00+00:00"


@pytest.mark.parametrize(
    "sql",
    [
        "SHOW TABLES",
        "DESCRIBE samples",
        "SUMMARIZE epochs",
        "EXPLAIN SELECT 1",
        "FROM epochs",
        "PIVOT epochs ON decision",
    ],
)
def test_other_ways_to_ask(filled: Store, sql: str):
    assert len(query.run(filled, sql)) > 0


def test_show_tables_lists_the_views(filled: Store):
    assert sorted(query.run(filled, "SHOW TABLES")["name"].to_pylist()) == query.view_names()


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELEC 1", "syntax error"),
        ("SELECT nothing FROM samples", "nothing"),
        ("SELECT * FROM nothing", "nothing does not exist"),
        ("SELECT error('two\nlines')", "two lines"),
        ("", "must ask for rows"),
        ("-- a comment", "must ask for rows"),
        ("CREATE TABLE mine AS SELECT 1", "must ask for rows"),
        ("DROP VIEW samples", "must ask for rows"),
        ("INSERT INTO samples SELECT * FROM samples", "must ask for rows"),
        ("SELECT 1; SELECT 2", "must be one statement but got 2"),
    ],
)
def test_errors_are_one_line(filled: Store, sql: str, message: str):
    with pytest.raises(BadInputError, match=message) as caught:
        query.run(filled, sql)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("query: ")


@pytest.mark.parametrize(
    "sql",
    [
        "COPY samples TO '{place}/stolen.parquet'",
        "COPY samples TO '{store}/results/v1/samples/forged.parquet'",
        "COPY (SELECT 1) TO '{place}/stolen.csv'",
        "EXPORT DATABASE '{place}/database'",
        "ATTACH '{place}/other.duckdb'",
        "SELECT * FROM '{place}/secret.csv'",
        "SELECT * FROM read_csv('{place}/secret.csv')",
        "SELECT * FROM read_text('{place}/secret.csv')",
        "SELECT * FROM glob('{place}/*')",
        "SELECT * FROM sniff_csv('{place}/secret.csv')",
        "SELECT * FROM read_parquet('{store}/results/v1/samples/*/*.parquet')",
        "SELECT * FROM 'https://example.com/data.parquet'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "CREATE PERSISTENT SECRET s (TYPE s3)",
        "SET enable_external_access = true",
        "SET temp_directory = '{place}/spill'",
        "RESET temp_directory",
        "SET profiling_output = '{place}/profile.json'",
        "CALL enable_logging(storage = 'file', storage_config = {{'path': '{place}/logs'}})",
        "PRAGMA enable_profiling = 'json'",
        "PRAGMA export_database('{place}/database')",
        "PRAGMA import_database('{place}')",
        "PRAGMA temp_directory = '{place}/spill'",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{place}/stolen.csv'",
        "SELECT * FROM query('SELECT * FROM read_csv(''{place}/secret.csv'')')",
        "WITH gone AS (DELETE FROM samples RETURNING *) SELECT * FROM gone",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_blob('{place}/secret.csv')",
        "SELECT * FROM read_json('{place}/secret.csv')",
        "SELECT * FROM parquet_schema('{store}/results/v1/samples/*/*.parquet')",
        "SELECT getenv('HOME')",
        "COPY samples FROM '{place}/secret.csv'",
        "COPY FROM DATABASE memory TO other",
        "IMPORT DATABASE '{place}'",
        "ATTACH ':memory:' AS other",
        "LOAD '{place}/extension.so'",
        "FORCE INSTALL httpfs",
        "UPDATE EXTENSIONS",
        "SET allowed_directories = ['/']",
        "SET GLOBAL lock_configuration = false",
        "SET VARIABLE mine = 1",
        "PREPARE mine AS SELECT 1",
        "CREATE MACRO mine(x) AS x",
        "TRUNCATE samples",
        "ALTER VIEW experiments RENAME TO mine",
        "SELECT 1; COPY samples TO '{place}/stolen.parquet'",
    ],
)
def test_a_query_neither_writes_nor_looks_outside(filled: Store, tmp_path: Path, sql: str):
    place = tmp_path / "place"
    place.mkdir()
    (place / "secret.csv").write_text("a,b\n1,2\n")
    before = filled.list()
    with pytest.raises(BadInputError):
        query.run(filled, sql.format(place=place, store=filled.url))
    assert [path.name for path in place.iterdir()] == ["secret.csv"]
    assert filled.list() == before


def test_python_variables_are_out_of_reach(filled: Store):
    secret = read_table(filled, "epochs")
    connection = query.connect(filled, read_catalog(filled))
    with connection, pytest.raises(query.duckdb.Error, match="secret does not exist"):
        connection.sql("SELECT * FROM secret")
    assert len(secret) > 0


def test_every_column_of_every_view_is_described(filled: Store):
    described = query.describe_views()
    for view in query.view_names():
        columns = [row["column"] for row in described.to_pylist() if row["view"] == view]
        assert columns == query.run(filled, f"SELECT * FROM {view}").column_names


AWKWARD = [
    '<script>alert("x")</script>',
    "it's '; DROP TABLE samples; --",
    'a "quoted" \\ back\\slash',
    "שלום עולם \u202eright to left",
    "👾 🧑‍🎨 emoji",
    "two\nlines\tand a tab",
    "%_[*]?{}$1 ${x} {{ y }}",
]


def test_awkward_text_is_text(store: Store, results: Any, tmp_path: Path):
    for epoch, text in enumerate(AWKWARD, start=1):
        results.commit(ONE, epoch, prompt=text)
    compact(store, min_files=2, settle_s=0)
    assert set(query.run(store, "SELECT prompt FROM samples")["prompt"].to_pylist()) == set(AWKWARD)
    for text in AWKWARD:
        quoted = text.replace("'", "''")
        [found] = query.run(store, f"SELECT count(*) AS n FROM samples WHERE prompt = '{quoted}'").to_pylist()
        assert found == {"n": 2}
    write_copy(store, tmp_path / "copy.duckdb")
    with query.duckdb.connect(str(tmp_path / "copy.duckdb"), read_only=True) as connection:
        assert {text for (text,) in connection.sql("SELECT DISTINCT prompt FROM samples").fetchall()} == set(AWKWARD)


def test_figures_do_not_depend_on_the_order_in_which_rows_are_read(store: Store, results: Any, make_records: Any):
    """Of floats the order of a sum decides the last digit."""
    for experiment_id, turn in ((ONE, 1), (TWO, -1)):
        of = {"experiment_id": experiment_id, "line": "art-24", "eval_set_id": "e", "attempt": 1}
        results.status(experiment_id, "running", line="art-24", name="x")
        for epoch in (1, 2, 3)[::turn]:
            samples = [
                row | {"prompt_id": f"p{number // 3:03d}", "seed": number, "effective_colors": 1e6 / (number + 3) ** 3}
                for number in range(120)
                for row in make_records("samples", 1, **of, epoch=epoch)
            ]
            costs = make_records("epochs", 1, **of, epoch=epoch, cost_usd=0.1 * epoch, seconds_train=0.7 / epoch)
            for table, rows in (("samples", samples[::turn]), ("epochs", costs)):
                write_rows(store, table, experiment_id, epoch_stem(epoch, 1), table_of(table, rows))
    figures = "judged_colors, standard_error, clean_rate, cost_usd"
    for sql in (f"{figures} FROM leaderboard", "* EXCLUDE (experiment_id) FROM costs"):
        one, two = query.run(store, f"SELECT {sql}").to_pylist()
        assert one == two, sql
