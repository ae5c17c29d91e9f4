import numpy as np
import pytest
from PIL import Image, ImageFilter

from pixelpipe.analysis.color import srgb_to_oklab
from pixelpipe.analysis.grid import grid_fit
from pixelpipe.analysis.lattice import Lattice, fit_lattice
from pixelpipe.data.portraits.drawing import render
from pixelpipe.data.portraits.traits import draw_traits

ART = np.stack([render(draw_traits(np.random.default_rng(seed))) for seed in range(8)])


def upscale(sprites: np.ndarray, size: int) -> np.ndarray:
    cell = (np.arange(size) * 2 + 1) * sprites.shape[1] // (2 * size)
    return sprites[:, cell][:, :, cell]


def fit(images: np.ndarray) -> Lattice:
    return grid_fit(images, 24).lattice


@pytest.mark.parametrize("size", [24, 48, 192, 256, 384, 512, 577])
def test_clean_art_is_wholly_on_its_grid(size):
    lattice = fit(upscale(ART, size))
    assert lattice.off_grid.tolist() == [0] * len(ART)
    assert lattice.pitch.tolist() == [1] * len(ART)
    assert lattice.strength.min() > 0.97
    assert np.abs([lattice.phase_x, lattice.phase_y]).max() < 0.02


def test_cells_of_a_pixel_and_a_bit_are_on_their_grid_although_no_pitch_can_be_fitted():
    assert fit(upscale(ART, 25)).off_grid.tolist() == [0] * len(ART)


def test_blur_of_a_tenth_of_a_cell_keeps_to_the_grid():
    blurred = [Image.fromarray(image).filter(ImageFilter.GaussianBlur(2)) for image in upscale(ART, 512)]
    lattice = fit(np.stack([np.asarray(image) for image in blurred]))
    assert lattice.off_grid.max() < 0.15
    assert lattice.pitch.tolist() == [1] * len(ART)


def test_an_offset_is_off_the_grid_and_measured():
    shifted = np.roll(upscale(ART, 384), (4, -4), axis=(1, 2))  # a quarter of a cell down and to the left
    lattice = fit(shifted)
    assert lattice.off_grid.min() > 0.99
    np.testing.assert_allclose(lattice.pitch, 1)
    np.testing.assert_allclose(lattice.phase_y, 0.25, atol=0.01)
    np.testing.assert_allclose(lattice.phase_x, -0.25, atol=0.01)


def test_another_pitch_is_found():
    lattice = fit(upscale(ART, 563)[:, :512, :512])  # cells of 23.5 px instead of 21.3
    np.testing.assert_allclose(lattice.pitch, 563 / 512, rtol=0.01)
    assert lattice.strength.min() > 0.95


def test_a_coarser_picture_has_twice_the_pitch():
    coarse = ART[:, ::2, ::2].repeat(2, axis=1).repeat(2, axis=2)
    assert fit(upscale(coarse, 192)).pitch.tolist() == [2] * len(ART)


def test_noise_is_off_the_grid_and_fits_no_pitch():
    lattice = fit(np.random.default_rng(0).integers(0, 256, (4, 384, 384, 3), dtype=np.uint8))
    assert lattice.off_grid.min() > 0.98
    assert lattice.strength.max() < 0.1


def test_the_scan_finds_the_gradients_that_numpy_finds():
    image = np.random.default_rng(3).integers(0, 256, (1, 50, 70, 3), dtype=np.uint8)
    planes = np.moveaxis(srgb_to_oklab(image[0]), -1, 0)
    across = np.pad(np.square(np.diff(planes, axis=2)).sum(axis=(0, 1)), (1, 0))
    down = np.pad(np.square(np.diff(planes, axis=1)).sum(axis=(0, 2)), (1, 0))
    expected, found = fit_lattice(across[None], down[None], 24), fit(image)
    for name in ("off_grid", "pitch", "strength", "phase_x", "phase_y"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-4, err_msg=name)
