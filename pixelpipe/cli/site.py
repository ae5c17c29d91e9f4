"""`pixelpipe site`: an index of all experiments."""

import click

from pixelpipe.cli.options import store_option
from pixelpipe.store import Store


@click.command()
@click.option("--rebuild", is_flag=True, help="Build every report anew, e.g. with a newer pixelpipe.")
@store_option
def site(rebuild: bool, store: Store) -> None:
    """Write index.html of the store: a leaderboard for every line, and all experiments with links to their reports.

    Reports that are missing are built, and those of experiments that go on. A local store can be opened or copied as it
    is; one in a bucket can be served as a web site.
    """
    from pixelpipe.reporting.documents import write_documents
    from pixelpipe.reporting.pages.site import reports_to_build, write_site

    write_site(store)  # the reports link to it
    for experiment_id in reports_to_build(store, rebuild):
        write_documents(store, experiment_id)
        click.echo(f"report of {experiment_id}", err=True)
    click.echo(write_site(store))
