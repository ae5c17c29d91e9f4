"""`pixelpipe baseline`: the champion of a line."""

import getpass
import os

import click

from pixelpipe.cli.options import Format, format_option, store_option, write_records
from pixelpipe.cli.results import find_experiment
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
@click.option("--why", required=True, help="Recorded with your name.")
@store_option
def set_champion(checkpoint: str, why: str, store: Store) -> None:
    """Make a checkpoint the champion of its line, whatever the rule says."""
    from pixelpipe.lines import champion, move_champion
    from pixelpipe.pipeline.baseline import stored_config, trajectory

    name, _, epoch_text = checkpoint.partition("@")
    if not epoch_text.isdecimal():
        raise BadInputError(f"EXPERIMENT@EPOCH must name an epoch, e.g. {name}@8, but got {checkpoint}")
    experiment_id, epoch = find_experiment(store, name), int(epoch_text)
    epochs = trajectory(store, experiment_id)
    if epoch not in epochs:
        raise BadInputError(f"{checkpoint}: must be one of the epochs {sorted(epochs)}")
    from pixelpipe.training.checkpoint import CheckpointStore  # brings torch: last

    if not CheckpointStore(store, experiment_id).has_weights(epoch):
        raise BadInputError(f"{checkpoint}: its weights are not kept any more, so it cannot be compared on fresh seeds")
    line = stored_config(store, experiment_id).line_name
    current = champion(store, line)
    moved = move_champion(
        store,
        line,
        after=current.sequence if current else 0,
        experiment_id=experiment_id,
        epoch=epoch,
        reason=why,
        set_by=_user(),
    )
    if moved is None:
        raise BadInputError(f"the champion of line {line} moved just now; look again with pixelpipe baseline show")
    click.echo(f"{moved.reference} is the champion of line {line}")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        return f"uid {os.getuid()}"
