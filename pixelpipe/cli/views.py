"""`pixelpipe views`: what can be asked, and a DuckDB file of it for other tools."""

from pathlib import Path

import click

from pixelpipe.cli.options import Format, format_option, store_option, write_records
from pixelpipe.cli.output_file import whole_file
from pixelpipe.errors import BadInputError
from pixelpipe.store import Store


@click.command()
@click.option("--to", type=click.Path(path_type=Path), metavar="FILE", help="Write a DuckDB file with all views.")
@click.option("--copy", is_flag=True, help="With the rows in it, to be sent; default: it reads the store when asked.")
@click.option("--overwrite", is_flag=True, help="Replace FILE.")
@store_option
@format_option
def views(to: Path | None, copy: bool, overwrite: bool, store: Store, output_format: Format) -> None:
    """List the views of `pixelpipe query` with their columns, units and meanings, or write them --to a DuckDB file.

    \b
    pixelpipe views --to analyst.duckdb          # then: duckdb analyst.duckdb "FROM leaderboard"
    pixelpipe views --to results.duckdb --copy   # of any store, e.g. s3://...; needs nothing but the file
    """
    if to is None:
        from pixelpipe.results.query import describe_views

        if copy or overwrite:
            raise BadInputError("--copy and --overwrite must have --to FILE")
        write_records(describe_views().to_pylist(), output_format)
        return
    from pixelpipe.results.analyst import write_copy, write_views

    if to.exists() and not overwrite:
        raise BadInputError(f"--to {to}: must be a new file (--overwrite replaces it)")
    with whole_file(to) as temporary:
        temporary.unlink()  # DuckDB makes it itself
        (write_copy if copy else write_views)(store, temporary)
    click.echo(str(to))
