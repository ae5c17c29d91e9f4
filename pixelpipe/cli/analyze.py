"""`pixelpipe analyze`: the 24px metrics of any images."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from pixelpipe.cli.options import Format, format_option, printable, write_records
from pixelpipe.errors import BadInputError

TABLE_COLUMNS = ("file", "unique_colors", "effective_colors", "top10_share", "orphan_ratio", "grid_error")


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option("--grid", default=24, show_default=True, type=click.IntRange(8, 128), help="Sprite side in cells.")
@click.option("--background", default="#ffffff", show_default=True, help="Shown through transparent pixels.")
@format_option
def analyze(paths: tuple[Path, ...], grid: int, background: str, output_format: Format) -> int | None:
    """Measure images at the grid: how many colors the eye sees, how clean, how far off the grid.

    PATHs are images or folders of them, of any square size; no model is needed. Each image is brought to the grid by
    the method that its row records. Files that cannot be measured are named on stderr, and the exit code is 1.
    The table shows the main metrics; json and csv hold all of them.
    """
    from pixelpipe.analysis.folder import SkippedFile, analyze_files, find_images
    from pixelpipe.progress import progress_bar

    files = find_images(paths)
    skipped: list[SkippedFile] = []

    def rows() -> Iterator[dict[str, Any]]:
        with progress_bar("measuring", len(files)) as advance:
            for result in analyze_files(files, grid, background):
                advance(1)
                if isinstance(result, SkippedFile):
                    skipped.append(result)
                    click.echo(f"pixelpipe: skipped {printable(result.reason)}", err=True)
                else:
                    yield _shown(result.row(), output_format)

    measured = write_records(rows(), output_format)
    if not measured:
        raise BadInputError(f"no image could be measured ({len(skipped)} skipped)")
    if skipped:
        click.echo(f"pixelpipe: {measured} measured, {len(skipped)} skipped", err=True)
        return 1
    return None


def _shown(row: dict[str, Any], output_format: Format) -> dict[str, Any]:
    return {name: row[name] for name in TABLE_COLUMNS} if output_format == "table" else row
