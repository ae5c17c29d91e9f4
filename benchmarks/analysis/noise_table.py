"""Do invisible changes change the count of colors? Writes docs/noise-table.md.

python -m benchmarks.analysis.noise_table [--art FOLDER --grid N] [--portraits N] [--out FILE]
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.analysis.pictures import (
    Change,
    Images,
    blur,
    gaussian_noise,
    jpeg,
    on_black,
    outlined,
    portraits,
    upscale,
)
from pixelpipe.analysis.metrics import METRIC_VERSION, measure
from pixelpipe.data.sprites import load_sprites

SIZES_PX = (384, 512, 576)
SEED = 7
METRICS = ("unique_colors", "effective_colors", "visible_colors")
CHANGES: dict[str, Change] = {
    **{f"noise sd {sd:g}": gaussian_noise(sd) for sd in (0, 0.5, 1, 2, 4, 8)},
    "JPEG 95": jpeg(95),
    "JPEG 80": jpeg(80),
    "blur 1 px": blur(1),
}
WITHIN = 0.30
HEADER = """# What invisible changes do to a count of colors

Made by `python -m benchmarks.analysis.noise_table {arguments}` (metric version {version}). Each sprite is drawn at the
size by nearest neighbor, changed, and measured. Noise is Gaussian, its standard deviation in levels of 255; JPEG is
Pillow's. After each metric's mean: `worst`, the ratio to the sprite's true count that is farthest from 1, and
`within 30%`, the sprites whose count is. Art with black stands on its own, since OKLab is steepest there.

`unique_colors` is the seed's metric, `effective_colors` what the judge reads by default, `visible_colors` the same seen
with a little viewing flare (docs/decisions/{note}).
"""
NOTE = "0012-visible-colors.md"


@dataclass(frozen=True, slots=True)
class Row:
    art: str
    size_px: int
    change: str
    counts: dict[str, np.ndarray]  # metric -> (N,) of the changed images
    truth: dict[str, np.ndarray]  # metric -> (N,) of the sprites themselves

    def cells(self) -> list[str]:
        cells = [self.art, str(self.size_px), self.change]
        for metric in METRICS:
            ratio = self.counts[metric] / self.truth[metric]
            worst = ratio[np.argmax(np.abs(np.log(ratio)))]
            within = np.mean(np.abs(ratio - 1) <= WITHIN)
            cells += [f"{self.counts[metric].mean():.1f}", f"{worst:.2f}", f"{within:.0%}"]
        return cells


def rows(arts: dict[str, Images]) -> Iterator[Row]:
    for name, sprites in arts.items():
        truth = _counts(measure(sprites, sprites.shape[1]))
        for size_px in SIZES_PX:
            large = upscale(sprites, size_px)
            for change, apply in CHANGES.items():
                changed = apply(large, np.random.default_rng(SEED))
                yield Row(name, size_px, change, _counts(measure(changed, sprites.shape[1])), truth)


def _counts(table: pa.Table) -> dict[str, np.ndarray]:
    return {metric: table[metric].to_numpy().astype(float) for metric in METRICS}


def markdown(found: list[Row]) -> str:
    titles = ["art", "px", "change"]
    for metric in METRICS:
        titles += [f"`{metric}`", "worst", "within 30%"]
    lines = [titles, ["---"] * 3 + ["---:"] * (len(titles) - 3), *(row.cells() for row in found)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--portraits", type=int, default=24)
    parser.add_argument("--art", type=Path, help="a folder of real sprites, measured too")
    parser.add_argument("--grid", type=int, default=32, help="of that folder")
    parser.add_argument("--every", type=int, default=1, help="use every n-th of its sprites")
    parser.add_argument("--out", type=Path, default=Path("docs/noise-table.md"))
    arguments = parser.parse_args()
    plain = portraits(arguments.portraits)
    arts = {"portraits": plain, "on black": on_black(plain), "black outlines": outlined(plain)}
    if arguments.art:
        real = load_sprites(arguments.art, arguments.grid, background="#ffffff")[:: arguments.every]
        arts |= {arguments.art.name: np.stack([sprite.pixels for sprite in real])}
    real_art = f"--art {arguments.art.name} --grid {arguments.grid} --every {arguments.every}" if arguments.art else ""
    command = f"--portraits {arguments.portraits} {real_art}".rstrip()
    header = HEADER.format(version=METRIC_VERSION, arguments=command, note=NOTE)
    arguments.out.write_text(f"{header}\n{markdown(list(rows(arts)))}")


if __name__ == "__main__":
    main()
