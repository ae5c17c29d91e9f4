"""OKLab with Ottosson's toe, and distances in it.

Sources: B. Ottosson, "A perceptual color space for image processing" (2020), for the matrices, and
"Okhsv and Okhsl" (2021), for the toe L_r. The transfer function is IEC 61966-2-1's (sRGB).
"""

import numpy as np
import numpy.typing as npt

LINEAR_SRGB_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
LMS_TO_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
TOE_K1 = 0.206
TOE_K2 = 0.03
TOE_K3 = (1 + TOE_K1) / (1 + TOE_K2)

JUST_NOTICEABLE = 0.02  # Delta E_OK
VIEWING_FLARE = 0.0025  # of white: a quarter of what IEC 61966-2-1 assumes where sRGB is viewed (docs/decisions)

Array = npt.NDArray[np.floating]
Colors = npt.NDArray[np.uint8]


def _srgb_to_linear_table() -> Array:
    encoded = np.arange(256) / 255
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


LINEAR_OF_SRGB = {dtype: _srgb_to_linear_table().astype(dtype) for dtype in (np.float32, np.float64)}


def toe(lightness: Array) -> Array:
    """L_r of OKLab's L: the same at 0 and 1, and about as dark as CIELAB's L* in the shadows.

    L in [0, 1] -> L_r in [0, 1]; negative L (outside sRGB) stays finite down to about -0.08.
    """
    shifted = TOE_K3 * lightness - TOE_K1
    return 0.5 * (shifted + np.sqrt(shifted * shifted + 4 * TOE_K2 * TOE_K3 * lightness))


def linear_srgb_to_oklab(red: Array, green: Array, blue: Array) -> tuple[Array, Array, Array]:
    """L, a, b (without the toe) of linear sRGB planes of any one shape; dtype is kept.

    Written out by element, not as a matrix product: equal pixels give equal results to the last bit, which
    a blocked product does not promise, so a flat cell has an error of exactly 0.
    """
    l, m, s = (np.cbrt(x * red + y * green + z * blue) for x, y, z in LINEAR_SRGB_TO_LMS.tolist())  # noqa: E741
    lightness, a, b = (x * l + y * m + z * s for x, y, z in LMS_TO_OKLAB.tolist())
    return lightness, a, b


def srgb_to_oklab(rgb: Colors, flare: float = 0.0) -> Array:
    """(..., 3) uint8 sRGB -> (..., 3) float64 OKLab with the toe: L_r in [0, 1], |a| and |b| below 0.4.

    `flare`: light of the room on the screen, as a share of white. OKLab's cube roots take black for perfectly dark,
    and so exaggerate hues that differ by one level of 255 in the shadows; a little flare keeps them invisible.
    """
    linear = (LINEAR_OF_SRGB[np.float64] + flare) / (1 + flare)
    lightness, a, b = linear_srgb_to_oklab(*(linear.take(rgb[..., channel]) for channel in range(3)))
    return np.stack([toe(lightness.clip(0, 1)), a, b], axis=-1)


def delta_e_ok(first: Array, second: Array) -> Array:
    """Euclidean distance of OKLab colors (..., 3), broadcast; at least 0, 1 from black to white."""
    difference = first - second
    return np.sqrt(np.sum(difference * difference, axis=-1))
