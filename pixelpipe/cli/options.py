"""Options and outputs that several commands share."""

import csv
import json
import sys
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Literal

import click
from rich.console import Console
from rich.table import Table

from pixelpipe.store import DEFAULT_STORE, Store

Format = Literal["table", "json", "csv"]


def store_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--store",
        envvar="PIXELPIPE_STORE",
        default=DEFAULT_STORE,
        show_default=True,
        metavar="URL",
        help="Where results are: a folder or any fsspec URL. Also: PIXELPIPE_STORE.",
        callback=lambda _context, _option, url: Store.open(url),
    )(command)


def format_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--format",
        "output_format",
        type=click.Choice(["table", "json", "csv"]),
        default="table",
        show_default=True,
        help="json is one object a line.",
    )(command)


def write_records(records: Iterable[dict[str, Any]], output_format: Format) -> int:
    """Records to stdout; json and csv as they come, a table when all are there. Returns how many."""
    writers = {"table": _write_table, "json": _write_json, "csv": _write_csv}
    return writers[output_format](records)


def _write_json(records: Iterable[dict[str, Any]]) -> int:
    count = 0
    for count, record in enumerate(records, start=1):
        click.echo(json.dumps({name: _plain(value) for name, value in record.items()}, ensure_ascii=False))
    return count


def _write_csv(records: Iterable[dict[str, Any]]) -> int:
    writer, count = None, 0
    for count, record in enumerate(records, start=1):
        if writer is None:
            writer = csv.DictWriter(sys.stdout, fieldnames=list(record), lineterminator="\n")
            writer.writeheader()
        writer.writerow({name: _plain(value) for name, value in record.items()})
    return count


def _write_table(records: Iterable[dict[str, Any]]) -> int:
    rows = list(records)
    if not rows:
        click.echo("nothing yet", err=True)
        return 0
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name, value in rows[0].items():
        table.add_column(name, justify="right" if isinstance(value, int | float) else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    Console(width=None if sys.stdout.isatty() else 200, markup=False, highlight=False).print(table)
    return len(rows)


def _plain(value: Any) -> Any:
    """What JSON and CSV can hold."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    return value


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    return str(_plain(value))
