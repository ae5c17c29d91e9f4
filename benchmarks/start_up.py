"""How long the module of a run's flow takes to import and its process to end, with the collector at rest and without.

    python -m benchmarks.start_up

Both sides are processes of their own and take turns; the one without has `pixelpipe.collector` stand aside.
"""

import argparse
import statistics
import subprocess
import sys
import time

IMPORT = "import flows.experiment"
SIDES = {
    "collector at rest": IMPORT,
    "as Python has it": "import gc; gc.disable = gc.freeze = lambda: None; " + IMPORT,
}


def seconds(code: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    seconds(IMPORT)  # what is read from the disk, and compiled, once
    times: dict[str, list[float]] = {side: [] for side in SIDES}
    for _ in range(rounds):
        for side, code in SIDES.items():
            times[side].append(seconds(code))
    medians = {side: statistics.median(each) for side, each in times.items()}
    for side, median in medians.items():
        print(f"{side}: {median:.1f} s, median of {rounds} ({', '.join(f'{t:.1f}' for t in times[side])})")
    quick, plain = medians.values()
    print(f"ratio: {plain / quick:.2f}")


if __name__ == "__main__":
    main()
