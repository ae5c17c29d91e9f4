"""A DuckDB file with the views of `pixelpipe query`, for any tool that speaks DuckDB, without pixelpipe.

Its views read the store's Parquet files when they are asked, so they are always up to date; or the file holds a copy of
the rows, which can be sent to somebody who cannot reach the store.
"""

from pathlib import Path

import duckdb

from pixelpipe.errors import BadInputError
from pixelpipe.keys import RESULTS, results_prefix
from pixelpipe.results.catalog import Catalog, consistently
from pixelpipe.results.query import base_rows
from pixelpipe.results.schemas import PER_EPOCH, SCHEMAS
from pixelpipe.results.views import CHAMPIONS, VIEWS, base_relations, table_of_view, view_names, view_schema
from pixelpipe.results.writer import show_columns
from pixelpipe.store import Store

_EPOCH = ("experiment_id", "epoch", "attempt")
ROW = {  # what makes a row of a table the same row: while files are compacted, a folder has some of them twice
    "epochs": _EPOCH,
    "samples": (*_EPOCH, "prompt_id", "seed"),
    "confirmations": (*_EPOCH, "role", "prompt_id", "seed"),
    "decisions": (*_EPOCH, "reason_code", "decided_at"),
    "captions": ("experiment_id", "file_name"),
    "floors": ("experiment_id", "metric"),
    "votes": ("review_id", "reviewer", "prompt_id", "seed"),
    "experiments": ("experiment_id", "sequence"),
}
_CHAMPIONS = """
SELECT d.line, (row_number() OVER moves)::INTEGER AS sequence, d.experiment_id, d.epoch,
    coalesce(d.override_reason, d.reason_code) AS reason, coalesce(d.overridden_by, 'rule') AS set_by,
    d.decided_at AS set_at, lead(d.epoch) OVER moves IS NULL AS is_current
FROM decisions d JOIN experiments x USING (experiment_id)
WHERE d.verdict = 'PROMOTED' AND (d.overridden_by IS NOT NULL OR x.status = 'promoted')
WINDOW moves AS (PARTITION BY d.line ORDER BY d.decided_at)
"""


def write_views(store: Store, path: Path) -> None:
    """A new DuckDB file at `path` with every view, which reads the store where it is now.

    `BadInputError` for a store that DuckDB cannot read as files, or that is not there.
    """
    if store.local_path("local") is None:
        raise BadInputError(f"store {store.url}: must be a folder for views that stay up to date (see --copy)")
    if not store.list(RESULTS):
        raise BadInputError(f"store {store.url}: must have results but has none")
    for table in SCHEMAS:
        show_columns(store, table)  # a folder without files would be an error
    with duckdb.connect(str(path)) as connection:
        for name in ("epochs", *(name for name in base_relations() if name not in ("epochs", CHAMPIONS))):
            connection.execute(f"CREATE VIEW {name} AS {_live(store, table_of_view(name))}")
        connection.execute(f"CREATE VIEW experiments AS {VIEWS['experiments'].sql}")
        connection.execute(f"CREATE VIEW {CHAMPIONS} AS {_CHAMPIONS}")
        _finish(connection)


def write_copy(store: Store, path: Path) -> None:
    """A new DuckDB file at `path` with all rows, as they are now."""

    def copy(catalog: Catalog) -> None:
        path.unlink(missing_ok=True)
        with duckdb.connect(str(path)) as connection:
            for name, rows in base_rows(store, catalog, set(base_relations())).items():
                connection.register("rows_of_the_store", rows)
                connection.execute(f"CREATE TABLE {name} AS SELECT * FROM rows_of_the_store")
                connection.unregister("rows_of_the_store")
            connection.execute(f"CREATE VIEW experiments AS {VIEWS['experiments'].sql}")
            _finish(connection)

    consistently(store, copy)


def _live(store: Store, table: str) -> str:
    """What `results.reader` reads, in SQL: committed epochs, their latest attempt, every row once."""
    folder = store.local_path(results_prefix(table))
    pattern = "".join(f"[{letter}]" if letter in "[*?" else letter for letter in f"{folder}").replace("'", "''")
    rows = f"SELECT * FROM read_parquet('{pattern}/**/*.parquet', union_by_name = true)"
    once = f"row_number() OVER (PARTITION BY {', '.join(ROW[table])})"
    if table == "epochs":
        once = "row_number() OVER (PARTITION BY experiment_id, epoch ORDER BY attempt DESC)"
    elif table in PER_EPOCH:
        rows = f"{rows} SEMI JOIN epochs USING (experiment_id, epoch, attempt)"
    return f"{rows} QUALIFY {once} = 1"


def _finish(connection: duckdb.DuckDBPyConnection) -> None:
    """The views that stand on the rest, and every column's meaning as its comment."""
    connection.begin()  # a transaction a comment would take a second
    for name, view in VIEWS.items():
        if name != "experiments":
            connection.execute(f"CREATE VIEW {name} AS {view.sql}")
    for name in view_names():
        for field in view_schema(name):
            meaning = (field.metadata or {}).get(b"description", b"").decode()
            unit = (field.metadata or {}).get(b"unit", b"").decode()
            comment = (f"[{unit}] {meaning}" if unit else meaning).replace("'", "''")
            connection.execute(f"COMMENT ON COLUMN {name}.{field.name} IS '{comment}'")
    connection.commit()
