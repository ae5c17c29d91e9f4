"""`pixelpipe demo`: the whole story on a laptop, in a few minutes."""

import shlex
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import click
import yaml

from pixelpipe.cli.options import as_called
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
  open:      {reports}
             the verdict, its figures, and every sprite beside the baseline's; verdict.md beside each is the same as text
  ask:       {pixelpipe} query "SELECT experiment_id, epoch, avg(effective_colors) AS colors FROM samples GROUP BY ALL ORDER BY ALL" --store {store}
  list:      {pixelpipe} experiments --store {store}
  draw:      {pixelpipe} generate "pixel art portrait, red hair, glasses" --store {store}
  change:    edit {candidate} and run it: {pixelpipe} run {candidate} --store {store}
  your art:  {pixelpipe} run {baseline} --set dataset.path=MY_SPRITES --set name=my-art --set line=my-art
"""  # noqa: E501


NUM_PORTRAITS = 200
BASELINE: dict[str, Any] = {
    "name": "192px-plain-captions",
    "line": "demo-portraits-24",
    "dataset": {"grid": 24, "repeats": 4},
    "captions": {"strategy": "sidecar", "column": "text"},
    "training": {"resolution": 192, "epochs": 6, "batch_size": 16, "learning_rate": 1e-4, "ema_decay": 0.95},
    "sampling": {"num_prompts": 12, "seeds_per_prompt": 2, "num_inference_steps": 20, "guidance_scale": 2.0},
}
CANDIDATE: dict[str, Any] = {  # why this one: docs/decisions/0008-the-demos-candidate.md
    **BASELINE,
    "name": "detailed-captions-slow",
    "captions": {"strategy": "sidecar", "column": "detailed"},
    "training": {**BASELINE["training"], "learning_rate": 1e-6},
}


@click.command()
@click.option(
    "--to",
    "directory",
    default="pixelpipe-demo",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Each demo gets a folder of its own in it.",
)
@click.option(
    "--seed", default=1337, show_default=True, type=click.IntRange(0, 2**63 - 1), help="Of portraits and training."
)
def demo(directory: Path, seed: int) -> None:
    """Run a baseline and a doomed candidate on synthetic portraits, on the CPU, in a fresh store.

    The candidate is judged by the same rule that any run uses. About five minutes on two cores. At the end it says
    where the verdicts, contact sheets and Parquet files are, and what to try next.
    """
    from pixelpipe.data.portraits import write_dataset

    place = _fresh_folder(directory)
    click.echo(f"demo in {place}")
    write_dataset(place / "portraits", NUM_PORTRAITS, seed)
    store, pixelpipe = Store.open(place / "store"), as_called()
    sampling = BASELINE["sampling"]
    click.echo(
        INTRODUCTION.format(num=NUM_PORTRAITS, prompts=sampling["num_prompts"], seeds=sampling["seeds_per_prompt"])
    )
    paths = {}
    for title, values in (("baseline", BASELINE), ("candidate", CANDIDATE)):
        paths[title] = _write_config(place, title, values, seed)
        click.echo(f"== the {title}: {paths[title]}")
        again = f"{pixelpipe} run {shlex.quote(str(paths[title]))} --store {shlex.quote(store.url)}"
        run_experiment_here(store, load_config(paths[title]), resume_with=again)
    names = {title: shlex.quote(str(path)) for title, path in paths.items()}
    reports = place / "store" / "experiments" / "*" / "report.html"
    click.echo(NEXT_STEPS.format(pixelpipe=pixelpipe, store=shlex.quote(store.url), reports=reports, **names))


def _write_config(place: Path, title: str, values: dict[str, Any], seed: int) -> Path:
    """A configuration file that can be changed and run again."""
    path = place / f"{title}.yaml"
    config = values | {"seed": seed, "dataset": {"path": str(place / "portraits"), **values["dataset"]}}
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return path


def _fresh_folder(directory: Path) -> Path:
    """`directory/run-001`, or the first number that is free: an earlier demo is kept."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for number in count(1):
            place = directory / f"run-{number:03d}"
            with suppress(FileExistsError):
                place.mkdir()
                return place.absolute()
    except OSError as error:
        raise BadInputError(f"--to {directory}: must be a folder that can be written but: {error.strerror}") from None
    raise AssertionError("numbers never end")
