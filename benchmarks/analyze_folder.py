"""`pixelpipe analyze` on folders of 1,000 to 100,000 images: images a second and memory, beside a plain Pillow loop.

    python benchmarks/analyze_folder.py                      # all sizes; makes and removes its own images
    python benchmarks/analyze_folder.py --sizes 1000 10000   # a quick look

Both sides are processes of their own, timed from start to end, imports included; memory is the sum of the resident
memory of the process and all its children, looked at every 20 ms. The plain loop opens each file and counts colors:
one metric, where `analyze` measures all and writes JSON Lines. CPU time is of all cores together, and tells the cost on
a machine that is busy with other work, too.
"""

import argparse
import io
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from pixelpipe.analysis.folder import CHUNK_FILES, file_analyzer
from pixelpipe.analysis.workers import Workers, available_cores
from pixelpipe.data.portraits import write_dataset
from pixelpipe.data.sprites import load_sprites, stack, upscale

PLAIN_LOOP = """
import os, sys
from PIL import Image
for name in os.listdir(sys.argv[1]):
    with Image.open(os.path.join(sys.argv[1], name)) as image:
        rgb = image.convert("RGB")
        print(name, len(rgb.getcolors(rgb.width * rgb.height)))
"""
DIFFERENT = 500  # images; beyond, the same bytes under other names


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000], help="small images, 24 px")
    parser.add_argument("--large", type=int, default=200, help="images of 512 px, with the noise of a generated one")
    arguments = parser.parse_args()
    print(
        f"{platform.processor() or platform.machine()}, {available_cores()} cores, Python {platform.python_version()}\n"
    )
    with tempfile.TemporaryDirectory(prefix="pixelpipe-benchmark-") as place:
        small = _encoded(Path(place), DIFFERENT, px=24)
        print(
            "| images | px | analyze, images/s | CPU ms an image | MB | plain loop, images/s | CPU ms an image | MB |"
        )
        print("|---|---|---|---|---|---|---|---|")
        for number in arguments.sizes:
            _compare(_filled(Path(place, f"small-{number}"), small, number), number, 24)
        large = _encoded(Path(place), min(50, arguments.large), px=512)
        folder = _filled(Path(place, "large"), large, arguments.large)
        _compare(folder, arguments.large, 512)
        _processes_or_threads(_filled(Path(place, "small"), small, 4_000), folder)


def _compare(folder: Path, number: int, px: int) -> None:
    """One row: both sides on the same files, one after the other."""
    command = Path(sys.executable).with_name("pixelpipe")
    plain = _timed([sys.executable, "-c", PLAIN_LOOP, str(folder)])
    ours = _timed([str(command), "analyze", str(folder), "--format", "json"])
    sides = " | ".join(
        f"{number / seconds:,.0f} | {1000 * cpu_s / number:.2f} | {mb:.0f}" for seconds, cpu_s, mb in (ours, plain)
    )
    print(f"| {number:,} | {px} | {sides} |", flush=True)


def _timed(command: Sequence[str]) -> tuple[float, float, float]:
    """(seconds, CPU seconds, peak MB) of the whole process tree."""
    started, used, peak = time.perf_counter(), _cpu_s(), 0
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    root = psutil.Process(process.pid)
    while process.poll() is None:
        peak = max(peak, _resident(root))
        time.sleep(0.02)
    seconds = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with {process.returncode}")
    return seconds, _cpu_s() - used, peak / 1e6


def _cpu_s() -> float:
    """Of all processes that have ended below this one."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _resident(root: psutil.Process) -> int:
    total = 0
    try:
        for process in (root, *root.children(recursive=True)):
            total += process.memory_info().rss
    except psutil.NoSuchProcess:
        pass  # ended while we looked; the next look counts what is left
    return total


def _processes_or_threads(small: Path, large: Path) -> None:
    """Why workers are processes: the same function, warm, on every core."""
    print(f"\n| {available_cores()} cores, warm | 24 px, images/s | 512 px, images/s |\n|---|---|---|")
    rates: dict[str, list[float]] = {"one thread": [], "threads": [], "processes": []}
    for folder in (small, large):
        names = sorted(str(path) for path in folder.iterdir())
        chunks = [names[start : start + CHUNK_FILES] for start in range(0, len(names), CHUNK_FILES)]
        analyzer = file_analyzer(24)
        analyzer(chunks[0])
        started = time.perf_counter()
        for chunk in chunks:
            analyzer(chunk)
        rates["one thread"].append(len(names) / (time.perf_counter() - started))
        with ThreadPoolExecutor(available_cores()) as pool:
            started = time.perf_counter()
            list(pool.map(analyzer, chunks))
            rates["threads"].append(len(names) / (time.perf_counter() - started))
        with Workers(analyzer, available_cores()) as workers:
            list(workers.map([chunks[0]] * available_cores()))
            started = time.perf_counter()
            list(workers.map(chunks))
            rates["processes"].append(len(names) / (time.perf_counter() - started))
    for name, (of_small, of_large) in rates.items():
        print(f"| {name} | {of_small:,.0f} | {of_large:,.0f} |")


def _encoded(place: Path, number: int, px: int) -> list[bytes]:
    """PNGs of synthetic portraits; large ones with the invisible noise of a generated picture."""
    dataset = place / f"portraits-{px}"
    write_dataset(dataset, number, seed=0)
    images = upscale(stack(load_sprites(dataset, 24)), px)
    encoded = []
    for image in images:
        if px > 24:
            noise = np.random.default_rng(len(encoded)).normal(0, 1, image.shape)
            image = (image + noise).round().clip(0, 255).astype(np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "PNG", compress_level=1)
        encoded.append(buffer.getvalue())
    return encoded


def _filled(folder: Path, encoded: Sequence[bytes], number: int) -> Path:
    folder.mkdir()
    for index, data in enumerate(islice(cycle(encoded), number)):
        (folder / f"{index:06}.png").write_bytes(data)
    return folder


if __name__ == "__main__":
    main()
