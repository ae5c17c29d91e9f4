"""`pixelpipe demo`: the whole story on a laptop, in a few minutes."""

from pathlib import Path
from typing import Any

import click
import yaml

from pixelpipe.cli.run import run_experiment_here
from pixelpipe.config import load_config
from pixelpipe.errors import BadInputError
from pixelpipe.store import Store

INTRODUCTION = """\
A small team fine-tunes a model on {num} portraits of 24x24 px. First the baseline: plain captions, a learning rate
that suits this small model. Then a candidate that means well: captions full of details that no 24px sprite can show,
and the timid learning rate of a DreamBooth recipe. The judge looks after every epoch, by the rule of any run.
This demo is small: {prompts} prompts x {seeds} seeds, a tiny base; real runs use 24 x 4.
"""
NEXT_STEPS = """
What to do next
  look:      open {store}/experiments/*/verdict.md and contact_sheet.png
  ask:       pixelpipe query "SELECT experiment_id, epoch, avg(effective_colors) AS colors FROM samples GROUP BY ALL ORDER BY ALL" --store {store}
  list:      pixelpipe experiments --store {store}
  draw:      pixelpipe generate "pixel art portrait, red hair, glasses" --store {store}
  your art:  pixelpipe run {place}/baseline.yaml --set dataset.path=MY_SPRITES --set name=my-art --set line=my-art
"""  # noqa: E501


NUM_PORTRAITS = 200
BASELINE: dict[str, Any] = {
    "name": "192px-plain-captions",
    "line": "demo-portraits-24",
    "dataset": {"grid": 24, "repeats": 4},
    "captions": {"strategy": "sidecar", "column": "text"},
    "training": {"resolution": 192, "epochs": 6, "batch_size": 16, "learning_rate": 1e-4},
    "sampling": {"num_prompts": 12, "seeds_per_prompt": 2, "num_inference_steps": 20, "guidance_scale": 2.0},
}
CANDIDATE: dict[str, Any] = {  # why this one: docs/decisions/0008-the-demos-candidate.md
    **BASELINE,
    "name": "detailed-captions-slow",
    "captions": {"strategy": "sidecar", "column": "detailed"},
    "training": {**BASELINE["training"], "learning_rate": 1e-6},
}


@click.command()
@click.option("--to", "directory", default="pixelpipe-demo", show_default=True, type=click.Path(path_type=Path))
@click.option("--seed", default=1337, show_default=True, type=click.IntRange(0), help="Of portraits and training.")
def demo(directory: Path, seed: int) -> None:
    """Run a baseline and a doomed candidate on synthetic portraits, on the CPU, in a fresh store.

    The candidate is judged by the same rule that any run uses.
    """
    from pixelpipe.data.portraits import write_dataset

    place = _fresh_folder(directory)
    click.echo(f"demo in {place}")
    write_dataset(place / "portraits", NUM_PORTRAITS, seed)
    store = Store.open(place / "store")
    sampling = BASELINE["sampling"]
    click.echo(
        INTRODUCTION.format(num=NUM_PORTRAITS, prompts=sampling["num_prompts"], seeds=sampling["seeds_per_prompt"])
    )
    for title, values in (("baseline", BASELINE), ("candidate", CANDIDATE)):
        path = _write_config(place, title, values, seed)
        click.echo(f"== the {title}: {path}")
        run_experiment_here(store, load_config(path), resume_with=f"pixelpipe run {path} --store {store.url}")
    click.echo(NEXT_STEPS.format(store=store.url, place=place))


def _write_config(place: Path, title: str, values: dict[str, Any], seed: int) -> Path:
    """A configuration file that can be changed and run again."""
    path = place / f"{title}.yaml"
    config = values | {"seed": seed, "dataset": {"path": str(place / "portraits"), **values["dataset"]}}
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return path


def _fresh_folder(directory: Path) -> Path:
    """`directory/run-001`, or the first number that is free: an earlier demo is kept."""
    number = 1
    try:
        directory.mkdir(parents=True, exist_ok=True)
        while (place := directory / f"run-{number:03d}").exists():
            number += 1
        place.mkdir()
    except OSError as error:
        raise BadInputError(f"--to {directory}: must be a folder that can be written but: {error.strerror}") from None
    return place.absolute()
