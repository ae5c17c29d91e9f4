from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.cluster.vq import kmeans2

from pixelpipe.analysis.downscale import cell_edges, inner_pixels, to_grid
from pixelpipe.errors import BadInputError

GRIDS = [8, 24, 32, 37, 128]
METHODS = ["nearest", "cell_median", "box", "mode", "k_centroid"]


@pytest.mark.parametrize("grid", GRIDS)
def test_nearest_equals_pillow_at_every_size(grid):
    generator = np.random.default_rng(grid)
    for size in [*range(grid, 4 * grid), *range(4 * grid, 1100, 7), 512, 576, 768, 1024]:
        column = generator.integers(0, 256, (size, grid, 3), dtype=np.uint8)
        expected = np.asarray(Image.fromarray(column).resize((grid, grid), Image.Resampling.NEAREST))
        np.testing.assert_array_equal(to_grid(column[None], grid, "nearest")[0], expected, err_msg=str(size))


@pytest.mark.parametrize(("method", "pillow"), [("nearest", "NEAREST"), ("box", "BOX")])
@pytest.mark.parametrize("size", [24, 25, 192, 256, 384, 512, 577])
def test_squares_equal_pillow(method, pillow, size):
    images = np.random.default_rng(size).integers(0, 256, (2, size, size, 3), dtype=np.uint8)
    expected = [np.asarray(Image.fromarray(i).resize((24, 24), Image.Resampling[pillow])) for i in images]
    np.testing.assert_array_equal(to_grid(images, 24, method), expected)


@pytest.mark.parametrize("method", METHODS)
def test_own_size_is_unchanged_and_an_empty_batch_stays_empty(method):
    images = np.random.default_rng(1).integers(0, 256, (3, 24, 24, 3), dtype=np.uint8)
    np.testing.assert_array_equal(to_grid(images, 24, method), images)
    assert to_grid(images[:0], 24, method).shape == (0, 24, 24, 3)


@given(st.integers(8, 128), st.data())
def test_cells_tile_the_axis_and_inner_pixels_keep_inside(grid, data):
    size = data.draw(st.integers(grid, 2048))
    edges, inner = cell_edges(size, grid), inner_pixels(size, grid)
    owner = [int((pixel + 0.5) * grid / size) for pixel in range(size)]
    assert edges[0] == 0
    assert edges[-1] == size
    for cell in {0, grid // 2, grid - 1}:
        assert owner[edges[cell] : edges[cell + 1]] == [cell] * (edges[cell + 1] - edges[cell])
    assert (inner[:, 0] >= edges[:-1]).all()
    assert (inner[:, -1] < edges[1:]).all()
    centers = (np.arange(grid) + 0.5) * size / grid
    assert np.abs(inner.mean(axis=1) + 0.5 - centers).max() <= 0.5 + 1e-9
    assert inner.shape[1] == max(1, size // (2 * grid))


def test_aligned_cells_use_exactly_the_central_half():
    assert inner_pixels(384, 24)[:2].tolist() == [list(range(4, 12)), list(range(20, 28))]


@pytest.mark.parametrize("size", [192, 256, 384, 512])
def test_cell_median_equals_numpy_by_cell(size):
    image = np.random.default_rng(size).integers(0, 256, (size, size, 3), dtype=np.uint8)
    sprite = to_grid(image[None], 24, "cell_median")[0]
    inner = inner_pixels(size, 24)
    for row, column in [(0, 0), (7, 11), (23, 23)]:
        cell = image[np.ix_(inner[row], inner[column])].reshape(-1, 3)
        expected = np.percentile(cell, 50, axis=0, method="inverted_cdf")  # the lower median
        assert sprite[row, column].tolist() == expected.tolist()


def test_cell_median_ignores_noise_that_moves_nearest():
    sprite = np.random.default_rng(3).integers(0, 4, (1, 24, 24, 1)).astype(np.uint8) * np.uint8(60)
    image = sprite.repeat(3, axis=3).repeat(16, axis=1).repeat(16, axis=2)
    salted = image.copy()
    salted[np.random.default_rng(4).random(image.shape[:3]) < 0.2] = 255
    np.testing.assert_array_equal(to_grid(salted, 24, "cell_median"), sprite.repeat(3, axis=3))
    assert (to_grid(salted, 24, "nearest") != sprite).any()


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("method", ["cell_median", "mode", "k_centroid"])
def test_cells_give_clean_art_back_at_sizes_that_the_grid_does_not_divide(method, grid):
    sprite = np.random.default_rng(grid).integers(0, 256, (1, grid, grid, 3), dtype=np.uint8)
    for size in (grid + 1, 2 * grid + 5, 5 * grid - 1, 512):
        cell = (np.arange(size) * 2 + 1) * grid // (2 * size)
        np.testing.assert_array_equal(to_grid(sprite[:, cell][:, :, cell], grid, method), sprite, err_msg=str(size))


def test_box_is_within_a_rounding_of_pillows_reduce_where_the_grid_divides():
    image = np.random.default_rng(2).integers(0, 256, (1, 192, 192, 3), dtype=np.uint8)
    reduced = np.asarray(Image.fromarray(image[0]).reduce(8)).astype(int)
    assert np.abs(to_grid(image, 24, "box")[0] - reduced).max() <= 1  # resize rounds twice, reduce once


@settings(max_examples=30)
@given(st.integers(0, 1000), st.integers(24, 60), st.integers(24, 60), st.integers(2, 4))
def test_mode_equals_a_plain_count(seed, height, width, num_levels):
    image = np.random.default_rng(seed).integers(0, num_levels, (1, height, width, 3)).astype(np.uint8)
    rows, columns = cell_edges(height, 24), cell_edges(width, 24)
    sprite = to_grid(image, 24, "mode")[0]
    for row, column in [(0, 0), (11, 7), (23, 23)]:
        cell = image[0, rows[row] : rows[row + 1], columns[column] : columns[column + 1]].reshape(-1, 3)
        counted = Counter(map(tuple, cell.tolist()))
        assert tuple(sprite[row, column].tolist()) == min(counted, key=lambda color: (-counted[color], color))


def test_k_centroid_takes_the_larger_cluster_where_a_mean_would_blend():
    image = np.zeros((1, 240, 240, 3), np.uint8)
    image[:, :, :, 0] = 10 + np.random.default_rng(5).integers(0, 3, (240, 240))
    image[:, np.arange(240) % 10 < 3] = 250  # 30% of each cell is white
    assert np.abs(to_grid(image, 24, "k_centroid").astype(int) - (11, 0, 0)).max() <= 1
    image[:, np.arange(240) % 10 < 6] = 250
    assert (to_grid(image, 24, "k_centroid") == 250).all()


def test_k_centroid_equals_scipys_k_means():
    image = np.random.default_rng(8).integers(0, 256, (1, 80, 80, 3), dtype=np.uint8)
    sprite = to_grid(image, 8, "k_centroid")[0]
    for row, column in [(0, 0), (3, 5), (7, 7)]:
        cell = image[0, row * 10 : row * 10 + 10, column * 10 : column * 10 + 10].reshape(-1, 3).astype(float)
        start = cell[[cell.sum(axis=1).argmin(), cell.sum(axis=1).argmax()]]
        centroids, labels = kmeans2(cell, start, iter=100, minit="matrix")
        np.testing.assert_allclose(sprite[row, column], centroids[np.bincount(labels).argmax()], atol=1.5)


@pytest.mark.parametrize(
    ("shape", "dtype", "grid", "message"),
    [
        ((1, 23, 24, 3), np.uint8, 24, "at least 24 x 24 px, its grid, but is 24 x 23"),
        ((1, 24, 24, 3), np.uint8, 7, "`grid` must be 8..128 cells but got 7"),
        ((1, 200, 200, 3), np.uint8, 129, "`grid` must be 8..128 cells but got 129"),
        ((24, 24, 3), np.uint8, 24, r"must be \(N, H, W, 3\) uint8"),
        ((1, 24, 24, 4), np.uint8, 24, r"must be \(N, H, W, 3\) uint8"),
        ((1, 24, 24, 3), np.float32, 24, "float32"),
    ],
)
def test_bad_input_is_one_line(shape, dtype, grid, message):
    with pytest.raises(BadInputError, match=message) as error:
        to_grid(np.zeros(shape, dtype), grid, "nearest")
    assert "\n" not in str(error.value)
