"""`pixelpipe analyze --vae`: what the VAE alone does to the art, size by size."""

from pathlib import Path
from typing import Any

import click

from pixelpipe.analysis.duplicates import TrainSprites
from pixelpipe.analysis.profile import build_profile
from pixelpipe.analysis.vae_floor import (
    Floor,
    art_itself,
    check_resolution,
    floor_records,
    measured_metrics,
    vae_floor,
)
from pixelpipe.cli.options import Format, rounded, write_records
from pixelpipe.config import VAE_FACTOR, content_id
from pixelpipe.data.sprites import load_sprites, stack
from pixelpipe.models.layout import resolve_base
from pixelpipe.models.load import load_vae


def show_floor(
    dataset: Path, base: str, resolutions: tuple[int, ...], grid: int, background: str, output_format: Format
) -> None:
    """To stdout: every metric of the art, before and after the VAE at each size. Inputs are checked first."""
    import torch

    sizes = sorted(set(resolutions)) or [VAE_FACTOR * grid, 2 * VAE_FACTOR * grid]
    for size in sizes:
        check_resolution(size, grid)
    loaded = load_sprites(dataset, grid, background)
    folder = resolve_base(base)
    art = stack(loaded)
    profile = build_profile(art, content_id("dataset", grid, [sprite.content_hash for sprite in loaded]))
    train = TrainSprites(art)
    vae = load_vae(folder, "cuda" if torch.cuda.is_available() else "cpu")
    floors = [vae_floor(vae, art, size, profile, train) for size in sizes]
    itself = art_itself(art, profile, train)
    if output_format == "table":
        _say_table(f"{len(art)} sprites of {dataset} through the VAE of {base}", itself, floors)
    else:
        write_records(floor_records(itself, floors), output_format)


def _say_table(title: str, itself: Floor, floors: list[Floor]) -> None:
    columns = {_heading(floor): floor for floor in floors}
    rows: list[dict[str, Any]] = [
        {
            "median (p95)": "latents a cell",
            "the art": "",
            **{name: f"{f.latents_per_cell:.4g}" for name, f in columns.items()},
        }
    ]
    for metric in measured_metrics(itself.rows):
        cells = {name: _middle_and_high(floor, metric) for name, floor in columns.items()}
        rows.append({"median (p95)": metric, "the art": _middle_and_high(itself, metric), **cells})
    clean = {name: f"{floor.clean_rate:.0%}" for name, floor in columns.items()}
    rows.append({"median (p95)": "clean", "the art": f"{itself.clean_rate:.0%}", **clean})
    click.echo(title)
    write_records(rows, "table")
    step = VAE_FACTOR * itself.grid
    click.echo(
        f"\nThe best that any fine-tune of the UNet can reach at each size. Aligned sizes at grid {itself.grid} are "
        f"multiples of {step}: {step}, {2 * step}, {3 * step}, ...; at others cells straddle latents."
    )
    for floor in floors:
        if not floor.aligned:
            click.echo(_price(floor, itself))


def _price(floor: Floor, itself: Floor) -> str:
    before, after = (side.figures("effective_colors")["median"] for side in (itself, floor))
    return f"{floor.resolution} px is not aligned: the VAE alone turns {before:.3g} effective colors into {after:.3g}."


def _heading(floor: Floor) -> str:
    return f"{floor.resolution} px{'' if floor.aligned else ' NOT aligned'}"


def _middle_and_high(floor: Floor, metric: str) -> str:
    figures = floor.figures(metric)
    return f"{rounded(figures['median']):.3g} ({rounded(figures['p95']):.3g})"
