"""`pixelpipe demo`: the whole story on a laptop, in a few minutes."""

from pathlib import Path

import click

from pixelpipe.cli.run import run_experiment_here
from pixelpipe.config import load_config
from pixelpipe.errors import BadInputError
from pixelpipe.store import Store

INTRODUCTION = """\
A small team fine-tunes a model on {num} portraits of 24x24 px. First the baseline: sprites shown at 192 px (one latent
a cell), plain captions. Then the candidate that the field's folklore recommends: half the resolution and captions
full of details. The judge looks after every epoch. This demo is small: {prompts} prompts x {seeds} seeds, a tiny base.
"""
NEXT_STEPS = """
What to do next
  look:      open {store}/experiments/*/verdict.md and contact_sheet.png
  ask:       pixelpipe query "SELECT experiment_id, epoch, avg(effective_colors) AS colors FROM samples GROUP BY ALL ORDER BY ALL" --store {store}
  list:      pixelpipe experiments --store {store}
  draw:      pixelpipe generate "pixel art portrait, red hair, glasses" --store {store}
  your art:  pixelpipe run {config} --set dataset.path=MY_SPRITES --set name=my-art
"""  # noqa: E501


@click.command()
@click.option("--to", "directory", default="pixelpipe-demo", show_default=True, type=click.Path(path_type=Path))
@click.option("--seed", default=1337, show_default=True, type=click.IntRange(0), help="Of portraits and training.")
def demo(directory: Path, seed: int) -> None:
    """Run a baseline and a doomed candidate on synthetic portraits, on the CPU, in a fresh store.

    The candidate is judged by the same rule that any run uses.
    """
    from pixelpipe.data.portraits import write_dataset
    from pixelpipe.demo import NUM_PORTRAITS, demo_configs

    place = _fresh_folder(directory)
    click.echo(f"demo in {place}")
    write_dataset(place / "portraits", NUM_PORTRAITS, seed)
    configs = demo_configs(place, seed)
    store = Store.open(place / "store")
    baseline = load_config(configs[0])
    sampling = baseline.sampling
    click.echo(INTRODUCTION.format(num=NUM_PORTRAITS, prompts=sampling.num_prompts, seeds=sampling.seeds_per_prompt))
    for path in configs:
        click.echo(f"== {path.stem} ({path})")
        run_experiment_here(store, load_config(path))
    click.echo(NEXT_STEPS.format(store=store.url, config=configs[0]))


def _fresh_folder(directory: Path) -> Path:
    """`directory/run-001`, or the first number that is free: an earlier demo is kept."""
    number = 1
    while True:
        place = directory / f"run-{number:03d}"
        try:
            place.mkdir(parents=True)
            return place
        except FileExistsError:
            number += 1
        except OSError as error:
            raise BadInputError(f"--to {directory}: must be a folder that can be written but: {error}") from None
