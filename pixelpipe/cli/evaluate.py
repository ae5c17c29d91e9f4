"""`pixelpipe evaluate`: what was trained elsewhere, judged here."""

from pathlib import Path

import click

from pixelpipe.cli.options import store_option
from pixelpipe.errors import BadInputError
from pixelpipe.store import Store


@click.command()
@click.option("--figures", type=click.Path(path_type=Path), metavar="FIGURES.yaml", help="Means of each epoch.")
@click.option("--as", "role", type=click.Choice(["candidate", "baseline"]), default="candidate", show_default=True)
@click.option("--name", help="What it is called.")
@click.option("--line", help="Line that it belongs to.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="How it was trained, as far as known.")
@click.option("--why", help="Why it is the baseline; recorded with your name. Needed with --as baseline.")
@store_option
def evaluate(
    figures: Path | None,
    role: str,
    name: str | None,
    line: str | None,
    overrides: tuple[str, ...],
    why: str | None,
    store: Store,
) -> None:
    """Judge what was trained elsewhere by the rule that judges every run."""
    from pixelpipe.cli.stated import person, stated_config
    from pixelpipe.cli.verdicts import say_outcome
    from pixelpipe.pipeline.elsewhere import Declaration, record_figures
    from pixelpipe.reporting.documents import write_documents

    if role == "baseline" and not why:
        raise BadInputError("--why: must be given with --as baseline")
    declared = Declaration(person(), why) if role == "baseline" and why else None
    config = stated_config("figures", figures, overrides, {"name": name, "line": line})
    store.check_writable()
    outcome = record_figures(store, config, declared)
    write_documents(store, outcome.experiment_id)
    say_outcome(store, outcome)
