"""Reading results: committed epochs only, each once, whatever else lies in the store, and whoever compacts it."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyarrow.fs import LocalFileSystem

from pixelpipe.errors import BadInputError, one_line
from pixelpipe.keys import parse_epoch_key
from pixelpipe.results.catalog import Catalog, consistently, uncompacted
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
    return consistently(store, lambda catalog: _read_table(store, catalog, table, experiment_id, columns))


def _read_table(
    store: Store, catalog: Catalog, table: str, experiment_id: str | None, columns: Sequence[str] | None
) -> pa.Table:
    source = open_dataset(store, catalog, table, experiment_id)
    if not catalog.files.get(table):
        return source.to_table(columns=None if columns is None else list(columns))
    order = [name for name in ("experiment_id", "epoch") if name in SCHEMAS[table].names]
    wanted = source.schema.names if columns is None else list(columns)
    only = None if experiment_id is None else pc.field("experiment_id") == experiment_id
    rows = source.to_table(columns=[*wanted, *(name for name in order if name not in wanted)], filter=only)
    return rows.sort_by([(name, "ascending") for name in order]).select(wanted)


def open_dataset(
    store: Store, catalog: Catalog, table: str, experiment_id: str | None = None, committed: Committed | None = None
) -> ds.Dataset:
    """What `read_table` reads, lazily where that is quicker: only the columns and rows that are asked for.

    To be asked for and read within `consistently`. Tables opened with the same `committed` agree, even if an epoch is
    committed meanwhile. Of compacted files it has every experiment.
    """
    if table in PER_EPOCH and committed is None:
        committed = latest_attempts(store, catalog, experiment_id)
    keys = _counting(uncompacted(store, catalog, table, experiment_id), table, committed)
    fragments = [_fragment(store, file.key) for file in catalog.files.get(table, ())]
    in_memory = []
    if store.local_path("local") is None:
        in_memory = [parse_file(store, key, data) for key, data in zip(keys, store.read_many(keys), strict=True)]
    else:
        fragments += [_fragment(store, key) for key in keys]
    schema = _with_newer(table, [*map(_footer, fragments), *(part.schema for part in in_memory)])
    parts: list[ds.Dataset] = []
    if fragments:
        parts.append(ds.FileSystemDataset(fragments, schema, _PARQUET, fragments[0].filesystem))
    if in_memory or not parts:
        parts.append(ds.dataset(_joined(in_memory, schema)))
    source = parts[0] if len(parts) == 1 else ds.dataset(parts)
    replaced = replaced_rows(catalog, table, committed)
    return source if replaced is None else source.filter(~replaced)


def replaced_rows(catalog: Catalog, table: str, committed: Committed | None) -> pc.Expression | None:
    """Compacted rows of an epoch that a later attempt has committed again since; None: there are none."""
    if committed is None or table not in PER_EPOCH or not catalog.files.get(table):
        return None
    found = None
    for experiment_id, epoch, attempt in catalog.epochs():
        if committed.get((experiment_id, epoch), attempt) != attempt:
            here = (pc.field("experiment_id") == experiment_id) & (pc.field("epoch") == epoch)
            here &= pc.field("attempt") == attempt
            found = here if found is None else found | here
    return found


def latest_attempts(store: Store, catalog: Catalog, experiment_id: str | None = None) -> Committed:
    """(experiment, epoch) -> the latest attempt that committed it."""
    parsed = map(parse_epoch_key, uncompacted(store, catalog, "epochs", experiment_id))
    found = [*filter(None, parsed), *catalog.epochs(experiment_id)]
    return {(each, epoch): attempt for each, epoch, attempt in sorted(found)}


def latest_status(store: Store, experiment_id: str) -> dict[str, Any] | None:
    """The newest row of `experiments`, or None for an experiment that the store does not know."""
    changes = read_table(store, "experiments", experiment_id).to_pylist()
    return max(changes, key=lambda change: change["sequence"], default=None)


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


def _counting(keys: list[str], table: str, committed: Committed | None) -> list[str]:
    """Files that count, in order: of per-epoch tables, those of every epoch's latest attempt.

    What is committed is listed before the table's files, which are written first: none can be missed.
    """
    if table not in PER_EPOCH or committed is None:
        return keys
    found = [(parsed, key) for key in keys if (parsed := parse_epoch_key(key)) is not None]
    return [key for parsed, key in sorted(found) if committed.get(parsed[:2]) == parsed[2]]


def _joined(parts: list[pa.Table], schema: pa.Schema) -> pa.Table:
    joined = pa.concat_tables([schema.empty_table(), *parts], promote_options="permissive")
    return joined.select(schema.names).cast(schema)


def _fragment(store: Store, key: str) -> ds.ParquetFileFragment:
    path = store.local_path(key)
    if path is not None:
        return _PARQUET.make_fragment(str(path), _LOCAL)
    file_system, name = store.arrow(key)
    return _PARQUET.make_fragment(name, file_system)


def _with_newer(table: str, found: list[pa.Schema]) -> pa.Schema:
    """The table's columns and whatever newer ones the files have, nullable: old files lack new columns."""
    known = SCHEMAS[table]
    other = [schema for schema in found if schema.names != known.names]
    unified = pa.unify_schemas([known, *other], promote_options="permissive")
    added = [field for field in unified if field.name not in known.names]
    return pa.schema([field.with_nullable(True) for field in [*known, *added]], metadata=known.metadata)


def parse_file(store: Store, key: str, data: bytes) -> pa.Table:
    """A small file's rows; `BadInputError` for a damaged one."""
    try:
        # a third of what pq.read_table takes, which is made for large files
        return pq.ParquetFile(pa.BufferReader(data), pre_buffer=False).read(use_threads=False)
    except pa.ArrowInvalid as error:
        raise _damaged(store.uri(key), error) from None


def _footer(fragment: ds.ParquetFileFragment) -> pa.Schema:
    try:
        return fragment.physical_schema
    except pa.ArrowInvalid as error:
        raise _damaged(fragment.path, error) from None


def _damaged(where: str, error: pa.ArrowInvalid) -> BadInputError:
    return BadInputError(f"{where}: must be a Parquet file but: {one_line(error)}")
