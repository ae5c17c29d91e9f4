"""A training step and a decoded batch of the tiny base, alone and beside other work, by how long threads spin.

    python -m benchmarks.busy_machine

Other work: as many endless loops as there are cores. Each side is a process of its own; they take turns.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

from pixelpipe.threads import SPINS

SIDES = {"brief": {"GOMP_SPINCOUNT": SPINS}, "as PyTorch comes": {}}
MEASURE = [sys.executable, "-m", "benchmarks.allocator", "--side", "kept"]
LOOP = [sys.executable, "-c", "while True: pass"]


def measure(settings: dict[str, str]) -> dict[str, float]:
    unset = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    done = subprocess.run(MEASURE, env=unset | settings, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def compare(rounds: int, num_loops: int) -> None:
    loops = [subprocess.Popen(LOOP) for _ in range(num_loops)]
    try:
        found = [{side: measure(settings) for side, settings in SIDES.items()} for _ in range(rounds)]
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
    for what in ("training step, s", "decoded batch, s"):
        ours, theirs = (statistics.median(each[side][what] for each in found) for side in SIDES)
        beside = f"beside {num_loops} loops" if num_loops else "alone"
        print(f"{what}, {beside}: {ours:.3g} brief, {theirs:.3g} as PyTorch comes, {theirs / ours:.2f} times")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    for num_loops in (0, os.cpu_count() or 1):
        compare(arguments.rounds, num_loops)


if __name__ == "__main__":
    main()
