"""Maintenance of a store as rows: what was, or would be, compacted and removed."""

from collections.abc import Sequence
from typing import Any

from pixelpipe.pipeline.retention import Removal
from pixelpipe.results.compaction import TableCompaction


def maintenance_records(compactions: Sequence[TableCompaction], removals: Sequence[Removal]) -> list[dict[str, Any]]:
    """One record a compacted table, and one a removal; `bytes`: of the files that are written, or that go."""
    compacted = [
        _record("compact", each.table, files=each.num_files, files_after=each.num_compacted, bytes=each.num_bytes)
        for each in compactions
    ]
    removed = [
        _record("remove", each.kind, each.experiment_id, each.epoch, files=each.num_files, bytes=each.num_bytes)
        for each in removals
    ]
    return compacted + removed


def _record(
    action: str,
    what: str,
    experiment_id: str | None = None,
    epoch: int | None = None,
    *,
    files: int,
    files_after: int = 0,
    bytes: int,
) -> dict[str, Any]:
    return {
        "action": action,
        "what": what,
        "experiment_id": experiment_id,
        "epoch": epoch,
        "files": files,
        "files_after": files_after,
        "bytes": bytes,
    }
