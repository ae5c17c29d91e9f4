"""`pixelpipe run`: one experiment, here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pixelpipe.cli.hosting import run_on_prefect
from pixelpipe.cli.options import store_option
from pixelpipe.cli.verdicts import say_outcome
from pixelpipe.config import ExperimentConfig, load_config
from pixelpipe.errors import StoppedError
from pixelpipe.interruption import was_interrupted
from pixelpipe.store import Store

if TYPE_CHECKING:
    from pixelpipe.pipeline.baseline import Baseline
    from pixelpipe.pipeline.prepare import Experiment


@click.command()
@click.argument("config", type=click.Path(path_type=Path), metavar="CONFIG.yaml")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a field, e.g. training.epochs=4. Repeatable.",
)
@click.option("--again", is_flag=True, help="Run it anew under an id of its own, though it is done already.")
@store_option
def run(config: Path, overrides: tuple[str, ...], again: bool, store: Store) -> None:
    """Run one experiment to its verdict; goes on where an interrupted run stopped.

    It runs in this process, on Prefect's own ephemeral server, or on the one that PREFECT_API_URL names.
    An experiment that is done already only prints its verdict.

    \b
    A configuration needs no more than this (every field: docs/configuration.md):
        dataset: {path: my-sprites, grid: 24}
    """
    run_experiment_here(store, load_config(config, overrides), again)


def run_experiment_here(
    store: Store, config: ExperimentConfig, again: bool = False, resume_with: str = "the same command"
) -> None:
    """Check every input before anything starts, then run and say how it ended.

    Raises `StoppedError`, which names `resume_with`, when the person stops it.
    """
    from pixelpipe.lease import check_free
    from pixelpipe.pipeline.baseline import pinned_baseline
    from pixelpipe.pipeline.comparable import check_comparable
    from pixelpipe.pipeline.prepare import prepare
    from pixelpipe.pipeline.repetition import next_repetition
    from pixelpipe.pipeline.status import finished_status

    if config.training.num_processes > 1:
        from pixelpipe.training.processes import check_num_processes

        check_num_processes(config.training.num_processes)
    experiment = prepare(store, config)
    if again:
        experiment = next_repetition(store, experiment)
    if finished_status(store, experiment.experiment_id):
        click.echo(f"{experiment.experiment_id} is done already (--again runs it anew)", err=True)
        _say_stored(store, experiment.experiment_id)
        return
    # refuses a judge.baseline that the store lacks
    baseline = pinned_baseline(store, experiment.experiment_id, experiment.line, config.judge.baseline)
    check_comparable(store, experiment.evaluation, baseline, experiment.line)
    check_free(store, experiment.experiment_id)
    store.check_writable()
    click.echo(_introduction(store, experiment, baseline), err=True)
    try:
        outcome = run_on_prefect(store, config, experiment.repetition)
    except BaseException as error:
        if was_interrupted(error):
            raise StoppedError(f"interrupted; {resume_with} goes on from the last complete epoch") from error
        raise
    say_outcome(store, outcome)


def _introduction(store: Store, experiment: Experiment, baseline: Baseline) -> str:
    """What will happen, before the person waits for it."""
    from pixelpipe.results.writer import committed_epochs

    config, sampling = experiment.config, experiment.config.sampling
    num_train, num_held_out = (len(experiment.manifest.split(split)) for split in ("train", "validation"))
    rival = (
        f"against {baseline.reference}" if baseline.reference else "without a baseline yet: it becomes the first one"
    )
    done = max(committed_epochs(store, experiment.experiment_id), default=0)
    repeated = f" that see every sprite {config.repeats} times" if config.repeats > 1 else ""
    goes_on = f"; goes on after epoch {done}" if done else ""
    return (
        f"{experiment.experiment_id} (line {experiment.line}): {num_train} sprites and {num_held_out} held out, "
        f"base {config.model.base} at {config.resolution} px\n"
        f"  {config.training.epochs} epochs{repeated}{goes_on}; each is judged on {sampling.num_prompts} prompts x "
        f"{sampling.seeds_per_prompt} seed{'s' if sampling.seeds_per_prompt > 1 else ''}"
        f"{', one of them while that is enough' if sampling.adaptive and baseline.reference else ''}, {rival}"
    )


def _say_stored(store: Store, experiment_id: str) -> None:
    """A run that was killed between its last status and its report is done, but has no report yet, or an old one."""
    from pixelpipe.pipeline.outcome import stored_outcome
    from pixelpipe.reporting.documents import refresh_documents

    refresh_documents(store, experiment_id)
    say_outcome(store, stored_outcome(store, experiment_id))
