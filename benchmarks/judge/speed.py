"""What deciding an epoch costs at 96 pairs, and what scipy's permutation_test takes for one p-value of it.

python benchmarks/judge/speed.py
"""

from time import process_time

import numpy as np
import pyarrow as pa
from scipy.stats import permutation_test
from settings import REFERENCE, SETTINGS, Setting

from pixelpipe.comparison.characteristics import pictures_of
from pixelpipe.comparison.pairing import pair
from pixelpipe.comparison.simulation import decisions
from pixelpipe.comparison.statistics import flip_matrix

REPEATS = 20


def milliseconds(call, *arguments) -> float:
    """CPU time of one call; the best of several, so that another load on the machine is left out."""
    times = []
    for _ in range(REPEATS):
        started = process_time()
        call(*arguments)
        times.append(process_time() - started)
    return 1000 * min(times)


def decide_first_epoch(setting: Setting) -> None:
    """Nothing kept from an earlier call: an epoch of a run draws its own arrangements."""
    flip_matrix.cache_clear()
    pictures, rng = pictures_of(setting.design, setting.truth(1.05), 0)
    next(decisions(setting.design.plan, pictures, setting.design.guardrails, setting.truth(1.05).look, rng))


def images(values: np.ndarray) -> pa.Table:
    """(P, S) values as rows of `samples`."""
    prompts, seeds = values.shape
    return pa.table(
        {
            "prompt_id": [f"p{prompt:03d}" for prompt in range(prompts) for _ in range(seeds)],
            "seed": pa.array(list(range(seeds)) * prompts, pa.int64()),
            "eval_set_id": ["set"] * values.size,
            "effective_colors": values.ravel(),
        }
    )


def main() -> None:
    pictures, _ = pictures_of(REFERENCE.design, REFERENCE.truth(1.05), 0)
    ours, theirs = images(pictures.candidate[0]), images(pictures.baseline[0])
    differences = pictures.candidate[0].mean(axis=1) - 1.1 * pictures.baseline[0].mean(axis=1)

    def scipys() -> None:
        permutation_test((differences,), lambda x, axis: x.mean(axis=axis), permutation_type="samples", vectorized=True)

    figures = {
        "pairing two tables of 96 images": milliseconds(pair, ours, theirs, "effective_colors", 18.0),
        "a whole decision: test, interval, detectable difference, sentence": milliseconds(
            decide_first_epoch, REFERENCE
        ),
        "the same with a known deviation between runs": milliseconds(decide_first_epoch, SETTINGS[-3]),
        "scipy.stats.permutation_test, one p-value, no interval": milliseconds(scipys),
    }
    for name, value in figures.items():
        print(f"{value:8.1f} ms  {name}")


if __name__ == "__main__":
    main()
