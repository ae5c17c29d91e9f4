"""`pixelpipe generate`: sprites from the champion."""

from pathlib import Path

import click

from pixelpipe.cli.options import store_option
from pixelpipe.store import Store


@click.command()
@click.argument("prompt")
@click.option("--seeds", default=8, show_default=True, type=click.IntRange(1, 10_000), help="How many sprites.")
@click.option("--from", "checkpoint", metavar="EXPERIMENT@EPOCH", help="Instead of the champion.")
@click.option("--line", help="Whose champion, where the store has several lines.")
@click.option("--to", "directory", default="sprites", show_default=True, type=click.Path(path_type=Path))
@store_option
def generate(
    prompt: str, seeds: int, checkpoint: str | None, line: str | None, directory: Path, store: Store
) -> None:
    """Draw PROMPT with the champion, at the grid's true size.

    Writes one PNG a seed (seeds 0, 1, 2, ...), and sheet.png with all of them enlarged.
    """
    from pixelpipe.pipeline.generate import choose_checkpoint, generate_sprites

    chosen = choose_checkpoint(store, checkpoint, line)
    paths = generate_sprites(store, chosen, prompt, seeds, directory)
    for path in paths:
        click.echo(path)
