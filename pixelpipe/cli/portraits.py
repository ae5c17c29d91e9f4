"""`pixelpipe portraits`: a synthetic dataset, to try the pipeline before there is art."""

from pathlib import Path

import click

from pixelpipe.errors import BadInputError


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--num", default=200, show_default=True, type=click.IntRange(1, 100_000), help="How many portraits.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Another seed draws others.")
def portraits(directory: Path, num: int, seed: int) -> None:
    """Draw synthetic 24x24 portraits with captions into a new folder.

    metadata.jsonl holds a plain caption (`text`), an over-detailed one (`detailed`) and every trait.
    """
    from pixelpipe.data.portraits import write_dataset

    try:
        write_dataset(directory, num, seed)
    except OSError as error:
        raise BadInputError(f"{directory}: must be a folder that can be written but: {error.strerror}") from None
    click.echo(f"{num} portraits in {directory}; train on them: dataset: {{path: {directory}, grid: 24}}")
