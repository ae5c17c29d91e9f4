"""`pixelpipe evaluate`: a checkpoint, or what was trained elsewhere, judged here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pixelpipe.cli.options import store_option
from pixelpipe.errors import BadInputError, StoppedError
from pixelpipe.interruption import was_interrupted
from pixelpipe.store import Store

if TYPE_CHECKING:
    from pixelpipe.pipeline.elsewhere import Declaration
    from pixelpipe.pipeline.outcome import Outcome


@click.command()
@click.argument("checkpoint", required=False, metavar="[CHECKPOINT]")
@click.option("--images", type=click.Path(path_type=Path), metavar="DIR", help="epoch-NN/<prompt_id>__<seed>.png")
@click.option("--figures", type=click.Path(path_type=Path), metavar="FIGURES.yaml", help="Means of each epoch.")
@click.option("--as", "role", type=click.Choice(["candidate", "baseline"]), default="candidate", show_default=True)
@click.option("--line", help="Line that it belongs to, e.g. portraits-24.")
@click.option("--name", help="What it is called; default: the experiment's, file's or folder's name.")
@click.option("--epoch", type=click.IntRange(1, 100_000), help="Of a CHECKPOINT file. [default: the champion's]")
@click.option(
    "--prompts",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Texts of the prompts: YAML or JSON by id, or text (line 1 is p001). Default: the line's.",
)
@click.option("--art", type=click.Path(path_type=Path), metavar="DIR", help="The line's sprites; needed once a line.")
@click.option("--grid", type=int, help="Sprite side in cells. [default: 24]")
@click.option("--config", type=click.Path(path_type=Path), metavar="KNOWN.yaml", help="What is known of its training.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="How it was trained, and is to be drawn.")
@click.option("--why", help="Why it is the baseline; recorded with your name. Needed with --as baseline.")
@store_option
def evaluate(role: str, why: str | None, store: Store, **given: Any) -> None:
    """Judge a checkpoint, or what was trained elsewhere, by the rule of any run.

    A candidate is compared with its line's champion, epoch by epoch; a baseline becomes the champion because you say
    so. Run the same command again: what was judged stays, what is new is judged, what was interrupted goes on.

    \b
    CHECKPOINT: one that can be drawn with here, on the prompts and seeds of its line
      pixelpipe evaluate LORA.safetensors --line art-24         of sd-scripts, diffusers or peft (or its folder)
      pixelpipe evaluate MODEL.safetensors --line art-24        or a model's folder
      pixelpipe evaluate EXPERIMENT@8                           of the store; without @8, all its epochs
      pixelpipe evaluate EXPERIMENT --as baseline --why "24 prompts now" --set sampling.num_prompts=24

    \b
    Images of any trainer, of the same prompts and seeds at every epoch:
      pixelpipe evaluate --images base/ --as baseline --why "used today" --line art-24 --art sprites --prompts p.txt
      pixelpipe evaluate --images new/ --line art-24 --set training.resolution=256
    --set training.epochs=8 says how many are planned; without it the last epoch that is there is the last one.

    \b
    Means that were written down, without images (the file: pixelpipe baseline import --help):
      pixelpipe evaluate --figures candidate.yaml

    Step by step: docs/evaluate.md.
    """
    from pixelpipe.cli.stated import person
    from pixelpipe.cli.verdicts import say_outcome
    from pixelpipe.pipeline.elsewhere import Declaration
    from pixelpipe.reporting.documents import write_documents

    forms = {"checkpoint": _checkpoint, "images": _images, "figures": _figures}
    named = [form for form in forms if given[form] is not None]
    if len(named) != 1:
        raise BadInputError("one of CHECKPOINT, --images DIR and --figures FIGURES.yaml must be given")
    if role == "baseline" and not (why or "").strip():
        raise BadInputError("--why: must be given with --as baseline")
    declared = Declaration(person(), why.strip()) if role == "baseline" and why else None
    outcome = forms[named[0]](store, declared, given)
    write_documents(store, outcome.experiment_id)
    say_outcome(store, outcome)


def _figures(store: Store, declared: Declaration | None, given: dict[str, Any]) -> Outcome:
    from pixelpipe.cli.stated import stated_config
    from pixelpipe.pipeline.elsewhere import record_figures

    for name in ("prompts", "art", "config", "epoch"):
        if given[name] is not None:
            raise BadInputError(f"--{name}: goes with {'CHECKPOINT' if name == 'epoch' else '--images'}, not --figures")
    known = stated_config("figures", given["figures"], _overrides(given), _called(given))
    store.check_writable()
    return record_figures(store, known, declared)


def _images(store: Store, declared: Declaration | None, given: dict[str, Any]) -> Outcome:
    from pixelpipe.cli.stated import stated_config
    from pixelpipe.config import as_name
    from pixelpipe.pipeline.foreign_images import record_images

    if given["epoch"] is not None:
        raise BadInputError("--epoch: goes with CHECKPOINT; of images the folders' names say it")
    stated = _called(given)
    if given["config"] is None:
        stated["name"] = stated["name"] or as_name(given["images"].absolute().name, "images")
    known = stated_config("images", given["config"], _overrides(given), stated)
    store.check_writable()
    return record_images(store, known, given["images"], given["prompts"], declared)


def _checkpoint(store: Store, declared: Declaration | None, given: dict[str, Any]) -> Outcome:
    from pixelpipe.cli.results import find_experiment
    from pixelpipe.cli.stated import stated_values
    from pixelpipe.lease import acquire
    from pixelpipe.pipeline.checkpoint import CheckpointEvaluation, prepare_evaluation
    from pixelpipe.pipeline.checkpoint_source import names_experiment

    checkpoint: str = given["checkpoint"]
    name, at, epoch = checkpoint.partition("@")
    if names_experiment(checkpoint):
        checkpoint = f"{find_experiment(store, name)}{at}{epoch}"
    values = stated_values(given["config"], _overrides(given))
    evaluation = prepare_evaluation(
        store, checkpoint, values, declared=declared, epoch=given["epoch"], prompts_file=given["prompts"],
        **_called(given),
    )  # fmt: skip
    store.check_writable()
    with acquire(store, evaluation.experiment_id) as lease:
        run = CheckpointEvaluation(lease, evaluation)
        epochs = run.begin()
        click.echo(evaluation.introduction(epochs, run.rows.baseline.reference), err=True)
        try:
            for number in epochs:
                run.sample(number)
                if run.judge(number, run.analyze(number)).ends_run:
                    break
            return run.conclude()
        except BaseException as error:
            if was_interrupted(error):
                raise StoppedError("interrupted; the same command goes on with the pictures that are there") from error
            raise


def _called(given: dict[str, Any]) -> dict[str, Any]:
    return {"name": given["name"], "line": given["line"]}


def _overrides(given: dict[str, Any]) -> tuple[str, ...]:
    """--art and --grid are fields with a short name."""
    short = {"dataset.path": given["art"], "dataset.grid": given["grid"]}
    return (*(f"{key}={value}" for key, value in short.items() if value is not None), *given["overrides"])
