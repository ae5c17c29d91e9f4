"""Do two sets of sprites come from one distribution? The maximum mean discrepancy (MMD), with a permutation test."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pixelpipe.analysis.duplicates import mean_square_distances
from pixelpipe.seeds import numpy_generator

NUM_PERMUTATIONS = 999
MAX_SPRITES = 1024  # of each set; of more, as many spread evenly over the set are used

Sprites = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Discrepancy:
    mmd2: float  # unbiased estimate of the squared MMD; about 0, also below, for one distribution, at most 2
    p_value: float  # (0, 1]: share of random splits of both sets together that differ as much


def maximum_mean_discrepancy(first: Sprites, second: Sprites) -> Discrepancy | None:
    """The unbiased squared MMD of two sets of sprites, (N, g, g, 3) and (M, g, g, 3) uint8; None if N or M is below 2.

    Gretton et al. 2012, "A Kernel Two-Sample Test", JMLR 13, 723-773, equation 3; Gaussian kernel on the RMS
    Delta E_OK of two sprites, its width the median distance of all pairs, both sets together. The p-value holds for
    independent sprites: generated ones share prompts, so take it as a figure to follow over epochs, not as a proof.
    20 sprites show noise and collapse; a mild cast (24 levels of red) on real art is significant in 1 of 5 tries with
    20, in 2 of 5 with 96. The smallest p-value is 1 / 1000.
    """
    first, second = _some(first), _some(second)
    if min(len(first), len(second)) < 2:
        return None
    kernel = _kernel(np.concatenate([first, second]))
    members = np.zeros((len(kernel), NUM_PERMUTATIONS + 1), dtype=np.float32)
    members[: len(first), 0] = 1  # the sets as they are, then random ones of the same sizes
    generator = numpy_generator("maximum mean discrepancy", len(first), len(second))
    for column in range(1, NUM_PERMUTATIONS + 1):
        members[generator.permutation(len(kernel))[: len(first)], column] = 1
    found = _unbiased_mmd2(kernel, members, len(first))
    num_as_far = int(np.count_nonzero(found[1:] >= found[0] - 1e-9))
    return Discrepancy(float(found[0]), (1 + num_as_far) / (1 + NUM_PERMUTATIONS))


def _kernel(sprites: Sprites) -> npt.NDArray[np.float32]:
    """(n, n) with a zero diagonal: the unbiased estimate leaves out each sprite's likeness to itself."""
    squares = mean_square_distances(sprites, sprites)
    width = np.median(squares[np.triu_indices(len(squares), 1)])
    kernel = np.exp(-squares / (2 * width)) if width > 0 else (squares <= 0).astype(np.float32)
    np.fill_diagonal(kernel, 0)
    return kernel


def _unbiased_mmd2(
    kernel: npt.NDArray[np.float32], members: npt.NDArray[np.float32], num_first: int
) -> npt.NDArray[np.float64]:
    """For each column of `members` (n, k), 1 for a sprite of the first set: (k,)."""
    num_second = len(kernel) - num_first
    of_first = (kernel @ members).astype(np.float64)
    within_first = (of_first * members).sum(axis=0)
    between = of_first.sum(axis=0) - within_first
    within_second = kernel.sum(dtype=np.float64) - within_first - 2 * between
    return (
        within_first / (num_first * (num_first - 1))
        + within_second / (num_second * (num_second - 1))
        - 2 * between / (num_first * num_second)
    )


def _some(sprites: Sprites) -> Sprites:
    if len(sprites) <= MAX_SPRITES:
        return sprites
    return sprites[np.linspace(0, len(sprites) - 1, MAX_SPRITES).astype(np.int64)]
