"""What measuring costs, beside what one would write without pixelpipe, in one run on one core.

OMP_NUM_THREADS=1 python -m benchmarks.analysis.speed [--images N] [--px SIZE] [--flat N]
"""

import argparse
import platform
import resource
import time
from collections.abc import Callable

import numpy as np
from PIL import Image
from skimage.measure import label

from benchmarks.analysis.pictures import Images, gaussian_noise, portraits, upscale
from pixelpipe.analysis.color import srgb_to_oklab
from pixelpipe.analysis.downscale import cell_edges, inner_pixels
from pixelpipe.analysis.duplicates import TrainSprites
from pixelpipe.analysis.merging import MergedColors
from pixelpipe.analysis.metrics import measure_sprites, sprites
from pixelpipe.analysis.profile import Profile, build_profile
from pixelpipe.analysis.regions import region_sizes

GRID = 24
BATCH = 64


def plain(image: Images, art_oklab: np.ndarray, palette_oklab: np.ndarray) -> dict[str, float]:
    """The same figures as a script would make them: Pillow, numpy, a loop over cells and one over colors."""
    picture = Image.fromarray(image)
    unique = len(picture.resize((GRID, GRID), Image.Resampling.NEAREST).getcolors(GRID * GRID))
    oklab = srgb_to_oklab(image)
    edges, inner = cell_edges(len(image), GRID), inner_pixels(len(image), GRID)
    sprite = np.empty((GRID, GRID, 3), np.uint8)
    errors, full_errors = [], []
    for row in range(GRID):
        for column in range(GRID):
            middle = np.ix_(inner[row], inner[column])
            sprite[row, column] = np.median(image[middle].reshape(-1, 3), axis=0)
            errors.append(_rms(oklab[middle]))
            full_errors.append(_rms(oklab[edges[row] : edges[row + 1], edges[column] : edges[column + 1]]))
    across = np.square(np.diff(oklab, axis=1)).sum(axis=(0, 2))
    down = np.square(np.diff(oklab, axis=0)).sum(axis=(1, 2))
    small = srgb_to_oklab(sprite)
    return {
        "unique_colors": unique,
        "effective_colors": _count_merged(Image.fromarray(sprite), 0.02),
        "effective_colors_04": _count_merged(Image.fromarray(sprite), 0.04),
        "grid_error": float(np.median(errors)),
        "straddle": float(np.mean(np.subtract(full_errors, errors))),
        "off_grid": float(across[edges[1:-1] - 1].sum() + down[edges[1:-1] - 1].sum()),
        "orphan_ratio": _orphans(small),
        "palette_distance": float(np.linalg.norm(small.reshape(-1, 1, 3) - palette_oklab, axis=-1).min(axis=1).mean()),
        "nearest_train": float(np.sqrt(np.square(art_oklab - small).sum(axis=-1).mean(axis=(1, 2)).min())),
    }


def _rms(cell: np.ndarray) -> float:
    colors = cell.reshape(-1, 3)
    return float(np.sqrt(np.square(colors - colors.mean(axis=0)).sum(axis=1).mean()))


def _count_merged(sprite: Image.Image, tolerance: float) -> int:
    colors = [color for _, color in sorted(sprite.getcolors(GRID * GRID), reverse=True)]
    leaders: list[np.ndarray] = []
    for color in srgb_to_oklab(np.array(colors, dtype=np.uint8)):
        if all(np.linalg.norm(color - leader) > tolerance for leader in leaders):
            leaders.append(color)
    return len(leaders)


def _orphans(oklab: np.ndarray) -> float:
    orphans = 0
    for row in range(GRID):
        for column in range(GRID):
            around = oklab[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
            orphans += (np.linalg.norm(around - oklab[row, column], axis=-1) <= 0.02).sum() == 1
    return orphans / GRID**2


def best_ms(run: Callable[[], object], num_images: int, repeats: int = 5) -> float:
    """Milliseconds an image of the fastest of some runs, in this thread's own processor time."""
    run()
    times = []
    for _ in range(repeats):
        started = time.thread_time()
        run()
        times.append(time.thread_time() - started)
    return min(times) / num_images * 1000


def compare(images: Images, profile: Profile, art: Images) -> None:
    train = TrainSprites(art)
    small = sprites(images, GRID)
    few = images[: min(len(images), 8)]
    art_oklab = srgb_to_oklab(train.sprites)
    palette_oklab = srgb_to_oklab(profile.palette_colors())
    labels = [MergedColors(sprite).merge(0.02)[0] for sprite in small]
    ours = best_ms(lambda: measure_sprites(images, sprites(images, GRID), profile, train), len(images))
    theirs = best_ms(lambda: [plain(image, art_oklab, palette_oklab) for image in few], len(few), repeats=2)
    regions = best_ms(lambda: [region_sizes(each) for each in labels], len(labels))
    skimage = best_ms(lambda: [label(each, connectivity=2, background=-1) for each in labels], len(labels))
    reading = best_ms(lambda: images.sum(dtype=np.uint64), len(images))
    copying = best_ms(images.copy, len(images))
    oklab = best_ms(lambda: [srgb_to_oklab(image) for image in few], len(few))
    print(f"every metric                        {ours:7.2f} ms an image")
    print(f"Pillow, numpy, loops (9 of them)    {theirs:7.2f} ms, {theirs / ours:.0f} times as long")
    print(f"regions                             {regions:7.3f} ms")
    print(f"skimage.measure.label               {skimage:7.3f} ms, {skimage / regions:.1f} times as long")
    print(f"OKLab of every pixel, numpy float64 {oklab:7.2f} ms")
    print(f"limit: every byte read once (sum)   {reading:7.2f} ms; copied {copying:.2f} ms ({images[0].nbytes} bytes)")


def stream(num_images: int, size_px: int, profile: Profile, art: Images) -> None:
    """Batch after batch: time and the process's greatest memory must not grow with the number."""
    train = TrainSprites(art)
    batch = gaussian_noise(2)(upscale(art[:BATCH], size_px), np.random.default_rng(1))
    done, started, next_report = 0, time.process_time(), 1000
    while done < num_images:
        measure_sprites(batch, sprites(batch, GRID), profile, train)
        done += len(batch)
        if done >= next_report or done >= num_images:
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            each = (time.process_time() - started) / done * 1000
            print(f"{done:7d} images of {size_px} px: {each:.3f} ms each, at most {memory:.0f} MB")
            next_report *= 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=48)
    parser.add_argument("--px", type=int, default=512)
    parser.add_argument("--stream", type=int, default=0, help="measure so many images, 192 px, one batch after another")
    arguments = parser.parse_args()
    art = portraits(200)
    profile = build_profile(art, "benchmark")
    images = gaussian_noise(2)(upscale(art[: arguments.images], arguments.px), np.random.default_rng(0))
    print(f"{platform.processor() or platform.machine()}, one thread, {arguments.images} images of {arguments.px} px")
    compare(images, profile, art)
    if arguments.stream:
        stream(arguments.stream, 192, profile, art)


if __name__ == "__main__":
    main()
