"""Rows that come in parts: to stdout as they come, or into a file that appears when it is whole."""

import csv
import io
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import click
import pyarrow as pa
from pyarrow import parquet

from pixelpipe.cli.options import cell, plain
from pixelpipe.cli.output_file import whole_file
from pixelpipe.errors import BadInputError

RowFormat = Literal["table", "json", "csv", "parquet"]
FORMAT_OF_SUFFIX: dict[str, RowFormat] = {
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".csv": "csv",
    ".parquet": "parquet",
}
_ROW_GROUP = 16384  # rows of a Parquet file that are kept until they are written together

Write = Callable[[pa.Table], None]
Render = Callable[[pa.Table], str]


def choose_format(output_format: RowFormat | None, out: Path | None) -> RowFormat:
    """What was asked for, else what the name of the file says, else a table."""
    named = None if out is None else FORMAT_OF_SUFFIX.get(out.suffix.lower())
    if output_format is None:
        output_format = "table" if out is None else named
        if output_format is None:
            raise BadInputError(f"--out {out}: must end in {', '.join(FORMAT_OF_SUFFIX)}, or --format says what it is")
    elif named not in (None, output_format):
        raise BadInputError(f"--out {out}: must be named as --format {output_format} is but its name says {named}")
    if output_format == "parquet" and out is None:
        raise BadInputError("--format parquet must have --out FILE: it is no text")
    if output_format == "table" and out is not None:
        raise BadInputError(f"--out {out}: must be json, csv or parquet; a table is for the terminal")
    return output_format


@contextmanager
def row_writer(
    output_format: RowFormat, out: Path | None, schema: pa.Schema, table_columns: Sequence[str]
) -> Iterator[Write]:
    """Yields what takes rows (of `schema`) in parts. A table has `table_columns` only; everything else has all."""
    if out is None:
        yield _to_stdout(_renderer(output_format, table_columns))
        return
    with whole_file(out) as temporary:
        if output_format == "parquet":
            with _parquet_rows(temporary, schema) as write:
                yield write
        else:
            render = _renderer(output_format, table_columns)
            with temporary.open("w", encoding="utf-8", newline="") as file:
                yield lambda rows: print(render(rows), end="", file=file)


def _to_stdout(render: Render) -> Write:
    stdout = sys.stdout.buffer  # UTF-8 whatever the locale says: JSON is nothing else

    def write(rows: pa.Table) -> None:
        try:
            stdout.write(render(rows).encode())
            stdout.flush()
        except BrokenPipeError:  # the reader of our output, such as `head`, has enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise click.exceptions.Exit(0) from None

    return write


def _renderer(output_format: RowFormat, table_columns: Sequence[str]) -> Render:
    if output_format == "json":
        return _render_json
    return _csv_renderer() if output_format == "csv" else _table_renderer(table_columns)


def _render_json(rows: pa.Table) -> str:
    return "".join(json.dumps(plain(row), ensure_ascii=False) + "\n" for row in rows.to_pylist())


def _csv_renderer() -> Render:
    headed = False

    def render(rows: pa.Table) -> str:
        nonlocal headed
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, rows.column_names, lineterminator="\n")
        if not headed and len(rows):
            writer.writeheader()
            headed = True
        writer.writerows(plain(row) for row in rows.to_pylist())
        return buffer.getvalue()

    return render


def _table_renderer(columns: Sequence[str]) -> Render:
    """Columns as wide as their names, so that rows need not wait for each other; the last one is left-aligned."""
    headed = False

    def line(cells: Sequence[str]) -> str:
        numbers = [text.rjust(len(name)) for text, name in zip(cells[:-1], columns, strict=False)]
        return "  ".join([*numbers, cells[-1]]) + "\n"

    def render(rows: pa.Table) -> str:
        nonlocal headed
        head = "" if headed or not len(rows) else line(columns)
        headed = headed or bool(head)
        return head + "".join(line([cell(row[name]) for name in columns]) for row in rows.to_pylist())

    return render


@contextmanager
def _parquet_rows(path: Path, schema: pa.Schema) -> Iterator[Write]:
    waiting: list[pa.Table] = []
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:

        def flush() -> None:
            if waiting:
                writer.write_table(pa.concat_tables(waiting).combine_chunks())
                waiting.clear()

        def write(rows: pa.Table) -> None:
            waiting.append(rows)
            if sum(map(len, waiting)) >= _ROW_GROUP:
                flush()

        yield write
        flush()
