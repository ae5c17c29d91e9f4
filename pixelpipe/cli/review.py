"""`pixelpipe review`: which sprite people prefer who do not know where it comes from."""

from pathlib import Path

import click

from pixelpipe.cli.options import printable, store_option
from pixelpipe.cli.output_file import whole_file
from pixelpipe.cli.results import find_experiment
from pixelpipe.errors import BadInputError
from pixelpipe.store import Store


@click.group()
def review() -> None:
    """Let people vote, candidate beside baseline, without names: fewer colors is not yet better art."""


@review.command()
@click.argument("experiment")
@click.option(
    "--to",
    "target",
    metavar="FILE",
    required=True,
    type=click.Path(path_type=Path),
    help="The page: a file, NAME.html.",
)
@click.option("--epoch", type=click.IntRange(1), help="Of the experiment; default: its last.")
@click.option("--pairs", default=48, show_default=True, type=click.IntRange(1, 1000), help="At most so many.")
@store_option
def make(experiment: str, target: Path, epoch: int | None, pairs: int, store: Store) -> None:
    """Write a page with pairs of sprites of an EXPERIMENT and of the baseline that it was compared with.

    Order and sides are random; the store keeps them, the page does not know them. The page is one file: mail it,
    open it anywhere. Who has voted saves a file, which `pixelpipe review import` stores.
    """
    import numpy as np

    from pixelpipe.reporting.blind_review import make_review
    from pixelpipe.reporting.description import describe
    from pixelpipe.reporting.pages.review import review_page

    if target.suffix.lower() not in (".html", ".htm"):
        raise BadInputError(f"--to {target}: must end in .html: it is a page")
    description = describe(store, find_experiment(store, experiment))
    with whole_file(target) as temporary:
        found, pictures = make_review(store, description, epoch, pairs, np.random.default_rng())
        temporary.write_text(review_page(found, pictures), encoding="utf-8")
    click.echo(target.absolute())
    click.echo(f"{len(found.pairs)} pairs; when somebody has voted: pixelpipe review import VOTES.json", err=True)


@review.command(name="import")
@click.argument("files", metavar="VOTES.json...", nargs=-1, required=True, type=click.Path(path_type=Path))
@store_option
def import_votes(files: tuple[Path, ...], store: Store) -> None:
    """Store the votes that people have saved, and rebuild the reports that show them.

    A file can be stored twice without harm: of two votes of one reviewer on one pair the first counts.
    """
    from pixelpipe.reporting.ballots import read_ballot, store_votes
    from pixelpipe.reporting.documents import write_documents

    ballots = [read_ballot(path) for path in files]
    imported = []
    for path, ballot in zip(files, ballots, strict=True):
        try:
            imported.append(store_votes(store, ballot))
        except BadInputError as error:
            raise BadInputError(f"{path}: {error}") from None
    for one in imported:
        known = f"; {one.num_known} were there already" if one.num_known else ""
        votes = f"{one.num_stored} vote{'s'[: one.num_stored != 1]} of {printable(one.reviewer)}"
        click.echo(f"{one.experiment_id}: {votes} stored{known}", err=True)
    for experiment_id in dict.fromkeys(one.experiment_id for one in imported):
        click.echo(write_documents(store, experiment_id)["report.html"])
