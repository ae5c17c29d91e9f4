"""Writing results: one immutable Parquet file an (experiment, epoch, attempt), put whole, only if absent."""

import io
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pixelpipe import __version__
from pixelpipe.errors import AlreadyExistsError
from pixelpipe.keys import columns_key, parse_epoch_key, results_key, results_prefix
from pixelpipe.results.catalog import Catalog, consistently, uncompacted
from pixelpipe.results.schemas import PER_EPOCH, SCHEMAS
from pixelpipe.store import Store

_FOOTER = (  # beside experiment, epoch and attempt, where every row of the file has the same
    *("line", "dataset_hash", "captions_hash", "config_hash", "base_hash", "checkpoint_hash"),
    *("eval_set_id", "metric_version", "profile_hash", "rule_version"),
)
_shown: set[str] = set()  # places where this process has done so


def table_of(table: str, records: Sequence[dict[str, Any]]) -> pa.Table:
    """Rows of a table from records with exactly its columns; an absent or unknown one is an assertion."""
    schema = SCHEMAS[table]
    for record in records:
        _check_columns(table, list(record))
    return pa.Table.from_pylist(list(records), schema=schema)


def write_rows(store: Store, table: str, experiment_id: str, stem: str, rows: pa.Table) -> str:
    """Put the rows as `results/v1/<table>/<experiment_id>/<stem>.parquet` and return the key.

    Rows are cast to the table's schema. Columns that are absent, unknown or null where they must not be, and
    rows of another experiment, epoch or attempt than the file's, are assertions. `AlreadyExistsError`: a file
    is written once.
    """
    key = results_key(table, experiment_id, stem)
    _check_columns(table, rows.column_names)
    rows = rows.select(SCHEMAS[table].names)
    _check_nulls(table, rows)
    rows = rows.cast(SCHEMAS[table])
    lineage = _file_lineage(table, key, experiment_id)
    for column, value in lineage.items():
        found = set(rows[column].to_pylist())
        assert found <= {value}, f"{key}: `{column}` must be {value!r} but got {found}"
    footer = {**_common(rows), **lineage, "pixelpipe_version": __version__}
    metadata = {**(rows.schema.metadata or {}), **{name: str(value) for name, value in footer.items()}}
    show_columns(store, table)
    put = store.commit if table == "epochs" else store.put  # an epoch exists once this row does
    put(key, parquet(rows.replace_schema_metadata(metadata)))
    return key


def show_columns(store: Store, table: str) -> None:
    """Put, or bring up to date, the file without rows that every reader of the table's folder meets first.

    pandas, pyarrow and polars take a folder's columns from its first file, and drop (or refuse) what only later
    files have.
    """
    key = columns_key(table)
    if store.uri(key) in _shown:
        return
    schema = pa.schema([field.with_nullable(True) for field in SCHEMAS[table]])
    known = pq.read_schema(pa.BufferReader(store.read(key))) if store.exists(key) else schema
    newer = [field for field in known if field.name not in schema.names]  # of a newer version, which also writes here
    wanted = pa.schema([*schema, *newer], SCHEMAS[table].metadata)
    if not newer and (known is schema or known.names != wanted.names):
        store.replace(key, parquet(wanted.empty_table()))
    _shown.add(store.uri(key))


def append_status(store: Store, record: dict[str, Any]) -> str:
    """Write an experiment's next status change, numbered here; `record` has every column but `sequence`."""
    experiment_id = record["experiment_id"]
    while True:
        sequence = 1 + consistently(store, lambda catalog: _last_change(store, catalog, experiment_id))
        rows = table_of("experiments", [{**record, "sequence": sequence}])
        try:
            return write_rows(store, "experiments", experiment_id, f"{sequence:04d}-{record['status']}", rows)
        except AlreadyExistsError:
            continue  # an attempt that lost its lease just wrote its last word


def _last_change(store: Store, catalog: Catalog, experiment_id: str) -> int:
    """Its number; 0 for an experiment that the store does not know."""
    names = [key.rpartition("/")[2] for key in uncompacted(store, catalog, "experiments", experiment_id)]
    names += catalog.covered.get("experiments", {}).get(experiment_id, [])
    return max((int(name.partition("-")[0]) for name in names), default=0)


def committed_attempts(store: Store, experiment_id: str) -> set[tuple[int, int]]:
    """(epoch, attempt) of every `epochs` file: what exists."""

    def ask(catalog: Catalog) -> set[tuple[int, int]]:
        parsed = map(parse_epoch_key, uncompacted(store, catalog, "epochs", experiment_id))
        return {(epoch, attempt) for _, epoch, attempt in (*filter(None, parsed), *catalog.epochs(experiment_id))}

    return consistently(store, ask)


def committed_epochs(store: Store, experiment_id: str) -> dict[int, int]:
    """Epoch -> latest attempt that committed it, in order of epochs."""
    return dict(sorted(committed_attempts(store, experiment_id)))


def discard_uncommitted(store: Store, experiment_id: str, attempt: int) -> list[str]:
    """Remove what attempts up to `attempt` left of epochs that never came to exist; returns the removed keys.

    Called before these epochs are redone. A later attempt's rows are none of the caller's: it lost its lease.
    """
    committed = committed_attempts(store, experiment_id)
    removed = []
    for table in PER_EPOCH:
        for key in store.list(results_prefix(table, experiment_id)):
            parsed = parse_epoch_key(key)
            if parsed is not None and parsed[1:] not in committed and parsed[2] <= attempt:
                store.delete(key)
                removed.append(key)
    return removed


def _common(rows: pa.Table) -> dict[str, Any]:
    """What all rows share of where they come from: in the footer, a file can be traced without reading it."""
    shared = {name: rows[name].unique().to_pylist() for name in _FOOTER if name in rows.column_names}
    return {name: values[0] for name, values in shared.items() if len(values) == 1 and values[0] is not None}


def _check_columns(table: str, columns: Sequence[str]) -> None:
    expected = SCHEMAS[table].names
    absent, unknown = sorted(set(expected) - set(columns)), sorted(set(columns) - set(expected))
    assert not absent, f"{table}: columns are absent: {absent}"
    assert not unknown, f"{table}: columns are unknown: {unknown}"
    assert len(columns) == len(expected), f"{table}: columns are repeated: {sorted(columns)}"


def _check_nulls(table: str, rows: pa.Table) -> None:
    nulls = [field.name for field in SCHEMAS[table] if not field.nullable and rows[field.name].null_count]
    assert not nulls, f"{table}: columns must not be null: {nulls}"


def _file_lineage(table: str, key: str, experiment_id: str) -> dict[str, str | int]:
    """What the file's name says of every row in it."""
    if table not in PER_EPOCH:
        return {"experiment_id": experiment_id}
    parsed = parse_epoch_key(key)
    assert parsed is not None, f"{key}: must be named by epoch and attempt"
    return {"experiment_id": experiment_id, "epoch": parsed[1], "attempt": parsed[2]}


def parquet(rows: pa.Table) -> bytes:
    """zstd-compressed Parquet."""
    buffer = io.BytesIO()
    pq.write_table(rows, buffer, compression="zstd")
    return buffer.getvalue()
