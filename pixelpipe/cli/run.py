"""`pixelpipe run`: one experiment, here."""

from pathlib import Path

import click

from pixelpipe.cli.hosting import run_on_prefect
from pixelpipe.cli.options import store_option
from pixelpipe.cli.verdicts import say_outcome
from pixelpipe.config import ExperimentConfig, load_config
from pixelpipe.store import Store


@click.command()
@click.argument("config", type=click.Path(path_type=Path), metavar="CONFIG.yaml")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a field, e.g. training.epochs=4. Repeatable.",
)
@click.option("--again", is_flag=True, help="Run it anew under an id of its own, though it is done already.")
@store_option
def run(config: Path, overrides: tuple[str, ...], again: bool, store: Store) -> None:
    """Run one experiment to its verdict; goes on where an interrupted run stopped.

    It runs in this process, on Prefect's own ephemeral server, or on the one that PREFECT_API_URL names.
    An experiment that is done already only prints its verdict.

    \b
    A configuration needs no more than this (every field: docs/configuration.md):
        dataset: {path: my-sprites, grid: 24}
    """
    run_experiment_here(store, load_config(config, overrides), again)


def run_experiment_here(store: Store, config: ExperimentConfig, again: bool = False) -> None:
    """Check every input before anything starts, then run and say how it ended."""
    from pixelpipe.lease import check_free
    from pixelpipe.pipeline.baseline import pinned_baseline
    from pixelpipe.pipeline.outcome import stored_outcome
    from pixelpipe.pipeline.prepare import prepare
    from pixelpipe.pipeline.repetition import next_repetition
    from pixelpipe.pipeline.status import finished_status

    experiment = prepare(store, config)
    if again:
        experiment = next_repetition(store, experiment)
    if finished_status(store, experiment.experiment_id):
        click.echo(f"{experiment.experiment_id} is done already (--again runs it anew)", err=True)
        say_outcome(store, stored_outcome(store, experiment.experiment_id))
        return
    pinned_baseline(store, experiment.experiment_id, config)  # refuses a judge.baseline that the store lacks
    check_free(store, experiment.experiment_id)
    store.check_writable()
    say_outcome(store, run_on_prefect(store, config, experiment.repetition))
