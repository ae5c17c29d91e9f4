import math

import numpy as np
import pytest

from pixelpipe.analysis.color import srgb_to_oklab
from pixelpipe.analysis.downscale import inner_pixels
from pixelpipe.analysis.grid import grid_fit


def flat_art(seed: int, size: int, grid: int = 24) -> np.ndarray:
    sprite = np.random.default_rng(seed).integers(0, 256, (grid, grid, 3), dtype=np.uint8)
    cell = (np.arange(size) * 2 + 1) * grid // (2 * size)
    return sprite[cell][:, cell]


@pytest.mark.parametrize(("size", "grid"), [(24, 24), (25, 24), (192, 24), (512, 24), (577, 24), (300, 128)])
def test_flat_cells_have_no_error_at_all(size, grid):
    fit = grid_fit(flat_art(size, size, grid)[None], grid)
    assert (fit.error, fit.error_p95, fit.straddle) == (0, 0, 0)


@pytest.mark.parametrize(("height", "width"), [(192, 192), (200, 256), (512, 512)])
def test_equals_a_loop_over_cells(height, width):
    image = np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    inner, full = [], []
    for row in range(24):
        for column in range(24):
            rows = [y for y in range(height) if math.floor((y + 0.5) * 24 / height) == row]
            columns = [x for x in range(width) if math.floor((x + 0.5) * 24 / width) == column]
            full.append(loop_rms(image, rows, columns))
            inner.append(loop_rms(image, inner_pixels(height, 24)[row], inner_pixels(width, 24)[column]))
    fit = grid_fit(image[None], 24)
    assert fit.error[0] == pytest.approx(np.median(inner), abs=1e-6)
    assert fit.error_p95[0] == pytest.approx(np.percentile(inner, 95), abs=1e-6)
    assert fit.straddle[0] == pytest.approx(np.mean(np.subtract(full, inner)), abs=1e-6)


def loop_rms(image: np.ndarray, rows, columns) -> float:
    cell = srgb_to_oklab(image[np.ix_(rows, columns)]).reshape(-1, 3)
    return math.sqrt(np.square(cell - cell.mean(axis=0)).sum(axis=1).mean())


def test_edges_that_miss_the_grid_straddle_and_leave_the_inner_half_alone():
    image = flat_art(5, 384)
    shifted = np.roll(image, 2, axis=(0, 1))
    fit = grid_fit(shifted[None], 24)
    assert fit.error[0] == 0
    assert fit.straddle[0] > 0.05


def test_more_noise_is_more_error():
    generator = np.random.default_rng(6)
    image = flat_art(7, 384).astype(float) * 0.5 + 64
    noise = generator.normal(size=image.shape)
    errors = [grid_fit((image + sd * noise).clip(0, 255).astype(np.uint8)[None], 24).error[0] for sd in (1, 4, 16)]
    assert errors == sorted(errors)
    assert errors[0] > 0
