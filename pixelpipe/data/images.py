"""Reading one image file: complete, of a sane size, and always 8-bit sRGB."""

import struct
import warnings
import zlib
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from pixelpipe.config import BACKGROUND
from pixelpipe.data.decoding import Color, Rgb, to_srgb
from pixelpipe.errors import BadInputError, DatasetError

FORMATS = ("PNG", "WEBP", "JPEG", "BMP", "GIF")
IMAGE_SUFFIXES = (".png", ".webp", ".jpg", ".jpeg", ".bmp", ".gif")  # of FORMATS, in lower case
MAX_PIXELS = 4096 * 4096
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


def read_rgb(path: str | Path, background: str = BACKGROUND, max_pixels: int = MAX_PIXELS) -> Rgb:
    """The image in `path` as (H, W, 3) uint8 sRGB, transparency composited over `background` ("#rrggbb").

    PNG, WebP, JPEG, BMP or GIF of any mode and depth, turned and colored as a browser shows it: see
    `decoding.to_srgb`. Raises `DatasetError`, one line with the path, for a file that is missing, unreadable,
    no image, truncated, animated, or over `max_pixels` (checked before decoding).
    """
    backdrop = parse_color(background)
    path = Path(path)
    _check_file(path)
    with warnings.catch_warnings():
        # Pillow warns of what it can still read; only its warning of size matters, and is checked here
        warnings.simplefilter("ignore")
        try:
            with Image.open(path, formats=FORMATS) as image:
                _check_header(path, image, max_pixels)
                return to_srgb(image, backdrop)
        except Image.DecompressionBombError:
            raise DatasetError(f"{path}: must have at most {max_pixels} pixels but has far more") from None
        except UnidentifiedImageError:
            raise DatasetError(f"{path}: must be a {_formats()} image but {_what_it_is(path)}") from None
        except (FileNotFoundError, PermissionError) as error:
            raise DatasetError(f"{path}: must be an image file but cannot be opened: {error.strerror}") from None
        except _BROKEN as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise DatasetError(f"{path}: must be a complete image but cannot be read: {reason}") from None


def parse_color(text: str) -> Color:
    """Red, green and blue of "#rrggbb"; `BadInputError` for anything else."""
    try:
        if len(text) != 7 or text[0] != "#":
            raise ValueError
        red, green, blue = bytes.fromhex(text[1:])
    except ValueError:
        raise BadInputError(f"`background` must be a color as #rrggbb but got {text!r}") from None
    return red, green, blue


def _check_file(path: Path) -> None:
    """A pipe would never end, so nothing but a regular file is opened."""
    try:
        if path.is_file():
            return
        what = "is no file" if path.exists() else "is a link to nothing" if path.is_symlink() else "does not exist"
    except OSError as error:  # in a folder that may not be entered; a name that is too long
        what = f"cannot be opened: {error.strerror}"
    raise DatasetError(f"{path}: must be an image file but {what}")


def _check_header(path: Path, image: Image.Image, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise DatasetError(f"{path}: must have at most {max_pixels} pixels but is {width} x {height}")
    if getattr(image, "is_animated", False):
        raise DatasetError(f"{path}: must be a still image but is animated")


def _formats() -> str:
    return f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}"


def _what_it_is(path: Path) -> str:
    return "is empty" if path.stat().st_size == 0 else "is something else"
