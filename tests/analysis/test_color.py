import math

import colour
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.color import deltaE_ciede2000, rgb2lab

from pixelpipe.analysis.color import (
    delta_e_ok,
    linear_srgb_to_oklab,
    srgb_to_oklab,
    toe,
)

# Ottosson's post: CIE XYZ (D65) -> Oklab, to three decimals
PUBLISHED_XYZ = [
    ((0.950, 1.000, 1.089), (1.000, 0.000, 0.000)),
    ((1.000, 0.000, 0.000), (0.450, 1.236, -0.019)),
    ((0.000, 1.000, 0.000), (0.922, -0.671, 0.263)),
    ((0.000, 0.000, 1.000), (0.153, -1.415, -0.449)),
]
# IEC 61966-2-1
XYZ_TO_LINEAR_SRGB = np.linalg.inv(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
# CSS Color 4 and others: sRGB primaries in OKLab, without the toe
PUBLISHED_SRGB = [
    ((255, 255, 255), (1.0, 0.0, 0.0)),
    ((255, 0, 0), (0.62796, 0.22486, 0.12585)),
    ((0, 255, 0), (0.86644, -0.23389, 0.17950)),
    ((0, 0, 255), (0.45201, -0.03246, -0.31153)),
]


def scalar_oklab(red: int, green: int, blue: int) -> tuple[float, float, float]:
    """Ottosson's C++ listing and his toe(), in plain floats."""

    def linear(value: int) -> float:
        x = value / 255
        return ((x + 0.055) / 1.055) ** 2.4 if x >= 0.04045 else x / 12.92

    r, g, b = linear(red), linear(green), linear(blue)
    long = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    medium = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    short = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    lightness = 0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short
    k1, k2 = 0.206, 0.03
    k3 = (1 + k1) / (1 + k2)
    x = k3 * lightness - k1
    return (
        0.5 * (x + math.sqrt(x * x + 4 * k2 * k3 * lightness)),
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


@pytest.mark.parametrize(("xyz", "oklab"), PUBLISHED_XYZ)
def test_published_xyz_pairs(xyz, oklab):
    linear = XYZ_TO_LINEAR_SRGB @ np.array(xyz)
    # three decimals in the table, and his two matrices differ in the fourth digit
    np.testing.assert_allclose(linear_srgb_to_oklab(*linear), oklab, atol=2e-3)


@pytest.mark.parametrize(("rgb", "oklab"), PUBLISHED_SRGB)
def test_published_srgb_primaries(rgb, oklab):
    linear = np.array(rgb) / 255.0
    np.testing.assert_allclose(linear_srgb_to_oklab(*linear), oklab, atol=2e-5)


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_equals_the_scalar_listing(rgb):
    np.testing.assert_allclose(srgb_to_oklab(np.array(rgb, dtype=np.uint8)), scalar_oklab(*rgb), atol=1e-7)


def test_equals_colour_science():
    rgb = np.random.default_rng(0).integers(0, 256, (2000, 3), dtype=np.uint8)
    expected = colour.XYZ_to_Oklab(colour.sRGB_to_XYZ(rgb / 255))
    expected[:, 0] = toe(expected[:, 0])
    np.testing.assert_allclose(srgb_to_oklab(rgb), expected, atol=2e-4)  # its way by XYZ rounds the matrices
    first, second = expected[:1000], expected[1000:]
    np.testing.assert_allclose(
        delta_e_ok(srgb_to_oklab(rgb[:1000]), srgb_to_oklab(rgb[1000:])),
        np.linalg.norm(first - second, axis=-1),
        atol=3e-4,
    )


def test_toe_keeps_the_ends_and_mid_gray_is_near_cielab():
    np.testing.assert_allclose(toe(np.array([0.0, 1.0])), [0, 1], atol=1e-12)
    linear = 0.184  # L* = 50
    assert toe(np.cbrt(np.array(linear))) == pytest.approx(0.5, abs=0.01)


def test_an_invisible_step_in_black_is_below_just_noticeable():
    black, almost = srgb_to_oklab(np.array([[0, 0, 0], [1, 1, 1]], dtype=np.uint8))
    assert 0 < delta_e_ok(black, almost) < 0.02
    without_toe = linear_srgb_to_oklab(*[np.array(1 / 255 / 12.92)] * 3)[0]
    assert without_toe == pytest.approx(0.067, abs=5e-4)


def test_with_flare_no_single_level_is_noticeable_in_the_shadows_and_bright_colors_stay():
    steps = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [2, 0, 1]], dtype=np.uint8)
    plain, flared = srgb_to_oklab(steps), srgb_to_oklab(steps, flare=0.0025)
    assert delta_e_ok(plain[1], plain[3]) > 0.02 > delta_e_ok(flared[:, None], flared).max()
    bright = np.random.default_rng(0).integers(90, 256, (500, 3), dtype=np.uint8)
    assert delta_e_ok(srgb_to_oklab(bright), srgb_to_oklab(bright, flare=0.0025)).max() < 0.01


def test_in_the_shadows_flare_agrees_better_with_ciede2000():
    generator = np.random.default_rng(1)
    first = generator.integers(0, 8, (5000, 3)).astype(np.uint8)
    second = (first + generator.integers(-6, 7, first.shape)).clip(0, 255).astype(np.uint8)
    expected = deltaE_ciede2000(rgb2lab(first / 255), rgb2lab(second / 255))
    found = {flare: delta_e_ok(srgb_to_oklab(first, flare), srgb_to_oklab(second, flare)) for flare in (0, 0.0025)}
    agreement = {flare: np.corrcoef(distance, expected)[0, 1] for flare, distance in found.items()}
    assert agreement[0.0025] > 0.8 > agreement[0]
    invisible = expected < 1
    assert (found[0.0025][invisible] <= 0.02).all()
    assert (found[0][invisible] > 0.02).mean() > 0.1


def test_black_to_white_is_one_and_grays_are_gray():
    grays = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    oklab = srgb_to_oklab(grays)
    assert delta_e_ok(oklab[0], oklab[255]) == pytest.approx(1, abs=1e-6)
    assert np.abs(oklab[:, 1:]).max() < 1e-6
    assert (np.diff(oklab[:, 0]) > 0).all()
