"""`pixelpipe evaluate`: what was trained elsewhere, judged here."""

from pathlib import Path
from typing import Any

import click

from pixelpipe.cli.options import store_option
from pixelpipe.errors import BadInputError
from pixelpipe.store import Store


@click.command()
@click.option("--images", type=click.Path(path_type=Path), metavar="DIR", help="epoch-NN/<prompt_id>__<seed>.png")
@click.option("--figures", type=click.Path(path_type=Path), metavar="FIGURES.yaml", help="Means of each epoch.")
@click.option("--as", "role", type=click.Choice(["candidate", "baseline"]), default="candidate", show_default=True)
@click.option("--line", help="Line that it belongs to, e.g. portraits-24.")
@click.option("--name", help="What it is called; default: the folder's or file's name.")
@click.option(
    "--prompts",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Texts of the prompts: YAML or JSON by id, or text (line 1 is p001). Default: the line's.",
)
@click.option("--art", type=click.Path(path_type=Path), metavar="DIR", help="The line's sprites; needed once a line.")
@click.option("--grid", type=int, help="Sprite side in cells. [default: 24]")
@click.option("--config", type=click.Path(path_type=Path), metavar="KNOWN.yaml", help="With --images: what is known.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="How it was trained, as far as known.")
@click.option("--why", help="Why it is the baseline; recorded with your name. Needed with --as baseline.")
@store_option
def evaluate(
    images: Path | None,
    figures: Path | None,
    role: str,
    prompts: Path | None,
    config: Path | None,
    overrides: tuple[str, ...],
    why: str | None,
    store: Store,
    **given: Any,
) -> None:
    """Judge what was trained elsewhere, by the rule of any run.

    A candidate is compared with its line's champion, epoch by epoch; a baseline becomes the champion because you say
    so. Run the same command again when another epoch has been trained: what was judged stays, what is new is judged.
    --set training.epochs=8 says how many are planned; without it the last epoch that is there is the last one.

    \b
    Images of any trainer, of the same prompts and seeds at every epoch:
      pixelpipe evaluate --images base/ --as baseline --why "used today" --line art-24 --art sprites --prompts p.txt
      pixelpipe evaluate --images new/ --line art-24 --set training.resolution=256

    \b
    Means that were written down, without images (the file: pixelpipe baseline import --help):
      pixelpipe evaluate --figures candidate.yaml

    Step by step: docs/evaluate.md.
    """
    from pixelpipe.cli.stated import person, stated_config
    from pixelpipe.cli.verdicts import say_outcome
    from pixelpipe.pipeline.elsewhere import Declaration, record_figures
    from pixelpipe.reporting.documents import write_documents

    if (images is None) == (figures is None):
        raise BadInputError("one of --images DIR and --figures FIGURES.yaml must be given")
    if role == "baseline" and not (why or "").strip():
        raise BadInputError("--why: must be given with --as baseline")
    declared = Declaration(person(), why.strip()) if role == "baseline" and why else None
    stated = {"name": given["name"], "line": given["line"]}
    places = [*_option("dataset.path", given["art"]), *_option("dataset.grid", given["grid"]), *overrides]
    if figures is not None:
        for option, value in (("--prompts", prompts), ("--art", given["art"]), ("--config", config)):
            if value is not None:
                raise BadInputError(f"{option}: goes with --images, not with --figures")
        known = stated_config("figures", figures, tuple(places), stated)
        store.check_writable()
        outcome = record_figures(store, known, declared)
    else:
        from pixelpipe.pipeline.foreign_images import record_images

        assert images is not None
        stated["name"] = stated["name"] or (None if config else _name_of(images))
        known = stated_config("images", config, tuple(places), stated)
        store.check_writable()
        outcome = record_images(store, known, images, prompts, declared)
    write_documents(store, outcome.experiment_id)
    say_outcome(store, outcome)


def _option(key: str, value: Any) -> list[str]:
    return [] if value is None else [f"{key}={value}"]


def _name_of(folder: Path) -> str:
    from pixelpipe.config import as_name

    return as_name(folder.absolute().name, "images")
