"""The colors of the training art, of what the experiment draws and of the baseline: merged as the eye merges them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pixelpipe.analysis.color import JUST_NOTICEABLE
from pixelpipe.analysis.palette import pooled_palette
from pixelpipe.data.png import decode_png
from pixelpipe.lines import pinned_profile
from pixelpipe.reporting.description import Description
from pixelpipe.results.reader import read_table
from pixelpipe.store import Store

SWATCHES = 40  # at most, the largest; what remains is said in words


@dataclass(frozen=True, slots=True)
class Swatch:
    color: str  # #rrggbb
    share: float  # of all pixels


@dataclass(frozen=True, slots=True)
class PaletteBar:
    title: str
    swatches: tuple[Swatch, ...]
    num_colors: int

    @property
    def rest(self) -> float:
        """Share of the pixels whose colors are not among the swatches."""
        return max(0.0, 1 - sum(swatch.share for swatch in self.swatches))

    @property
    def top10(self) -> float:
        return sum(swatch.share for swatch in self.swatches[:10])


def palette_bars(store: Store, description: Description) -> list[PaletteBar]:
    """The art first; a side whose pixels the store does not have is left out."""
    bars = []
    grid = description.config.get("dataset", {}).get("grid")
    profile = pinned_profile(store, description.line, int(grid)) if grid else None
    if profile is not None:
        colors, shares = profile.palette_colors(), np.array(profile.palette_weights)
        bars.append(_bar(f"Training art ({profile.num_sprites} sprites)", colors, shares))
    last = description.last
    if last is None:
        return bars
    sides = {f"This experiment, epoch {last.epoch}": _sprites(store, description.experiment_id, last.epoch)}
    theirs = description.baseline_of(last)
    if theirs is not None and description.baseline is not None and description.baseline.experiment_id is not None:
        other = _sprites(store, description.baseline.experiment_id, theirs.epoch)
        sides[f"Baseline, epoch {theirs.epoch}"] = other
    if last.epoch in description.compared:  # more images have more colors: those that both sides drew
        shared = set.intersection(*(set(side) for side in sides.values()))
        sides = {title: {key: side[key] for key in side if key in shared} for title, side in sides.items()}
    return bars + [_drawn(title, side) for title, side in sides.items() if side]


def _sprites(store: Store, experiment_id: str, epoch: int) -> dict[tuple[str, int], bytes]:
    columns = ["epoch", "prompt_id", "seed", "sprite_png"]
    rows = read_table(store, "samples", experiment_id, columns=columns).to_pylist()
    return {(row["prompt_id"], row["seed"]): row["sprite_png"] for row in rows if row["epoch"] == epoch}


def _drawn(title: str, pngs: Mapping[tuple[str, int], bytes]) -> PaletteBar:
    sprites = [decode_png(png) for png in pngs.values()]
    colors, shares = pooled_palette(np.stack(sprites), JUST_NOTICEABLE)
    return _bar(f"{title} ({len(sprites)} images)", colors, shares)


def _bar(title: str, colors: npt.NDArray[np.uint8], shares: npt.NDArray[np.float64]) -> PaletteBar:
    shown = zip(colors[:SWATCHES].tolist(), shares[:SWATCHES].tolist(), strict=True)
    swatches = tuple(Swatch("#{:02x}{:02x}{:02x}".format(*color), share) for color, share in shown)
    return PaletteBar(title, swatches, len(colors))
