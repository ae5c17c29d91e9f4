"""Reading one image file: complete, of a sane size, and always 8-bit RGB."""

import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from pixelpipe.errors import BadInputError, DatasetError

FORMATS = ("PNG", "WEBP", "JPEG", "BMP", "GIF")
IMAGE_SUFFIXES = (".png", ".webp", ".jpg", ".jpeg", ".bmp", ".gif")  # of FORMATS, in lower case
MAX_PIXELS = 4096 * 4096
_SIXTEEN_BIT = ("I;16", "I;16B", "I;16L", "I;16N")
# what Pillow's decoders raise on broken files; 24,000 mutated ones of every format raised nothing else
_BROKEN = (
    AssertionError,
    EOFError,
    LookupError,
    OSError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)

Rgb = npt.NDArray[np.uint8]


def read_rgb(path: str | Path, background: str = "#ffffff", max_pixels: int = MAX_PIXELS) -> Rgb:
    """The image in `path` as (H, W, 3) uint8 sRGB, transparency composited over `background` ("#rrggbb").

    PNG, WebP, JPEG, BMP or GIF of any mode; 16-bit gray is scaled by 255/65535 and rounded. Color profiles
    and EXIF orientation are ignored. Raises `DatasetError`, one line with the path, for a file that is
    missing, no image, truncated, animated, or over `max_pixels` (checked before decoding).
    """
    backdrop = parse_color(background)
    path = Path(path)
    if not path.is_file():  # a pipe would never end
        what = "is no file" if path.exists() else "does not exist"
        raise DatasetError(f"{path}: must be an image file but {what}")
    with warnings.catch_warnings():
        # Pillow warns of what it can still read; only its warning of size matters, and is checked here
        warnings.simplefilter("ignore")
        try:
            with Image.open(path, formats=FORMATS) as image:
                _check_header(path, image, max_pixels)
                image.load()
                return _to_rgb(image, backdrop)
        except Image.DecompressionBombError:
            raise DatasetError(f"{path}: must have at most {max_pixels} pixels but has far more") from None
        except UnidentifiedImageError:
            raise DatasetError(f"{path}: must be a {_formats()} image but {_what_it_is(path)}") from None
        except _BROKEN as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise DatasetError(f"{path}: must be a complete image but cannot be read: {reason}") from None


def parse_color(text: str) -> tuple[int, int, int]:
    """Red, green and blue of "#rrggbb"; `BadInputError` for anything else."""
    try:
        if len(text) != 7 or text[0] != "#":
            raise ValueError
        red, green, blue = bytes.fromhex(text[1:])
    except ValueError:
        raise BadInputError(f"`background` must be a color as #rrggbb but got {text!r}") from None
    return red, green, blue


def _check_header(path: Path, image: Image.Image, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise DatasetError(f"{path}: must have at most {max_pixels} pixels but is {width} x {height}")
    if getattr(image, "is_animated", False):
        raise DatasetError(f"{path}: must be a still image but is animated")


def _to_rgb(image: Image.Image, backdrop: tuple[int, int, int]) -> Rgb:
    if image.mode in _SIXTEEN_BIT or image.mode == "I":
        return _gray16_to_rgb(image, backdrop)
    if image.has_transparency_data:
        opaque = Image.new("RGBA", image.size, (*backdrop, 255))
        image = Image.alpha_composite(opaque, image.convert("RGBA"))
    return np.array(image.convert("RGB"), dtype=np.uint8)


def _gray16_to_rgb(image: Image.Image, backdrop: tuple[int, int, int]) -> Rgb:
    """Pillow's own conversion clips at 255 instead of scaling."""
    gray16 = np.asarray(image).astype(np.int64).clip(0, 65535)
    gray8 = ((gray16 * 255 + 32767) // 65535).astype(np.uint8)
    rgb = np.repeat(gray8[..., None], 3, axis=-1)
    transparent = image.info.get("transparency")  # one gray value, as PNG has it
    if isinstance(transparent, int):
        rgb[gray16 == transparent] = backdrop
    return rgb


def _formats() -> str:
    return f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}"


def _what_it_is(path: Path) -> str:
    return "is empty" if path.stat().st_size == 0 else "is something else"
