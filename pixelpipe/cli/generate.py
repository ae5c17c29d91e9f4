"""`pixelpipe generate`: sprites from the champion."""

from pathlib import Path

import click

from pixelpipe.cli.options import store_option
from pixelpipe.cli.results import find_experiment
from pixelpipe.errors import BadInputError
from pixelpipe.store import Store


@click.command()
@click.argument("prompt")
@click.option("--seeds", default=8, show_default=True, type=click.IntRange(1, 10_000), help="How many sprites.")
@click.option("--from", "checkpoint", metavar="EXPERIMENT@EPOCH", help="Instead of the champion.")
@click.option("--line", help="Whose champion, where the store has several lines.")
@click.option("--to", "directory", default="sprites", show_default=True, type=click.Path(path_type=Path))
@store_option
def generate(prompt: str, seeds: int, checkpoint: str | None, line: str | None, directory: Path, store: Store) -> None:
    """Draw PROMPT with the champion, at the grid's true size.

    Writes one PNG a seed (seeds 0, 1, 2, ...), and sheet.png with all of them enlarged.
    """
    from pixelpipe.lines import line_names
    from pixelpipe.pipeline.generate import choose_checkpoint, generate_sprites

    if checkpoint is not None:
        name, at, epoch = checkpoint.partition("@")
        checkpoint = f"{find_experiment(store, name)}{at}{epoch}"
    elif line is not None and line not in line_names(store):
        raise BadInputError(f"--line must be one of {', '.join(line_names(store)) or 'none yet'} but got {line}")
    _check_folder(directory)
    chosen = choose_checkpoint(store, checkpoint, line)
    paths = generate_sprites(store, chosen, prompt, seeds, directory)
    for path in paths:
        click.echo(path)


def _check_folder(directory: Path) -> None:
    """Before minutes are spent on what could not be written."""
    try:
        what = "is a file" if directory.exists() and not directory.is_dir() else None
    except OSError as error:
        what = f"cannot be: {error.strerror}"
    if what:
        raise BadInputError(f"--to {directory}: must be a folder but {what}")
