"""Do the metrics rank degraded sprites as a person would? Prints Spearman's rank correlation with the known steps.

    python -m benchmarks.analysis.ranking [--portraits N]

Every picture also gets noise that nobody sees (sd 0.5 to 2, another one each time), as decoders leave it.
"""

import argparse
from collections.abc import Callable, Iterator

import numpy as np
from scipy.stats import spearmanr

from benchmarks.analysis.pictures import Images, blur, gaussian_noise, portraits, upscale
from pixelpipe.analysis.merging import distinct_colors
from pixelpipe.analysis.metrics import measure

SIZE_PX, GRID = 512, 24
STEPS = range(5)  # 0: as drawn
METRICS = (
    "unique_colors", "effective_colors", "visible_colors", "hill_shannon", "orphan_ratio", "num_regions", "geary_c",
    "background_uniformity", "off_grid", "grid_error_p95",
)  # fmt: skip
Degrade = Callable[[Images, int, np.random.Generator], Images]


def stray_pixels(sprites: Images, step: int, generator: np.random.Generator) -> Images:
    """2, 4, 8, 16 cells a sprite in any color."""
    changed = sprites.copy()
    for sprite in changed:
        for row, column in generator.integers(0, GRID, (2**step if step else 0, 2)):
            sprite[row, column] = generator.integers(0, 256, 3)
    return changed


def gradient_background(sprites: Images, step: int, _: np.random.Generator) -> Images:
    """The background darker to the bottom, by 24 levels a step."""
    background = (sprites == sprites[:, :1, :1]).all(axis=-1, keepdims=True)
    shade = (np.arange(GRID) * 24 * step / GRID)[None, :, None, None]
    return np.where(background, (sprites - shade).clip(0, 255), sprites).astype(np.uint8)


def dither_new_colors(sprites: Images, step: int, _: np.random.Generator) -> Images:
    """The 2, 4, 6, 8 largest colors become a checkerboard of themselves and 24 levels away."""
    board = np.indices((GRID, GRID)).sum(axis=0) % 2 == 1
    changed = sprites.copy()
    for sprite, original in zip(changed, sprites, strict=True):
        colors, _, index = distinct_colors(original)
        for rank, color in enumerate(colors[: 2 * step].astype(int)):
            sprite[board & (index == rank)] = np.where(color < 128, color + 24, color - 24)
    return changed


def dither_own_colors(sprites: Images, step: int, generator: np.random.Generator) -> Images:
    """5% of the cells a step take the color of another cell of the sprite: no new color."""
    changed = sprites.copy()
    for sprite in changed:
        places = generator.integers(0, GRID, (round(0.05 * step * GRID**2), 2))
        sources = generator.integers(0, GRID, places.shape)
        sprite[places[:, 0], places[:, 1]] = sprite[sources[:, 0], sources[:, 1]].copy()
    return changed


def bleeding(sprites: Images, step: int, _: np.random.Generator) -> Images:
    """Blurred at full size, by 0.15 of a cell a step."""
    large = upscale(sprites, SIZE_PX)
    return blur(0.15 * step * SIZE_PX / GRID)(large, np.random.default_rng(0)) if step else large


DEGRADATIONS: dict[str, Degrade] = {
    "stray pixels": stray_pixels,
    "bleeding": bleeding,
    "gradient background": gradient_background,
    "dither, new colors": dither_new_colors,
    "dither, own colors": dither_own_colors,
}


def correlations(degrade: Degrade, sprites: Images) -> dict[str, float]:
    """Spearman's correlation of step and metric over the five pictures of a sprite: metric -> mean over sprites."""
    values = {metric: np.empty((len(STEPS), len(sprites))) for metric in METRICS}
    for step in STEPS:
        generator = np.random.default_rng(step)
        table = measure(_shown(degrade(sprites, step, generator), generator), GRID)
        for metric in METRICS:
            values[metric][step] = table[metric].to_numpy()
    return {metric: float(np.mean(list(_spearman(columns.T)))) for metric, columns in values.items()}


def _shown(sprites: Images, generator: np.random.Generator) -> Images:
    large = sprites if sprites.shape[1] == SIZE_PX else upscale(sprites, SIZE_PX)
    noises = [gaussian_noise(sd) for sd in generator.uniform(0.5, 2, len(large))]
    return np.stack([noise(image, generator) for noise, image in zip(noises, large, strict=True)])


def _spearman(rows: np.ndarray) -> Iterator[float]:
    """0 where a metric does not move at all."""
    for row in rows:
        yield 0.0 if np.ptp(row) == 0 else float(spearmanr(list(STEPS), row).statistic)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--portraits", type=int, default=12)
    sprites = portraits(parser.parse_args().portraits)
    print(f"| degradation | {' | '.join(METRICS)} |")
    print(f"|---|{'---:|' * len(METRICS)}")
    for name, degrade in DEGRADATIONS.items():
        found = correlations(degrade, sprites)
        print(f"| {name} | {' | '.join(f'{found[metric]:.2f}' for metric in METRICS)} |")


if __name__ == "__main__":
    main()
