import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from pixelpipe.analysis.regions import background_uniformity, orphan_ratio, region_sizes

LABELS = hnp.arrays(np.int64, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 3))


@given(LABELS)
def test_regions_are_scipys_connected_components(labels):
    sizes = []
    for label in np.unique(labels):
        components, num_components = ndimage.label(labels == label, structure=np.ones((3, 3)))
        sizes += [int((components == index + 1).sum()) for index in range(num_components)]
    assert sorted(region_sizes(labels).tolist()) == sorted(sizes)


@given(LABELS)
def test_orphans_equal_a_plain_loop(labels):
    height, width = labels.shape
    orphans = 0
    for y, x in np.ndindex(height, width):
        around = [
            labels[y + dy, x + dx]
            for dy in (-1, 0, 1)
            for dx in (-1, 0, 1)
            if (dy, dx) != (0, 0) and 0 <= y + dy < height and 0 <= x + dx < width
        ]
        orphans += labels[y, x] not in around
    assert orphan_ratio(region_sizes(labels)) == pytest.approx(orphans / labels.size)


def test_background_is_read_on_three_borders_with_corners_once():
    labels = np.zeros((8, 8), dtype=np.int64)
    labels[7, 1:7] = 1  # the bottom edge, where a portrait's shoulders are, does not count
    assert background_uniformity(labels) == 1
    labels[0, :4] = 2
    assert background_uniformity(labels) == pytest.approx(18 / 22)
