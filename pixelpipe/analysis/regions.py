"""Where the merged colors of a sprite lie: flat regions, stray pixels, the background's edge."""

import numpy as np
import numpy.typing as npt

from pixelpipe.analysis.compiled import compiled, read_only

Labels = npt.NDArray[np.int64]


@compiled(f"int64[::1]({read_only('int64', 2)})")
def region_sizes(labels):
    """Pixels of each 8-connected region of equal `labels` (h, w), in the order of their first pixels: (regions,).

    Flood fill; sum h * w. Equals `scipy.ndimage.label` with a full 3 x 3 structure, label by label.
    """
    height, width = labels.shape
    seen = np.zeros((height, width), np.bool_)
    sizes = np.zeros(height * width, np.int64)
    stack = np.empty((height * width, 2), np.int64)
    num_regions = 0
    for first in range(height * width):
        if seen[first // width, first % width]:
            continue
        seen[first // width, first % width] = True
        stack[0, 0], stack[0, 1] = first // width, first % width
        depth = 1
        while depth:
            depth -= 1
            y, x = stack[depth, 0], stack[depth, 1]
            sizes[num_regions] += 1
            for row in range(max(y - 1, 0), min(y + 2, height)):
                for column in range(max(x - 1, 0), min(x + 2, width)):
                    if not seen[row, column] and labels[row, column] == labels[y, x]:
                        seen[row, column] = True
                        stack[depth, 0], stack[depth, 1] = row, column
                        depth += 1
        num_regions += 1
    return sizes[:num_regions].copy()


def orphan_ratio(sizes: npt.NDArray[np.int64]) -> float:
    """Share of the pixels none of whose 8 neighbors has their label, in [0, 1]; `sizes`: of `region_sizes`.

    Such a pixel is a region of its own. Real art has some: eyes, earrings.
    """
    return float(np.count_nonzero(sizes == 1) / sizes.sum())


def background_uniformity(labels: Labels) -> float:
    """Share of the commonest label on the top, left and right borders (corners once), in (0, 1]."""
    border = np.concatenate([labels[0], labels[1:, 0], labels[1:, -1]])
    return float(np.bincount(border).max() / len(border))
