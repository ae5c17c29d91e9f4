"""`pixelpipe analyze`: the 24px metrics of any images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from pixelpipe.cli.options import printable
from pixelpipe.config import BACKGROUND
from pixelpipe.errors import BadInputError

if TYPE_CHECKING:
    from pixelpipe.analysis.folder import FileAnalyzer
    from pixelpipe.cli.rows import RowFormat

HELP = """\
Measure images at the grid: how many colors the eye sees, how clean, how far off the grid.

PATHs are images, folders (searched through), or quoted patterns such as 'runs/**/*.png'. PNG, WebP, JPEG, BMP and GIF
of any mode, square, at least as large as the grid; each is brought to the grid first. A file that cannot be measured
is named on stderr and counted, the others go on, and the exit code is 1.

\b
effective_colors  colors that the eye can tell apart: what a verdict is about
unique_colors     distinct RGB values: in generated images mostly invisible noise
top10_share       pixels in the ten commonest colors: near 1 is a real palette
orphan_ratio      stray pixels: no neighbor has their color
grid_error        how far cells are from one flat color: 0 is perfect
clean             within the percentiles of your own art (with --profile)

\b
pixelpipe analyze sprites                               a table, then percentiles
pixelpipe analyze samples --profile sprites --summary   samples against your art
pixelpipe analyze samples --picture extremes.png        the cleanest and the muddiest
pixelpipe analyze samples --out metrics.parquet         every metric, a row an image
pixelpipe analyze samples --format json | jq .file
pixelpipe analyze sprites --vae tiny --resolution 192 --resolution 256    the price of a training size

What each figure means to an artist: docs/analyze.md
"""


@click.command(help=HELP, short_help="Measure any images at the grid; no model needed.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option("--grid", default=24, show_default=True, type=click.IntRange(8, 128), help="Sprite side in cells.")
@click.option("--background", default=BACKGROUND, show_default=True, help="Shown through transparent pixels.")
@click.option(
    "--profile",
    "dataset",
    type=click.Path(path_type=Path),
    metavar="DATASET",
    help="Folder of your art: adds its palette, its nearest sprite, and which images are clean by its percentiles.",
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["table", "json", "csv", "parquet"]),
    help="Default: table, or what --out ends in. json is one object a line; parquet needs --out.",
)
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Rows go there; it appears when whole.")
@click.option("--summary", "summary_only", is_flag=True, help="Percentiles only, no row an image.")
@click.option("--picture", type=click.Path(path_type=Path), metavar="FILE.png", help="Draw the best and worst sprites.")
@click.option("--vae", "base", metavar="BASE", help="Instead: what this base's VAE alone makes of a folder of art.")
@click.option(
    "--resolution",
    "resolutions",
    multiple=True,
    type=int,
    metavar="PX",
    help="With --vae; repeatable.  [default: 8 and 16 times the grid]",
)
@click.option("--workers", type=click.IntRange(1, 1024), help="Processes.  [default: one a core]")
def analyze(
    paths: tuple[Path, ...],
    grid: int,
    background: str,
    dataset: Path | None,
    output_format: RowFormat | None,
    out: Path | None,
    summary_only: bool,
    picture: Path | None,
    base: str | None,
    resolutions: tuple[int, ...],
    workers: int | None,
) -> int | None:
    from pixelpipe.analysis.workers import available_cores
    from pixelpipe.cli.measuring import Wanted, measure, say_summary
    from pixelpipe.cli.output_file import check_outputs
    from pixelpipe.cli.rows import choose_format
    from pixelpipe.data.images import IMAGE_SUFFIXES
    from pixelpipe.data.listing import find_files

    if base is not None:
        others = {"--out": out, "--picture": picture, "--profile": dataset, "--summary": summary_only}
        return _floor(paths, base, resolutions, grid, background, output_format, others)
    if resolutions:
        raise BadInputError("--resolution must go with --vae BASE: other images have the size that they have")
    if summary_only and out is not None:
        raise BadInputError("--summary must go without --out: rows go to a file, and a summary has none")
    title = f"{printable(paths[0].resolve().name)}{f' and {len(paths) - 1} more' if len(paths) > 1 else ''}"
    given = click.get_current_context().get_parameter_source("grid") is not ParameterSource.DEFAULT
    wanted = Wanted(choose_format(output_format, out), out, summary_only, picture, title, not given and dataset is None)
    if picture is not None and picture.suffix.lower() != ".png":
        raise BadInputError(f"--picture {picture}: must end in .png: it is one")
    files, problems = find_files(paths, IMAGE_SUFFIXES)
    check_outputs({"--out": out, "--picture": picture}, files)
    analyzer = _analyzer(grid, background, dataset)
    summary, skipped = measure(files, problems, analyzer, workers or available_cores(), wanted)
    if wanted.summary_format is not None:
        say_summary(summary, analyzer.profile, wanted.summary_format)
    if skipped:
        click.echo(f"pixelpipe: {summary.num_images} measured, {skipped} skipped", err=True)
        return 1
    return None


def _floor(
    paths: tuple[Path, ...],
    base: str,
    resolutions: tuple[int, ...],
    grid: int,
    background: str,
    output_format: RowFormat | None,
    others: dict[str, object],
) -> None:
    """`--vae`: another question, about one folder of art."""
    given = [name for name, value in others.items() if value]
    if given:
        raise BadInputError(f"{given[0]} must go without --vae: the floor is of the art alone")
    if len(paths) != 1:
        raise BadInputError(f"--vae must have one folder of art but got {len(paths)} paths")
    if output_format == "parquet":
        raise BadInputError("--format must be table, json or csv with --vae but got parquet")
    from pixelpipe.cli.floor import show_floor  # brings torch

    show_floor(paths[0], base, resolutions, grid, background, output_format or "table")


def _analyzer(grid: int, background: str, dataset: Path | None) -> FileAnalyzer:
    from pixelpipe.analysis.folder import file_analyzer
    from pixelpipe.analysis.profile import build_profile
    from pixelpipe.config import content_id
    from pixelpipe.data.sprites import load_sprites, stack

    if dataset is None:
        return file_analyzer(grid, background)
    art = load_sprites(dataset, grid, background)
    dataset_hash = content_id("dataset", grid, [sprite.content_hash for sprite in art])
    return file_analyzer(grid, background, build_profile(stack(art), dataset_hash), stack(art))
