"""`pixelpipe maintain`: keep a store small and quick."""

import click

from pixelpipe.cli.options import FiniteRange, Format, format_option, store_option, write_records
from pixelpipe.store import Store

_DAYS = FiniteRange(0, 36_500)  # as `Retention` has them


@click.command()
@click.option("--checkpoints-days", type=_DAYS, help="Of experiments that ended before: keep last, best and champions.")
@click.option("--samples-days", type=_DAYS, help="Likewise for full-size pictures; sprites stay in the tables.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done, with sizes.")
@store_option
@format_option
def maintain(
    checkpoints_days: float | None, samples_days: float | None, dry_run: bool, store: Store, output_format: Format
) -> None:
    """Compact the store's many small result files into few; with a number of days, also remove what old experiments
    no longer need.

    Nobody has to stop for it: experiments may run, and whoever reads the results sees the same rows all the time.
    Without --checkpoints-days or --samples-days nothing is removed but temporary files that were left a day ago or more
    by processes that were killed. Never removed: rows and their sprites, anything of a champion's experiment, of one
    that runs, or of the baseline of one that is unfinished.

    \b
    pixelpipe maintain --checkpoints-days 30 --samples-days 90 --dry-run
    """
    from pixelpipe.pipeline.maintenance import maintenance_records
    from pixelpipe.pipeline.retention import Retention, prune, without_samples
    from pixelpipe.reporting.documents import linking_to_samples, write_documents
    from pixelpipe.reporting.maintenance import maintenance_sentence
    from pixelpipe.results.compaction import compact

    policy = Retention(checkpoints_days=checkpoints_days, samples_days=samples_days)
    compactions, removals = compact(store, dry_run=dry_run), prune(store, policy, dry_run=dry_run)
    for experiment_id in [] if dry_run else linking_to_samples(store, without_samples(removals)):
        write_documents(store, experiment_id)
        click.echo(f"report of {experiment_id}", err=True)
    records = maintenance_records(compactions, removals)
    write_records(records, output_format)
    click.echo(maintenance_sentence(records, dry_run), err=True)
