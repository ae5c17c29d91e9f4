"""`pixelpipe baseline`: the champion of a line."""

from pathlib import Path
from typing import Any

import click

from pixelpipe.cli.options import Format, format_option, store_option, why_option, write_records
from pixelpipe.cli.results import find_experiment
from pixelpipe.cli.stated import person
from pixelpipe.errors import BadInputError
from pixelpipe.store import Store


@click.group()
def baseline() -> None:
    """The champion that candidates are judged against, by line."""


@baseline.command()
@click.option("--line", help="Only this line.")
@store_option
@format_option
def show(line: str | None, store: Store, output_format: Format) -> None:
    """Show the champion of every line, and how it came to be."""
    from pixelpipe.lines import champion_history, line_names

    if line is not None and line not in line_names(store):
        raise BadInputError(f"--line must be one of {', '.join(line_names(store)) or 'none yet'} but got {line}")
    records = [
        {"line": name, **entry.model_dump(), "champion": entry is history[-1]}
        for name in ([line] if line else line_names(store))
        for history in [champion_history(store, name)]
        for entry in history
    ]
    write_records(records, output_format, if_none=f"no champion in {store.url} yet")


@baseline.command("set")
@click.argument("checkpoint", metavar="EXPERIMENT@EPOCH")
@why_option
@store_option
def set_champion(checkpoint: str, why: str, store: Store) -> None:
    """Make a checkpoint the champion of its line, whatever the rule says."""
    from pixelpipe.lines import champion, move_champion
    from pixelpipe.pipeline.baseline import trajectory
    from pixelpipe.pipeline.override import record_override
    from pixelpipe.results.reader import latest_status

    name, _, epoch_text = checkpoint.partition("@")
    if not epoch_text.isdecimal():
        raise BadInputError(f"EXPERIMENT@EPOCH must name an epoch, e.g. {name}@8, but got {checkpoint}")
    experiment_id, epoch = find_experiment(store, name), int(epoch_text)
    epochs = trajectory(store, experiment_id)
    if epoch not in epochs:
        raise BadInputError(f"{checkpoint}: must be one of the epochs {sorted(epochs)}")
    from pixelpipe.pipeline.weights import has_weights  # brings torch: last

    if not has_weights(store, experiment_id, epoch):
        raise BadInputError(f"{checkpoint}: its weights are not kept any more, so it cannot be compared on fresh seeds")
    status = latest_status(store, experiment_id)
    assert status is not None
    line = status["line"]
    current = champion(store, line)
    moved = move_champion(
        store,
        line,
        after=current.sequence if current else 0,
        experiment_id=experiment_id,
        epoch=epoch,
        reason=why,
        set_by=person(),
    )
    if moved is None:
        raise BadInputError(f"the champion of line {line} moved just now; look again with pixelpipe baseline show")
    record_override(store, moved)
    although = f", although the experiment was {status['status']}" if status["status"] != "promoted" else ""
    click.echo(f"{moved.reference} is the champion of line {line}{although}")


@baseline.command("import")
@click.argument("figures", required=False, type=click.Path(path_type=Path), metavar="[FIGURES.yaml]")
@click.option("--name", help="What it is called; default: the file's name.")
@click.option("--line", help="Line whose baseline it becomes, e.g. portraits-24.")
@click.option("--epoch", type=int, help="Epoch that was measured.")
@click.option("--metric", type=click.Choice(["unique_colors", "effective_colors"]), default="unique_colors")
@click.option("--mean", type=float, help="Mean of the metric over the images.")
@click.option("--images", type=int, help="How many images the mean is over.")
@click.option("--clean-rate", type=float, help="Share of clean images, 0 to 1, if it is known.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="How it was trained, as far as known.")
@why_option
@store_option
def import_figures(
    figures: Path | None,
    line: str | None,
    name: str | None,
    overrides: tuple[str, ...],
    why: str,
    store: Store,
    **figure: Any,
) -> None:
    """Make a checkpoint that is known by summary figures alone the baseline of a line.

    Whoever is judged against it loses only by a mean more than 50% above its own (judge.unmatched_margin) at two
    epochs in a row, and can never be promoted: a mean has no prompts and no seeds. Candidates are brought the same
    way: pixelpipe evaluate --figures.

    \b
    pixelpipe baseline import --name 512px --line portraits-24 --epoch 8 --mean 216.6 --images 7 --clean-rate 0.4 \\
        --set training.resolution=512 --set captions.strategy=simple --why "best of ten checkpoints"

    \b
    Or as a file (the fields of a configuration, as far as they are known, and figures):
        name: 512px
        line: portraits-24
        training: {resolution: 512}
        captions: {strategy: simple}
        figures: [{epoch: 8, images: 7, unique_colors: 216.6, clean_rate: 0.4}]
    """
    from pixelpipe.cli.stated import stated_config
    from pixelpipe.cli.verdicts import say_outcome
    from pixelpipe.pipeline.elsewhere import Declaration, record_figures
    from pixelpipe.reporting.documents import write_documents

    given = {"name": name, "line": line, "figures": _figure(figures, figure)}
    config = stated_config("figures", figures, overrides, given)
    store.check_writable()
    outcome = record_figures(store, config, Declaration(person(), why))
    write_documents(store, outcome.experiment_id)
    say_outcome(store, outcome)


def _figure(path: Path | None, options: dict[str, Any]) -> list[dict[str, Any]] | None:
    """One epoch's figures from the options, where there is no file."""
    metric = options.pop("metric")
    given = {name: value for name, value in options.items() if value is not None}
    if path is not None:
        if given:
            raise BadInputError(f"--{next(iter(given)).replace('_', '-')}: must stand in {path}, beside its figures")
        return None
    for name in ("epoch", "mean", "images"):
        if name not in given:
            raise BadInputError(f"--{name}: must be given, or a FIGURES.yaml")
    return [{metric: given.pop("mean"), **given}]
