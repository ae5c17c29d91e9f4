"""`pixelpipe captions`: write captions, and see what of them a sprite cannot show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from pixelpipe.cli.options import Format, format_option, store_option, write_records
from pixelpipe.cli.output_file import write_whole
from pixelpipe.config import BACKGROUND
from pixelpipe.errors import BadInputError
from pixelpipe.store import Store

if TYPE_CHECKING:
    from pixelpipe.captions.findings import LintReport

By = Literal["term", "finding", "image", "rule"]


@click.group()
def captions() -> None:
    """Captions that a small sprite can carry: written, and checked against the pixels."""


def dataset_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(
        [
            click.argument("dataset", type=click.Path(path_type=Path)),
            click.option(
                "--grid", default=24, show_default=True, type=click.IntRange(8, 128), help="Sprite side in cells."
            ),
            click.option(
                "--background", default=BACKGROUND, show_default=True, help="Shown through transparent pixels."
            ),
            click.option(
                "--column", default="text", show_default=True, help="Caption column of metadata.jsonl or .csv."
            ),
            click.option("--trigger", help="Words that must come first in every caption."),
            click.option(
                "--base",
                default="sd15",
                show_default=True,
                help="Whose tokens are counted: sd15, tiny, or a folder in diffusers' layout.",
            ),
        ]
    ):
        command = option(command)
    return command


@captions.command()
@dataset_options
@click.option(
    "--framing",
    type=click.Choice(["portrait", "figure", "none"]),
    default="portrait",
    show_default=True,
    help="What fills the picture: a face, a whole figure, or anything (then sizes say nothing).",
)
@click.option("--by", type=click.Choice(["term", "finding", "image", "rule"]), help="Rows; default: rule for a table.")
@click.option("--html", type=click.Path(path_type=Path), help="Write a page with the worst captions and their sprites.")
@click.option("--write", type=click.Path(path_type=Path), help="Write a copy of the dataset with fixed captions.")
@click.option("--in-place", is_flag=True, help="Fix the captions where they are.")
@click.option(
    "--keep-tokens", default=0, show_default=True, type=click.IntRange(0), help="First phrases left as they are."
)
@click.option("--strict", is_flag=True, help="Exit with 1 if anything is found (late words apart).")
@format_option
def lint(
    dataset: Path,
    grid: int,
    background: str,
    column: str,
    trigger: str | None,
    base: str,
    framing: Literal["portrait", "figure", "none"],
    by: By | None,
    html: Path | None,
    write: Path | None,
    in_place: bool,
    keep_tokens: int,
    strict: bool,
    output_format: Format,
) -> int | None:
    """Name the words of captions that the sprites cannot show or do not show, each with its evidence.

    \b
    pixelpipe captions lint sprites --grid 24                      counts by rule
    pixelpipe captions lint sprites --by term                      terms, with what the pixels say of each
    pixelpipe captions lint sprites --by finding --format csv      every finding
    pixelpipe captions lint sprites --html lint.html --write fixed

    A term that a small classifier can tell from the pixels is never reported: an earring of 0.5 px stays if it is
    drawn.
    """
    from pixelpipe.captions.lint import LintOptions
    from pixelpipe.captions.lint import lint as lint_captions
    from pixelpipe.captions.sidecar import read_captions
    from pixelpipe.captions.tokens import TokenBudget, tokenizer_folder
    from pixelpipe.data.sprites import load_sprites, stack
    from pixelpipe.progress import progress_bar

    if write is not None and in_place:
        raise BadInputError("--write and --in-place: only one of them can be given")
    sprites = load_sprites(dataset, grid, background)
    texts = read_captions(dataset, [sprite.file_name for sprite in sprites], column)
    texts = {sprite.file_name: texts[sprite.file_name] for sprite in sprites}
    options = LintOptions(grid, framing, TokenBudget(tokenizer_folder(base)), trigger)
    with progress_bar("checking captions", len(texts)) as advance:
        report = lint_captions(stack(sprites), texts, options, advance)
    if html is not None:
        from pixelpipe.captions.lint_page import lint_page

        page = lint_page(report, {sprite.file_name: sprite.pixels for sprite in sprites}, str(dataset))
        write_whole(html, page)
    if write is not None or in_place:
        _write_fixed(report, options, dataset, write, column, keep_tokens)
    default: By = "rule" if output_format == "table" else "finding"
    write_records(_records(report, by or default), output_format, if_none="nothing was found")
    worth_it = [finding for finding in report.findings if finding.rule != "late"]
    flagged = len({finding.file_name for finding in worth_it})
    click.echo(f"pixelpipe: {flagged} of {len(texts)} captions have findings ({len(worth_it)})", err=True)
    return 1 if strict and worth_it else None


@captions.command()
@dataset_options
@click.option(
    "--strategy",
    required=True,
    type=click.Choice(["sidecar", "traits", "palette", "vlm", "simple", "enhanced"]),
    help="Where captions come from (docs/captions.md).",
)
@click.option("--table", type=click.Path(path_type=Path), help="traits: a table; default: the folder's metadata.")
@click.option("--template", help="traits: text with {column}; parts whose trait is absent fall away.")
@click.option("--vlm", help="vlm: folder or hub id of an image-text-to-text model.")
@click.option("--prompt", help="vlm: what it is asked.")
@click.option("--write", type=click.Path(path_type=Path), help="Write a copy of the dataset with the captions.")
@click.option("--in-place", is_flag=True, help="Write the captions beside the sprites, over those that are there.")
@click.option("--as", "convention", type=click.Choice(["txt", "jsonl", "csv"]), help="Default: as they are kept there.")
@store_option
def write(
    dataset: Path,
    grid: int,
    background: str,
    column: str,
    trigger: str | None,
    base: str,
    strategy: str,
    table: Path | None,
    template: str | None,
    vlm: str | None,
    prompt: str | None,
    write: Path | None,
    in_place: bool,
    convention: Literal["txt", "jsonl", "csv"] | None,
    store: Store,
) -> None:
    """Caption every sprite of a folder.

    \b
    pixelpipe captions write sprites --strategy palette --trigger "pxl portrait" --write captioned
    pixelpipe captions write sprites --strategy traits --table traits.csv --template "{hair} hair, {hat}" --in-place

    Captions made from pixels are kept in the store by content: after an interruption the same command goes on.
    """
    from pixelpipe.config import CaptionsConfig, DatasetConfig, describe_validation
    from pixelpipe.pipeline.captions import caption_dataset

    if (write is None) == (not in_place):
        raise BadInputError("--write DIR or --in-place: one of them must be given")
    given = {"table": table, "template": template, "vlm": vlm, "vlm_prompt": prompt, "trigger": trigger}
    with describe_validation("captions write"):
        config = CaptionsConfig.model_validate(
            {"strategy": strategy, "column": column} | {key: value for key, value in given.items() if value is not None}
        )
        sprites = DatasetConfig(path=dataset, grid=grid, background=background)
    done = caption_dataset(store, sprites, config, base, write, in_place, convention)
    mended = "".join(f", {count} {note}" for note, count in sorted(done.mended.items()))
    click.echo(f"{done.num_sprites} captions, {done.num_different} different{mended}; in {done.place}", err=True)


def _records(report: LintReport, by: By) -> list[dict[str, Any]]:
    from pixelpipe.captions.findings import RULES

    if by == "rule":
        return [{"rule": rule, "findings": n, "meaning": RULES[rule]} for rule, n in report.counts().items()]
    if by == "term":
        return [term.row() for term in report.terms]
    if by == "finding":
        return [finding.row() for finding in report.findings]
    return [
        {
            "file_name": name,
            "tokens": report.num_tokens[name],
            "findings": len(own),
            "words": "; ".join(dict.fromkeys(finding.words for finding in own)),
            "caption": caption,
        }
        for name, caption in report.captions.items()
        for own in [report.of(name)]
    ]


def _write_fixed(
    report: LintReport, options: Any, dataset: Path, directory: Path | None, column: str, keep_tokens: int
) -> None:
    from pixelpipe.captions.fixing import fixed_caption
    from pixelpipe.captions.writing import convention_of, write_captions, write_copy

    fixed = {
        name: fixed_caption(caption, report.of(name), options.budget, options.trigger, keep_tokens)
        for name, caption in report.captions.items()
    }
    changed = sum(fixed[name] != caption for name, caption in report.captions.items())
    if directory is not None:
        write_copy(dataset, directory, fixed, column)
    else:
        write_captions(dataset, fixed, convention_of(dataset), column, columns_of=dataset)
    click.echo(f"pixelpipe: {changed} of {len(fixed)} captions changed, in {directory or dataset}", err=True)
