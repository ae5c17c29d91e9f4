"""Measuring many files for `pixelpipe analyze`: rows, summary and picture from one pass."""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pyarrow as pa

from pixelpipe.analysis.folder import ANALYSIS_SCHEMA, Analyzed, FileAnalyzer, analyze_files
from pixelpipe.analysis.profile import Profile
from pixelpipe.analysis.summary import Extremes, Summary
from pixelpipe.cli.options import printable, rounded, write_records
from pixelpipe.cli.output_file import whole_file
from pixelpipe.cli.rows import RowFormat, row_writer
from pixelpipe.errors import BadInputError
from pixelpipe.progress import progress_bar

COLUMNS = ("effective_colors", "unique_colors", "top10_share", "orphan_ratio", "grid_error")
PROFILE_COLUMNS = ("off_palette", "nearest_train", "clean")
PICTURED = 8  # sprites of each kind
SPRITE_CELLS = 4  # an image up to so many grids wide is art itself, and its size says what the grid is


@dataclass(frozen=True, slots=True)
class Wanted:
    """What comes of the rows."""

    output_format: RowFormat
    out: Path | None
    summary_only: bool
    picture: Path | None
    title: str  # of the picture
    grid_assumed: bool  # nobody said which, and there is no art that fits it

    @property
    def rows_on_screen(self) -> bool:
        return not self.summary_only and self.out is None and sys.stdout.isatty()

    @property
    def summary_format(self) -> RowFormat | None:
        """None where stdout is a stream of json or csv: `--summary` gives it alone."""
        if self.summary_only:
            return self.output_format
        return "table" if self.out is not None or self.output_format == "table" else None


def measure(
    files: list[str], problems: list[str], analyzer: FileAnalyzer, num_workers: int, wanted: Wanted
) -> tuple[Summary, int]:
    """Measure every file and hand it on; returns the summary, and how many were skipped, `problems` included.

    Raises `BadInputError` when no file at all can be measured; then no file is written either.
    """
    summary, skipped, sizes = Summary(), len(problems), Sizes(analyzer.grid)
    _say_skipped(problems)
    with ExitStack() as stack:
        consumers = [
            lambda part: summary.add(part.rows),
            lambda part: sizes.add(part.rows),
            *_outputs(stack, summary, analyzer.profile, wanted),
        ]
        advance = stack.enter_context(progress_bar("measuring", len(files), hidden=wanted.rows_on_screen))
        for part in analyze_files(analyzer, files, num_workers):
            _say_skipped(part.skipped)
            skipped += len(part.skipped)
            for consume in consumers:
                consume(part)
            advance(part.num_files)
        if not summary.num_images:
            raise BadInputError(f"no image could be measured ({skipped} skipped)")
    sizes.warn(wanted.grid_assumed)
    return summary, skipped


class Sizes:
    """Counts images by their width: what it says of the grid."""

    def __init__(self, grid: int) -> None:
        self._grid = grid
        self._widths: Counter[int] = Counter()

    def add(self, rows: pa.Table) -> None:
        self._widths.update(rows["source_width"].to_pylist())

    def warn(self, grid_assumed: bool) -> None:
        """A line on stderr for sprites that do not fit the grid, and one for images that do not show what theirs is."""
        grid, largest = self._grid, SPRITE_CELLS * self._grid
        misfits = Counter({size: n for size, n in self._widths.items() if size % grid and size <= largest})
        if misfits:
            [(size, _)] = misfits.most_common(1)
            counted = f"{misfits.total()} of {self._widths.total()} images are no whole multiple of the grid, {grid}"
            click.echo(f"pixelpipe: {counted}: most are {size} px wide; is --grid right?", err=True)
        large = sum(n for size, n in self._widths.items() if size > largest)
        if large and grid_assumed:
            counted = f"{large} of {self._widths.total()} images are wider than {largest} px"
            click.echo(f"pixelpipe: {counted}: a grid of {grid} is assumed; --grid says which it is", err=True)


def _outputs(
    stack: ExitStack, summary: Summary, profile: Profile | None, wanted: Wanted
) -> Iterator[Callable[[Analyzed], None]]:
    """What takes the results as they come; its files are whole when the stack is left."""
    if not wanted.summary_only:
        columns = (*COLUMNS, *(PROFILE_COLUMNS if profile else ()), "file")
        write = stack.enter_context(row_writer(wanted.output_format, wanted.out, ANALYSIS_SCHEMA, columns))
        yield lambda part: write(part.rows)
    if wanted.picture is not None:
        yield stack.enter_context(_picture(wanted.picture, wanted.title, summary, profile))


@contextmanager
def _picture(path: Path, title: str, summary: Summary, profile: Profile | None) -> Iterator[Callable[[Analyzed], None]]:
    """Collects the best and worst sprites and draws them at the end."""
    from pixelpipe.reporting.extremes_picture import extremes_picture  # brings matplotlib

    extremes = Extremes(PICTURED)
    with whole_file(path) as temporary:
        yield lambda part: extremes.add(part.rows, part.sprites)
        temporary.write_bytes(extremes_picture(title, extremes, summary, profile))


def _say_skipped(problems: Iterable[str]) -> None:
    for problem in problems:
        click.echo(f"pixelpipe: skipped {printable(problem)}", err=True)


def say_summary(summary: Summary, profile: Profile | None, output_format: RowFormat) -> None:
    """On stdout: a record a metric and gate. The table shows the art's own median and p95 beside, where it has them."""
    if output_format in ("json", "csv"):
        write_records([*summary.percentiles(), *_gate_records(summary)], output_format)
        return
    click.echo(f"\n{summary.num_images} images")
    write_records([_shown(record, profile) for record in summary.percentiles()], "table")
    passed = summary.gates()
    if passed:
        parts = [f"{_gate_name(name)} {share:.0%}" for name, share in passed.items() if name != "clean"]
        click.echo(f"\nclean by the art's percentiles: {passed['clean']:.0%} ({', '.join(parts)})")


def _shown(record: dict[str, Any], profile: Profile | None) -> dict[str, Any]:
    shown = {"metric": record["metric"]}
    shown |= {name: rounded(record[name]) for name in ("p5", "median", "p95", "max")}
    if profile is not None:
        art = profile.percentiles.get(record["metric"])
        own = (None,) * 3 if art is None else map(rounded, (art.p5, art.p50, art.p95))
        shown |= dict(zip(("art p5", "art median", "art p95"), own, strict=True))
    return shown


def _gate_records(summary: Summary) -> list[dict[str, Any]]:
    names = summary.percentiles()[0]
    return [
        {**dict.fromkeys(names), "metric": name, "unit": "share", "mean": share}
        for name, share in summary.gates().items()
    ]


def _gate_name(name: str) -> str:
    return name.removeprefix("clean_").replace("_", " ")
