"""Commands that read results: `experiments`, `show`, `report`, `query`."""

from collections import Counter
from difflib import get_close_matches
from typing import Any

import click

from pixelpipe.cli.options import Format, format_option, store_option, write_records
from pixelpipe.errors import BadInputError, one_line
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
    """List the store's experiments, the latest first.

    champion_epoch: the epoch whose checkpoint is its line's champion.
    """
    from pixelpipe.lines import champion, line_names
    from pixelpipe.results.reader import list_experiments

    champions = {one.experiment_id: one.epoch for line in line_names(store) if (one := champion(store, line))}
    records = [row | {"champion_epoch": champions.get(row["experiment_id"])} for row in list_experiments(store)]
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
    """(Re)build report.html of an EXPERIMENT, with verdict.md, contact sheet and plot, from the store alone."""
    from pixelpipe.reporting.documents import write_documents

    for uri in write_documents(store, find_experiment(store, experiment)).values():
        click.echo(uri)


@click.command()
@click.argument("sql", required=False)
@store_option
@format_option
def query(sql: str | None, store: Store, output_format: Format) -> None:
    """Ask the results in SQL (DuckDB); without SQL, list the views with their columns, units and meanings.

    Views: samples, epochs, decisions, experiments (each one's latest status), leaderboard, costs, champions, captions,
    floors, confirmations and status_changes. Committed epochs only. A query can neither change anything nor read
    anything else. docs/results.md has twelve questions with their answers.

    \b
    pixelpipe query "FROM leaderboard"
    pixelpipe query "SELECT experiment_id, epoch, avg(effective_colors) AS colors
                     FROM samples GROUP BY ALL ORDER BY ALL"
    pixelpipe query "SELECT epoch, verdict, p_value, sentence FROM decisions" --format csv
    """
    from pixelpipe.results.query import describe_views
    from pixelpipe.results.query import run as run_query

    table = describe_views() if sql is None else run_query(store, sql)
    columns = _distinct(table.column_names)
    try:
        records = table.rename_columns(columns).to_pylist()
    except (ValueError, OverflowError) as error:  # an interval of a million years
        raise BadInputError(f"query: must give values that Python has but: {one_line(error)}") from None
    write_records(records, output_format, if_none="no rows", columns=columns)


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
    if len(found) != 1 or not text:
        which = f"{len(found)} begin so: {', '.join(found)}" if found else f"none begins so; {_nearest(text, ids)}"
        raise BadInputError(f"EXPERIMENT must be one of store {store.url} but got {text!r}: {which}")
    return found[0]


def _nearest(text: str, ids: list[str]) -> str:
    """By the whole id, or by the name before its last dash."""
    names = {experiment_id.rpartition("-")[0]: experiment_id for experiment_id in reversed(ids)}
    close = get_close_matches(text, [*names, *ids], n=1, cutoff=0.6)
    return f"did you mean {names.get(close[0], close[0])}?" if close else "see pixelpipe experiments"
