"""Reading results: committed epochs only, each once, whatever else lies in the store."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyarrow.fs import LocalFileSystem

from pixelpipe.errors import BadInputError
from pixelpipe.keys import parse_epoch_key, results_prefix
from pixelpipe.results.schemas import PER_EPOCH, SCHEMAS
from pixelpipe.store import Store

Committed = dict[tuple[str, int], int]
_PARQUET, _LOCAL = ds.ParquetFileFormat(), LocalFileSystem()


def read_table(
    store: Store, table: str, experiment_id: str | None = None, columns: Sequence[str] | None = None
) -> pa.Table:
    """Rows of a table (of one experiment, if given), by experiment, then epoch; none when there is nothing.

    The table's own columns come first, then those of newer versions. `BadInputError` for a damaged file.
    """
    source = open_dataset(store, table, experiment_id)
    return source.to_table(columns=None if columns is None else list(columns))


def open_dataset(
    store: Store, table: str, experiment_id: str | None = None, committed: Committed | None = None
) -> ds.Dataset:
    """What `read_table` reads, lazily on a local disk: only the columns and rows that are asked for.

    Tables opened with the same `committed` agree, even if an epoch is committed meanwhile.
    """
    keys = _files(store, table, experiment_id, committed)
    paths = [path for key in keys if (path := store.local_path(key)) is not None]
    if not paths:
        return ds.dataset(_in_memory(store, table, keys))
    fragments = [_PARQUET.make_fragment(str(path), _LOCAL) for path in paths]
    schema = _with_newer(table, [_footer(fragment) for fragment in fragments])
    return ds.FileSystemDataset(fragments, schema, _PARQUET, _LOCAL)


def latest_attempts(store: Store, experiment_id: str | None = None) -> Committed:
    """(experiment, epoch) -> the latest attempt that committed it."""
    parsed = map(parse_epoch_key, store.list(results_prefix("epochs", experiment_id)))
    return {(found, epoch): attempt for found, epoch, attempt in sorted(filter(None, parsed))}


def latest_status(store: Store, experiment_id: str) -> dict[str, Any] | None:
    """The newest row of `experiments`, or None for an experiment that the store does not know."""
    keys = _files(store, "experiments", experiment_id)
    return _in_memory(store, "experiments", keys[-1:]).to_pylist()[-1] if keys else None


def list_experiments(store: Store) -> list[dict[str, Any]]:
    """One row an experiment, the latest change first: its status, and what its committed epochs add up to."""
    changes = read_table(store, "experiments").sort_by("sequence").to_pylist()
    latest = {change["experiment_id"]: change for change in changes}
    epochs: dict[str, list[dict[str, Any]]] = {experiment_id: [] for experiment_id in latest}
    columns = ["experiment_id", "cost_usd", "median_effective_colors", "clean_rate"]
    for epoch in read_table(store, "epochs", columns=columns).to_pylist():
        epochs.setdefault(epoch["experiment_id"], []).append(epoch)
    rows = [_listed(change, epochs[experiment_id]) for experiment_id, change in latest.items()]
    return sorted(rows, key=lambda row: row["changed_at"], reverse=True)


def _listed(change: dict[str, Any], epochs: list[dict[str, Any]]) -> dict[str, Any]:
    """`epochs`: the experiment's, in order."""
    last = epochs[-1] if epochs else {}
    columns = ("experiment_id", "name", "line", "status", "reason_code", "message", "changed_at", "attempt")
    return {
        **{column: change[column] for column in columns},
        "epochs": len(epochs),
        "median_effective_colors": last.get("median_effective_colors"),
        "clean_rate": last.get("clean_rate"),
        "cost_usd": sum(epoch["cost_usd"] for epoch in epochs),
    }


def _files(store: Store, table: str, experiment_id: str | None = None, committed: Committed | None = None) -> list[str]:
    """Files of a table that count, in order: of per-epoch tables, those of every epoch's latest attempt.

    What is committed is listed before the table's files, which are written first: none can be missed.
    """
    if table in PER_EPOCH and committed is None:
        committed = latest_attempts(store, experiment_id)
    keys = [key for key in store.list(results_prefix(table, experiment_id)) if key.endswith(".parquet")]
    if table not in PER_EPOCH or committed is None:
        return keys
    found = [(parsed, key) for key in keys if (parsed := parse_epoch_key(key)) is not None]
    return [key for parsed, key in sorted(found) if committed.get(parsed[:2]) == parsed[2]]


def _in_memory(store: Store, table: str, keys: list[str]) -> pa.Table:
    parts = [_read(store, key) for key in keys]
    schema = _with_newer(table, [part.schema for part in parts])
    joined = pa.concat_tables([schema.empty_table(), *parts], promote_options="permissive")
    return joined.select(schema.names).cast(schema)


def _with_newer(table: str, found: list[pa.Schema]) -> pa.Schema:
    """The table's columns and whatever newer ones the files have, nullable: old files lack new columns."""
    known = SCHEMAS[table]
    other = [schema for schema in found if schema.names != known.names]
    unified = pa.unify_schemas([known, *other], promote_options="permissive")
    added = [field for field in unified if field.name not in known.names]
    return pa.schema([field.with_nullable(True) for field in [*known, *added]], metadata=known.metadata)


def _read(store: Store, key: str) -> pa.Table:
    try:
        return pq.read_table(pa.BufferReader(store.read(key)))
    except pa.ArrowInvalid as error:
        raise _damaged(store.uri(key), error) from None


def _footer(fragment: ds.ParquetFileFragment) -> pa.Schema:
    try:
        return fragment.physical_schema
    except pa.ArrowInvalid as error:
        raise _damaged(fragment.path, error) from None


def _damaged(where: str, error: pa.ArrowInvalid) -> BadInputError:
    return BadInputError(f"{where}: must be a Parquet file but: {' '.join(str(error).split())}")
