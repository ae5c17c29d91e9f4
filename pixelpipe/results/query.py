"""SQL over the results: DuckDB views of what `results.reader` reads.

DuckDB is handed Arrow data and has no access to files, network, extensions or Python variables of its own,
and its settings are locked: a query can neither write nor look outside of the views.
"""

import duckdb
import pyarrow as pa

from pixelpipe.errors import BadInputError
from pixelpipe.results.reader import latest_attempts, open_dataset
from pixelpipe.results.schemas import SCHEMAS, describe
from pixelpipe.store import Store

_TYPE = duckdb.StatementType
STATUS_CHANGES = "status_changes"
_LATEST_STATUS = f"""
CREATE VIEW experiments AS
SELECT * FROM {STATUS_CHANGES}
QUALIFY row_number() OVER (PARTITION BY experiment_id ORDER BY sequence DESC) = 1
"""
_LOCKDOWN = (
    "SET TimeZone = 'UTC'",
    "SET temp_directory = ''",  # no spilling to disk
    "SET enable_progress_bar = false",
    "SET python_enable_replacements = false",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)
_ASKING = frozenset({_TYPE.SELECT, _TYPE.EXPLAIN, _TYPE.PRAGMA, _TYPE.CALL, _TYPE.MULTI})  # MULTI: PIVOT


def view_names() -> list[str]:
    return sorted([*SCHEMAS, STATUS_CHANGES])


def connect(store: Store) -> duckdb.DuckDBPyConnection:
    """A connection with a view per table, committed epochs only; `experiments` has each one's latest status.

    The views show the files that are committed now; connect again to see later ones.
    """
    committed = latest_attempts(store)
    connection = duckdb.connect(":memory:")
    for table in SCHEMAS:
        view = STATUS_CHANGES if table == "experiments" else table
        connection.register(view, open_dataset(store, table, committed=committed))
    connection.execute(_LATEST_STATUS)
    for statement in _LOCKDOWN:
        connection.execute(statement)
    return connection


def run(store: Store, sql: str) -> pa.Table:
    """The result of one query; `BadInputError` with DuckDB's reason in one line when it has none."""
    with connect(store) as connection:
        try:
            statements = connection.extract_statements(sql)
            if len(statements) > 1:
                raise BadInputError(f"query: must be one statement but got {len(statements)}")
            if not statements or statements[0].type not in _ASKING:
                raise BadInputError(
                    "query: must ask for rows, e.g. SELECT * FROM experiments; it cannot change anything"
                )
            return connection.sql(statements[0]).to_arrow_table()
        except duckdb.Error as error:
            raise BadInputError(f"query: {_one_line(error)}") from None


def describe_views() -> pa.Table:
    """Every view's columns as rows: view, column, type, unit, description."""
    parts = []
    for view in view_names():
        columns = describe("experiments" if view == STATUS_CHANGES else view)
        parts.append(columns.add_column(0, "view", pa.array([view] * len(columns), pa.string())))
    return pa.concat_tables(parts)


def _one_line(error: duckdb.Error) -> str:
    """DuckDB's message without its picture of the query; a suggestion ("Did you mean ...") stays."""
    message, _, _ = str(error).partition("\nLINE ")
    return " ".join(message.split())
