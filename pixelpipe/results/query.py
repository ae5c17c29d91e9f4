"""SQL over the results: DuckDB views of what `results.reader` reads.

DuckDB is handed Arrow data and has no access to files, network, extensions or Python variables of its own,
and its settings are locked: a query can neither write nor look outside of the views.
"""

import re
from datetime import datetime

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from pixelpipe.errors import BadInputError
from pixelpipe.lines import champion_history, line_names
from pixelpipe.results.catalog import Catalog, consistently
from pixelpipe.results.reader import latest_attempts, open_dataset
from pixelpipe.results.schemas import describe_schema
from pixelpipe.results.views import (
    CHAMPION_SCHEMA,
    CHAMPIONS,
    VIEWS,
    base_relations,
    needed,
    table_of_view,
    view_names,
    view_schema,
)
from pixelpipe.store import Store

_TYPE = duckdb.StatementType
_LOCKDOWN = (
    "SET TimeZone = 'UTC'",
    "SET temp_directory = ''",  # no spilling to disk
    "SET enable_progress_bar = false",
    "SET python_enable_replacements = false",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)
_ASKING = frozenset({_TYPE.SELECT, _TYPE.EXPLAIN, _TYPE.PRAGMA, _TYPE.CALL, _TYPE.MULTI})  # MULTI: PIVOT
_BY_NAME = re.compile(r"\bquery(_table)?\s*\(", re.IGNORECASE)  # DuckDB's ways to compute a table's name


def connect(store: Store, catalog: Catalog, sql: str | None = None) -> duckdb.DuckDBPyConnection:
    """A connection with every view, of the epochs that are committed now; to be asked within `catalog.consistently`.

    Views that `sql` does not name have their columns, but no rows: thousands of files need not be opened for nothing.
    """
    connection = duckdb.connect(":memory:")
    for name, rows in base_rows(store, catalog, _named(sql)).items():
        connection.register(name, rows)
    for name, view in VIEWS.items():
        connection.execute(f"CREATE VIEW {name} AS {view.sql}")
    for statement in _LOCKDOWN:
        connection.execute(statement)
    return connection


def run(store: Store, sql: str) -> pa.Table:
    """The result of one query; `BadInputError` with DuckDB's reason in one line when it has none."""
    return consistently(store, lambda catalog: _run(store, catalog, sql))


def _run(store: Store, catalog: Catalog, sql: str) -> pa.Table:
    with connect(store, catalog, sql) as connection:
        try:
            statements = connection.extract_statements(sql)
            if len(statements) > 1:
                raise BadInputError(f"query: must be one statement but got {len(statements)}")
            if not statements or _kind(statements[0]) not in _ASKING:
                raise BadInputError(
                    "query: must ask for rows, e.g. SELECT * FROM experiments; it cannot change anything"
                )
            return connection.sql(statements[0]).to_arrow_table()
        except duckdb.Error as error:
            raise BadInputError(f"query: {_one_line(error)}") from None


def _kind(statement: duckdb.Statement) -> duckdb.StatementType | None:
    """None: of a kind that DuckDB's Python does not know, such as UPDATE EXTENSIONS."""
    try:
        return statement.type
    except ValueError:
        return None


def _named(sql: str | None) -> set[str]:
    """Views whose names stand anywhere in the query, and what these read; too many do no harm."""
    everything = set(view_names())
    if sql is None or _BY_NAME.search(sql):
        return everything
    words = set(re.findall(r"\w+", sql.lower()))
    return needed(words & everything)


def base_rows(store: Store, catalog: Catalog, wanted: set[str]) -> dict[str, ds.Dataset | pa.Table]:
    """What the views stand on, as Arrow data of one moment; no rows of what is not wanted."""
    committed = latest_attempts(store, catalog)
    rows: dict[str, ds.Dataset | pa.Table] = {name: view_schema(name).empty_table() for name in base_relations()}
    for name in wanted & set(rows):
        is_table = name != CHAMPIONS
        rows[name] = (
            open_dataset(store, catalog, table_of_view(name), committed=committed) if is_table else champions(store)
        )
    return rows


def champions(store: Store) -> pa.Table:
    """Every line's history, oldest first."""
    rows = []
    for line in line_names(store):
        history = champion_history(store, line)
        rows += [
            one.model_dump()
            | {"line": line, "set_at": datetime.fromisoformat(one.set_at), "is_current": one == history[-1]}
            for one in history
        ]
    return pa.Table.from_pylist(rows, CHAMPION_SCHEMA)


def describe_views() -> pa.Table:
    """Every view's columns as rows: view, column, type, unit, description."""
    parts = []
    for view in view_names():
        columns = describe_schema(view_schema(view))
        parts.append(columns.add_column(0, "view", pa.array([view] * len(columns), pa.string())))
    return pa.concat_tables(parts)


def _one_line(error: duckdb.Error) -> str:
    """DuckDB's message without its picture of the query; a suggestion ("Did you mean ...") stays."""
    message, _, _ = str(error).partition("\nLINE ")
    return " ".join(message.split())
