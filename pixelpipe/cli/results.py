"""Commands that read results: `experiments`, `show`, `report`, `query`."""

from collections import Counter
from typing import Any

import click

from pixelpipe.cli.options import Format, format_option, store_option, write_records
from pixelpipe.errors import BadInputError
from pixelpipe.store import Store

EPOCH_COLUMNS = (
    "epoch",
    "train_loss",
    "validation_loss",
    "mean_effective_colors",
    "mean_unique_colors",
    "clean_rate",
    "decision",
    "reason_code",
    "seconds_train",
    "seconds_sample",
    "cost_usd",
)


@click.command()
@store_option
@format_option
def experiments(store: Store, output_format: Format) -> None:
    """List the store's experiments, the latest first."""
    from pixelpipe.results.reader import list_experiments

    records = list_experiments(store)
    if output_format == "table":
        records = [{name: value for name, value in row.items() if name not in ("message", "name")} for row in records]
    write_records(records, output_format, if_none=f"no experiments in {store.url} yet")


@click.command()
@click.argument("experiment")
@store_option
@format_option
def show(experiment: str, store: Store, output_format: Format) -> None:
    """Show one EXPERIMENT: its status and its epochs (its id, or the part before the dash if that is unique)."""
    from pixelpipe.results.reader import latest_status, read_table

    experiment_id = find_experiment(store, experiment)
    epochs = read_table(store, "epochs", experiment_id).to_pylist()
    if output_format != "table":
        write_records(epochs, output_format)
        return
    status = latest_status(store, experiment_id)
    assert status is not None
    click.echo(f"{experiment_id}: {status['status']} (line {status['line']})")
    if status["message"]:
        click.echo(status["message"])
    click.echo()
    write_records([{name: row[name] for name in EPOCH_COLUMNS} for row in epochs], "table", if_none="no epochs yet")


@click.command()
@click.argument("experiment")
@store_option
def report(experiment: str, store: Store) -> None:
    """(Re)build the verdict document of an EXPERIMENT with its contact sheet and plot, from Parquet alone."""
    from pixelpipe.reporting.documents import write_documents

    for uri in write_documents(store, find_experiment(store, experiment)).values():
        click.echo(uri)


@click.command()
@click.argument("sql")
@store_option
@format_option
def query(sql: str, store: Store, output_format: Format) -> None:
    """Ask the results in SQL (DuckDB): samples, epochs, decisions, confirmations, captions, experiments.

    Committed epochs only. A query can neither write nor read anything else.

    \b
    pixelpipe query "SELECT experiment_id, epoch, avg(effective_colors) AS colors
                     FROM samples GROUP BY ALL ORDER BY ALL"
    """
    from pixelpipe.results.query import run as run_query

    table = run_query(store, sql)
    rows = table.rename_columns(_distinct(table.column_names)).to_pylist()
    write_records(rows, output_format, if_none="no rows")


def _distinct(names: list[str]) -> list[str]:
    """A join has several columns of one name: the second `epoch` is `epoch_2`."""
    counts = Counter[str]()
    distinct: list[str] = []
    for name in names:
        counts[name] += 1
        while (unique := f"{name}_{counts[name]}" if counts[name] > 1 else name) in distinct:
            counts[name] += 1
        distinct.append(unique)
    return distinct


def find_experiment(store: Store, text: str) -> str:
    """The one experiment whose id is, or begins with, `text`."""
    from pixelpipe.results.reader import list_experiments

    ids: list[Any] = [row["experiment_id"] for row in list_experiments(store)]
    if text in ids:
        return text
    found = [experiment_id for experiment_id in ids if experiment_id.startswith(text)]
    if len(found) != 1:
        which = f"{len(found)} begin so: {', '.join(found)}" if found else "none begins so; see pixelpipe experiments"
        raise BadInputError(f"EXPERIMENT must be one of store {store.url} but got {text!r}: {which}")
    return found[0]
