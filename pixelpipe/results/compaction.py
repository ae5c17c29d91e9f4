"""Compaction: thousands of small Parquet files into few, in one step for every reader, while others read and write."""

import logging
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pixelpipe import __version__
from pixelpipe.errors import AlreadyExistsError
from pixelpipe.keys import (
    COMPACTED,
    COMPACTIONS,
    compacted_key,
    compaction_key,
    parse_epoch_key,
    parse_results_key,
    results_prefix,
)
from pixelpipe.results.catalog import (
    Catalog,
    CompactedFile,
    Stems,
    consistently,
    newest_sequence,
    read_catalog,
    uncompacted,
)
from pixelpipe.results.reader import latest_attempts, parse_file, replaced_rows
from pixelpipe.results.schemas import PER_EPOCH, SCHEMAS
from pixelpipe.results.writer import show_columns
from pixelpipe.store import Store

logger = logging.getLogger(__name__)

MIN_FILES = 8  # of a table, before compacting it is worth the writing
FULL_BYTES = 128 * 2**20  # a compacted file of this size is left alone from then on
IN_MEMORY_BYTES = 256 * 2**20  # rows gathered before they are written
ROW_GROUP_ROWS = 16_384  # one experiment is found by the statistics of few row groups
READ_AT_ONCE = 256  # files
SETTLE_S = 1.0  # before what was compacted is removed: whoever was listing the folder meanwhile has listed it by then


@dataclass(frozen=True, slots=True)
class TableCompaction:
    """What was, or would be, done to one table."""

    table: str
    num_files: int  # small ones, and earlier compactions, that become
    num_compacted: int  # this many (an estimate where nothing was done)
    num_rows: int
    num_bytes: int  # of the new files


@dataclass(frozen=True, slots=True)
class _Plan:
    table: str
    counting: list[str]  # keys whose rows are kept
    superseded: list[str]  # of an attempt that a later one has committed again: no reader counts them
    merged: list[CompactedFile]  # earlier compactions that are not full
    replaced: pc.Expression | None  # rows of these that are superseded by now


def compact(
    store: Store, *, min_files: int = MIN_FILES, settle_s: float = SETTLE_S, dry_run: bool = False
) -> list[TableCompaction]:
    """Compact every table that has at least `min_files` files for it; returns what was done, by table.

    Readers through `results.reader` and `query` see every row once at any moment. Killed anywhere, it leaves what it
    found, and perhaps files that count for nobody, which the next compaction removes. Of two at once one wins, and the
    other does nothing. What no epoch has committed is left where it is.
    """
    catalog = read_catalog(store)
    if not dry_run:
        store.delete_many(_leftovers(store, catalog))
    plans = consistently(store, lambda found: [_plan(store, found, table) for table in SCHEMAS])
    plans = [plan for plan in plans if len(plan.counting) + len(plan.superseded) + len(plan.merged) >= min_files]
    if dry_run or not plans:
        return [_expected(plan) for plan in plans]
    written: dict[str, list[CompactedFile]] = {plan.table: [] for plan in plans}
    try:
        for plan in plans:
            _write(store, plan, catalog.sequence + 1, written[plan.table])
        store.put(compaction_key(catalog.sequence + 1), _next(catalog, plans, written).to_json())
    except (AlreadyExistsError, FileNotFoundError):  # by another compaction, or removed by one
        store.delete_many([file.key for files in written.values() for file in files])
        if newest_sequence(store) == catalog.sequence:
            raise
        logger.warning("another compaction was quicker: nothing done")
        return []
    time.sleep(settle_s)
    store.delete_many(_leftovers(store, read_catalog(store)))
    return [_done(plan, written[plan.table]) for plan in plans]


def _plan(store: Store, catalog: Catalog, table: str) -> _Plan:
    committed = latest_attempts(store, catalog)
    counting, superseded = [], []
    for key in uncompacted(store, catalog, table):
        parsed = parse_epoch_key(key)
        if table not in PER_EPOCH:
            counting.append(key)
        elif parsed is not None and parsed[:2] in committed:
            latest = committed[parsed[:2]]
            if parsed[2] == latest:
                counting.append(key)
            elif parsed[2] < latest:
                superseded.append(key)
    merged = [file for file in catalog.files.get(table, ()) if file.num_bytes < FULL_BYTES]
    return _Plan(table, counting, superseded, merged, replaced_rows(catalog, table, committed))


def _write(store: Store, plan: _Plan, sequence: int, files: list[CompactedFile]) -> None:
    """Put the new files, which nobody counts yet, and append them to `files`."""
    show_columns(store, plan.table)
    token = uuid.uuid4().hex[:8]
    with store.scratch(f"compaction-{token}") as scratch:
        for number, gathered in enumerate(_gathered(store, plan), start=1):
            rows = gathered if plan.replaced is None else gathered.filter(~plan.replaced)
            local = scratch / f"{number}.parquet"
            num_bytes = _write_file(local, plan.table, rows)
            key = compacted_key(plan.table, f"{sequence:06d}-{token}-{number}")
            store.put_file(key, local, move=True)
            files.append(CompactedFile(key, len(rows), num_bytes))


def _write_file(local: Path, table: str, rows: pa.Table) -> int:
    order = [(name, "ascending") for name in ("experiment_id", "epoch") if name in rows.column_names]
    metadata = {**(SCHEMAS[table].metadata or {}), "pixelpipe_version": __version__}
    rows = rows.sort_by(order).replace_schema_metadata(metadata)
    pq.write_table(rows, local, compression="zstd", row_group_size=ROW_GROUP_ROWS)
    assert pq.read_metadata(local).num_rows == len(rows), f"{local} must have {len(rows)} rows"
    return local.stat().st_size


def _gathered(store: Store, plan: _Plan) -> Iterator[pa.Table]:
    """The plan's rows in tables of about `IN_MEMORY_BYTES`."""
    parts: list[pa.Table] = []
    for part in _read(store, [*(file.key for file in plan.merged), *plan.counting]):
        parts.append(part)
        if sum(each.nbytes for each in parts) >= IN_MEMORY_BYTES:
            yield pa.concat_tables(parts, promote_options="permissive")
            parts = []
    if parts:
        yield pa.concat_tables(parts, promote_options="permissive")


def _read(store: Store, keys: Sequence[str]) -> Iterator[pa.Table]:
    for start in range(0, len(keys), READ_AT_ONCE):
        some = keys[start : start + READ_AT_ONCE]
        tables = [parse_file(store, key, data) for key, data in zip(some, store.read_many(some), strict=True)]
        yield pa.concat_tables(tables, promote_options="permissive")


def _next(catalog: Catalog, plans: list[_Plan], written: dict[str, list[CompactedFile]]) -> Catalog:
    files = dict(catalog.files)
    covered: Stems = {
        table: {each: [*stems] for each, stems in found.items()} for table, found in catalog.covered.items()
    }
    for plan in plans:
        kept = [file for file in catalog.files.get(plan.table, ()) if file not in plan.merged]
        files[plan.table] = [*kept, *written[plan.table]]
        for key in (*plan.counting, *plan.superseded):
            parsed = parse_results_key(key)
            assert parsed is not None
            covered.setdefault(plan.table, {}).setdefault(parsed[0], []).append(parsed[1])
    return Catalog(catalog.sequence + 1, files, covered)


def _leftovers(store: Store, catalog: Catalog) -> list[str]:
    """What no reader counts: files that were compacted, compactions that were replaced or never came to count."""
    counted = {file.key for files in catalog.files.values() for file in files}
    covered = {
        table: {each: frozenset(stems) for each, stems in found.items()} for table, found in catalog.covered.items()
    }
    found = []
    for table in SCHEMAS:
        for key in store.list(results_prefix(table)):
            parsed = parse_results_key(key)
            if parsed is not None:
                gone = parsed[1] in covered.get(table, {}).get(parsed[0], ())
            else:
                gone = f"/{COMPACTED}/" in key and key not in counted and _sequence(key) <= catalog.sequence
            found += [key] if gone else []
    newest = compaction_key(catalog.sequence) if catalog.sequence else ""
    return found + [key for key in store.list(COMPACTIONS) if key < newest]


def _sequence(key: str) -> int:
    """Of the compaction that wrote a file."""
    return int(key.rpartition("/")[2].partition("-")[0])


def _expected(plan: _Plan) -> TableCompaction:
    return TableCompaction(plan.table, len(plan.counting) + len(plan.superseded) + len(plan.merged), 1, 0, 0)


def _done(plan: _Plan, files: list[CompactedFile]) -> TableCompaction:
    num_files = len(plan.counting) + len(plan.superseded) + len(plan.merged)
    return TableCompaction(
        plan.table, num_files, len(files), sum(file.num_rows for file in files), sum(file.num_bytes for file in files)
    )
