"""A verdict on the terminal: one sentence, and where to look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pixelpipe.keys import experiment_key
from pixelpipe.store import Store

if TYPE_CHECKING:
    from pixelpipe.pipeline.outcome import Outcome

COLORS = {"abandoned": "red", "promoted": "green", "inconclusive": "yellow"}


def say_outcome(store: Store, outcome: Outcome) -> None:
    """To stdout: the verdict and the places of its report, pictures and Parquet."""
    from pixelpipe.results.catalog import folder_of_rows

    status = click.style(outcome.status.upper(), fg=COLORS.get(outcome.status), bold=True)
    click.echo(f"\n{outcome.experiment_id}: {status} after epoch {outcome.epochs}")
    click.echo(f"  {outcome.sentence}")
    for label, name in (
        ("report", "report.html"),
        ("verdict", "verdict.md"),
        ("contact sheet", "contact_sheet.png"),
        ("plot", "metric_by_epoch.png"),
    ):
        key = experiment_key(outcome.experiment_id, name)
        if store.exists(key):  # figures from elsewhere have no images
            click.echo(f"  {label + ':':15}{store.uri(key)}")
    if folder := folder_of_rows(store, "samples", outcome.experiment_id):
        click.echo(f"  {'Parquet:':15}{store.uri(folder)}")
