"""Options and outputs that several commands share."""

import csv
import json
import math
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Literal
from unicodedata import category

import click
from rich.console import Console
from rich.table import Table

from pixelpipe.errors import BadInputError
from pixelpipe.store import DEFAULT_STORE, Store

Format = Literal["table", "json", "csv"]
_ENDLESS = 1_000_000  # columns: a file is no terminal, and a folded cell cannot be searched


def store_url_option(command: Callable[..., Any], **more: Any) -> Callable[..., Any]:
    """`--store` as it was given."""
    return click.option(
        "--store",
        envvar="PIXELPIPE_STORE",
        default=DEFAULT_STORE,
        show_default=True,
        metavar="URL",
        help="Where results are: a folder or any fsspec URL. Also: PIXELPIPE_STORE.",
        **more,
    )(command)


def store_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--store` as a `Store` that can be reached."""
    return store_url_option(command, callback=_reachable_store)


def _reachable_store(_context: click.Context, _option: click.Parameter, url: str) -> Store:
    store = Store.open(url)
    store.check_reachable()
    return store


class FiniteRange(click.FloatRange):
    """click's range lets nan through: no comparison with it is true."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{number} is not a finite number.", param, ctx)
        return number


def why_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Of what a person decides against, or instead of, the rule."""
    return click.option("--why", required=True, callback=_reason, help="Recorded with your name.")(command)


def _reason(_context: click.Context, _option: click.Parameter, why: str) -> str:
    if not why.strip():
        raise BadInputError("--why: must say why but is empty")
    return why.strip()


def format_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--format",
        "output_format",
        type=click.Choice(["table", "json", "csv"]),
        default="table",
        show_default=True,
        help="json is one object a line.",
    )(command)


def write_records(
    records: Iterable[dict[str, Any]], output_format: Format, if_none: str = "", columns: Sequence[str] = ()
) -> int:
    """Records to stdout; json and csv as they come, a table when all are there. Returns how many.

    A person who asked for a table and gets none is told `if_none`, on stderr; where `columns` are known, csv without
    a record still has its header, which readers of csv want.
    """
    writers = {"table": _write_table, "json": _write_json, "csv": _write_csv}
    try:
        count = writers[output_format](records)
        if not count and columns and output_format == "csv":
            csv.writer(sys.stdout, lineterminator="\n").writerow(columns)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of our output, such as `head`, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise click.exceptions.Exit(0) from None
    if not count and if_none and output_format == "table":
        click.echo(if_none, err=True)
    return count


def _write_json(records: Iterable[dict[str, Any]]) -> int:
    count = 0
    for record in records:
        count += 1
        click.echo(json.dumps({name: plain(value) for name, value in record.items()}, ensure_ascii=False))
    return count


def _write_csv(records: Iterable[dict[str, Any]]) -> int:
    writer, count = None, 0
    for record in records:
        count += 1
        if writer is None:
            writer = csv.DictWriter(sys.stdout, fieldnames=list(record), lineterminator="\n")
            writer.writeheader()
        writer.writerow({name: plain(value) for name, value in record.items()})
    return count


def _write_table(records: Iterable[dict[str, Any]]) -> int:
    records = list(records)
    if not records:
        return 0
    rows = [{name: cell(value) for name, value in record.items()} for record in records]
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in rows[0]:
        numbers = all(isinstance(record[name], int | float | None) for record in records)
        table.add_column(name, justify="right" if numbers else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row.values())
    console = Console(width=_ENDLESS, markup=False, highlight=False)
    width = console.measure(table).maximum
    with console.capture() as capture:  # rich would end the process with 1 when the reader has enough
        console.print(table)
    fits = not sys.stdout.isatty() or width <= shutil.get_terminal_size().columns
    lines = (line.rstrip() for line in capture.get().splitlines()) if fits else _one_below_the_other(rows)
    click.echo("\n".join(lines))
    return len(rows)


def _one_below_the_other(rows: list[dict[str, str]]) -> Iterator[str]:
    """A record a block, a field a line: what is readable where the table is wider than the terminal."""
    longest = max(map(len, rows[0]))
    for number, row in enumerate(rows):
        if number:
            yield ""
        for name, text in row.items():
            yield f"{name:{longest}}  {text}".rstrip()


def as_called() -> str:
    """What to type to call this program again: its name, or its path where the shell does not find it by name."""
    if sys.argv[0] and shutil.which("pixelpipe") is None and shutil.which(sys.argv[0]):
        return shlex.quote(os.path.relpath(sys.argv[0]))
    return "pixelpipe"


def plain(value: Any) -> Any:
    """What JSON and CSV can hold, whatever a query returns; NaN and infinities, which JSON lacks, are null."""
    match value:
        case None | bool() | int():
            return value
        case str():
            return value.encode(errors="backslashreplace").decode()  # a file name may be broken UTF-8
        case float():
            return value if math.isfinite(value) else None
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case date() | time():  # a datetime is a date
            return value.isoformat()
        case bytes():
            return f"<{len(value)} bytes>"
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
    return str(value)


def printable(text: str) -> str:
    """Control characters and broken UTF-8 of a file name as escapes: one line, and no terminal is steered."""
    unsafe = (character for character in set(text) if category(character) in ("Cc", "Cs"))
    return text.translate({ord(character): character.encode("unicode_escape").decode() for character in unsafe})


def rounded(value: float) -> float:
    """As a person reads it: 1e-16 is 0, and so is -0."""
    return round(value, 4) + 0.0


def cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    return printable(str(plain(value)))
