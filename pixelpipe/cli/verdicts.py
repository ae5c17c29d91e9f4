"""A verdict on the terminal: one sentence, and where to look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pixelpipe.keys import experiment_key, results_prefix
from pixelpipe.store import Store

if TYPE_CHECKING:
    from pixelpipe.pipeline.outcome import Outcome

COLORS = {"abandoned": "red", "promoted": "green", "inconclusive": "yellow"}


def say_outcome(store: Store, outcome: Outcome) -> None:
    """To stdout: the verdict and the places of its report, pictures and Parquet."""
    status = click.style(outcome.status.upper(), fg=COLORS.get(outcome.status), bold=True)
    click.echo(f"\n{outcome.experiment_id}: {status} after epoch {outcome.epochs}")
    click.echo(f"  {outcome.sentence}")
    for label, key in (
        ("report", experiment_key(outcome.experiment_id, "report.html")),
        ("verdict", experiment_key(outcome.experiment_id, "verdict.md")),
        ("contact sheet", experiment_key(outcome.experiment_id, "contact_sheet.png")),
        ("plot", experiment_key(outcome.experiment_id, "metric_by_epoch.png")),
        ("Parquet", results_prefix("samples", outcome.experiment_id)),
    ):
        if store.list(key) or store.exists(key):  # figures from elsewhere have no images
            click.echo(f"  {label + ':':15}{store.uri(key)}")
