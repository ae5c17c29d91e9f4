"""A training step and a decoded batch of the tiny base on a CPU, with freed memory kept and without.

    python -m benchmarks.allocator

Each side is a process of its own; they take turns. Seconds are wall time; the peak is of resident memory.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

SIDES = ("kept", "given back")
BATCH, SIZE = 16, 24  # pictures of 192 px


def measure(side: str) -> dict[str, float]:
    import torch

    import pixelpipe.models.load as load
    from pixelpipe.models.layout import TINY

    if side != "kept":
        load.keep_freed_memory = lambda: None
    base = load.load_base(TINY)
    generator = torch.Generator().manual_seed(1)
    latents = torch.randn(BATCH, 4, SIZE, SIZE, generator=generator)
    texts = torch.randn(
        BATCH, base.tokenizer.model_max_length, base.unet.config.cross_attention_dim, generator=generator
    )
    optimizer = torch.optim.AdamW(base.unet.parameters(), lr=1e-5)

    def train() -> None:
        base.unet(latents, torch.full((BATCH,), 500), texts).sample.square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()

    @torch.no_grad()
    def decode() -> None:
        base.vae.decode(latents)

    def seconds(work: Callable[[], None], times: int) -> float:
        work()
        started = time.perf_counter()
        for _ in range(times):
            work()
        return (time.perf_counter() - started) / times

    figures = {"training step, s": seconds(train, 10), "decoded batch, s": seconds(decode, 5)}
    return figures | {"peak, MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        print(json.dumps(measure(arguments.side)))
        return
    found = {side: [] for side in SIDES}
    for _ in range(arguments.rounds):
        for side in SIDES:
            command = [sys.executable, "-m", "benchmarks.allocator", "--side", side]
            found[side].append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    for what in found["kept"][0]:
        kept, given_back = (statistics.median(each[what] for each in found[side]) for side in SIDES)
        print(f"{what}: {kept:.3g} kept, {given_back:.3g} given back, {given_back / kept:.2f} times")


if __name__ == "__main__":
    main()
