"""`pixelpipe import-kohya`: an sd-scripts configuration as a pixelpipe one."""

from pathlib import Path

import click

from pixelpipe.cli.output_file import write_whole
from pixelpipe.errors import BadInputError, ConfigError


@click.command("import-kohya")
@click.argument("config", metavar="CONFIG.toml", type=click.Path(path_type=Path))
@click.option("--to", "target", metavar="FILE.yaml", type=click.Path(path_type=Path), help="Default: stdout.")
@click.option(
    "--grid", default=24, show_default=True, type=click.IntRange(8, 128), help="Side of the sprites in cells."
)
@click.option("--overwrite", is_flag=True, help="Replace FILE.yaml.")
@click.pass_context
def import_kohya(context: click.Context, config: Path, target: Path | None, grid: int, overwrite: bool) -> None:
    """Make a pixelpipe configuration of sd-scripts' CONFIG.toml.

    CONFIG.toml is what --config_file or --dataset_config gets; a dataset_config that it names is read as well, and
    so are folders such as 10_name under train_data_dir. The YAML goes to FILE.yaml or stdout. What became of
    every setting that is not simply a field with the same value goes to stderr, a line each: not known,
    no counterpart, changed, needs no setting.

    \b
    pixelpipe import-kohya train.toml --to my-art.yaml
    pixelpipe run my-art.yaml

    Exit codes: 0 the YAML is a valid configuration, 1 it is not, or settings were not known, 2 bad input.
    """
    from pixelpipe.config import parse_config
    from pixelpipe.kohya.convert import convert
    from pixelpipe.kohya.read import read_kohya
    from pixelpipe.kohya.report import note_lines, yaml_text

    if target is not None and target.exists() and not overwrite:
        raise BadInputError(f"--to {target}: exists already; give another file, or --overwrite")
    conversion = convert(read_kohya(config), grid, config)
    _write(yaml_text(conversion, config), target)
    for line in note_lines(conversion):
        click.echo(line, err=True)
    try:
        parse_config({"name": config.stem or "kohya"} | conversion.values, where=str(target or "stdout"))
    except ConfigError as error:
        click.echo(f"to be mended: {error}", err=True)
        context.exit(1)
    if any(note.kind == "unknown" for note in conversion.notes):
        context.exit(1)


def _write(text: str, target: Path | None) -> None:
    if target is None:
        click.echo(text, nl=False)
        return
    write_whole(target, text)
    click.echo(target)
