"""What maintenance did, or would do, to a store: a sentence, and a document with sizes."""

from collections.abc import Sequence
from typing import Any

from pixelpipe.reporting.figures import UNKNOWN
from pixelpipe.reporting.markdown import code, table, text

SHOWN = 100  # rows of the document; the sentence counts all
_REMOVED = {
    "checkpoint": "checkpoints",
    "samples": "pictures",
    "confirmation": "pictures",
    "temporary": "processes that were killed",
}
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def maintenance_sentence(records: Sequence[dict[str, Any]], dry_run: bool) -> str:
    """`records`: of `pipeline.maintenance`."""
    compacted = [record for record in records if record["action"] == "compact"]
    removed = [record for record in records if record["action"] == "remove"]
    parts = []
    if compacted:
        after = "few" if dry_run else str(sum(record["files_after"] for record in compacted))
        parts.append(f"{sum(record['files'] for record in compacted)} result files become {after}")
    if removed:
        files, size = (sum(record[name] for record in removed) for name in ("files", "bytes"))
        what = " and ".join(dict.fromkeys(_REMOVED[record["what"]] for record in removed))
        parts.append(f"{files} file{'s'[: files != 1]} of {what} {'go' if files != 1 else 'goes'}, {num_bytes(size)}")
    said = "; ".join(parts) or "nothing to do"
    return f"dry run: {said}" if dry_run else said


def maintenance_document(store_url: str, records: Sequence[dict[str, Any]], dry_run: bool) -> str:
    """Markdown."""
    head = f"## Maintenance of {text(store_url)}\n\n{text(maintenance_sentence(records, dry_run))}\n"
    if not records:
        return head
    rows = [
        [
            record["action"],
            record["what"],
            code(record["experiment_id"]) if record["experiment_id"] else "all",
            str(record["epoch"] or UNKNOWN),
            str(record["files"]),
            num_bytes(record["bytes"]) if record["bytes"] else UNKNOWN,
        ]
        for record in records[:SHOWN]
    ]
    rest = f"\n\n… and {len(records) - SHOWN} more" if len(records) > SHOWN else ""
    header = ["", "what", "experiment", "epoch", "files", "size"]
    return f"{head}\n{table(header, rows, right=(3, 4, 5))}{rest}\n"


def num_bytes(count: float) -> str:
    """3.4 GB."""
    for unit in _UNITS[:-1]:
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} {_UNITS[-1]}"
