"""Sprites and samples as PNG: exact, and the same bytes for the same pixels."""

import io

import numpy as np
import numpy.typing as npt
from PIL import Image


def encode_png(image: npt.NDArray[np.uint8]) -> bytes:
    """(H, W, 3) uint8 sRGB -> PNG."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG", compress_level=3)
    return buffer.getvalue()


def decode_png(data: bytes) -> npt.NDArray[np.uint8]:
    """PNG -> (H, W, 3) uint8 sRGB."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))
