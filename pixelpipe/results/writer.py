"""Writing results: one immutable Parquet file an (experiment, epoch, attempt), put whole, only if absent."""

import io
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pixelpipe import __version__
from pixelpipe.keys import parse_epoch_key, results_key, results_prefix
from pixelpipe.results.schemas import PER_EPOCH, SCHEMAS
from pixelpipe.store import Store


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
    footer = {**lineage, "pixelpipe_version": __version__}
    metadata = {**(rows.schema.metadata or {}), **{name: str(value) for name, value in footer.items()}}
    store.put(key, _parquet(rows.replace_schema_metadata(metadata)))
    return key


def append_status(store: Store, record: dict[str, Any]) -> str:
    """Write an experiment's next status change, numbered here; `record` has every column but `sequence`."""
    experiment_id = record["experiment_id"]
    sequence = len(store.list(results_prefix("experiments", experiment_id))) + 1
    rows = table_of("experiments", [{**record, "sequence": sequence}])
    return write_rows(store, "experiments", experiment_id, f"{sequence:04d}-{record['status']}", rows)


def committed_attempts(store: Store, experiment_id: str) -> set[tuple[int, int]]:
    """(epoch, attempt) of every `epochs` file: what exists."""
    parsed = map(parse_epoch_key, store.list(results_prefix("epochs", experiment_id)))
    return {(epoch, attempt) for _, epoch, attempt in filter(None, parsed)}


def committed_epochs(store: Store, experiment_id: str) -> dict[int, int]:
    """Epoch -> latest attempt that committed it, in order of epochs."""
    return dict(sorted(committed_attempts(store, experiment_id)))


def discard_uncommitted(store: Store, experiment_id: str) -> list[str]:
    """Remove rows of epochs that never came to exist, before these are redone; returns the removed keys."""
    committed = committed_attempts(store, experiment_id)
    removed = []
    for table in PER_EPOCH:
        for key in store.list(results_prefix(table, experiment_id)):
            parsed = parse_epoch_key(key)
            if parsed is not None and parsed[1:] not in committed:
                store.delete(key)
                removed.append(key)
    return removed


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


def _parquet(rows: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(rows, buffer, compression="zstd")
    return buffer.getvalue()
