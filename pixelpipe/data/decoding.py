"""From an opened image of any mode, depth and color profile to the 8-bit sRGB pixels that a browser would show."""

import io
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, ImageFile

Rgb = npt.NDArray[np.uint8]
Color = tuple[int, int, int]

_ORIENTATION = 0x0112  # EXIF's tag
_UPRIGHT = {  # EXIF orientation -> what turns the stored pixels upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_PROFILED = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}  # a profile's color space -> Pillow's mode for it


def to_srgb(image: ImageFile.ImageFile, backdrop: Color) -> Rgb:
    """(H, W, 3) uint8 sRGB of an opened image, which is decoded here; raises what Pillow's decoders raise.

    Samples of 16 bits are scaled by 255/65535 and rounded. A color profile is converted (relative colorimetric)
    unless it means sRGB; one that is damaged or of another color space counts for nothing. Transparency shows
    `backdrop`. EXIF orientation is applied last.
    """
    profile = image.info.get("icc_profile")
    deep = _deep_samples(image)  # before `load`, which forgets how the file is packed
    image.load()
    flat = image if deep is None else _to_eight_bits(deep, image.info.get("transparency"))
    if profile:
        flat = _without_profile(flat, profile)
    if flat.has_transparency_data:
        opaque = Image.new("RGBA", flat.size, (*backdrop, 255))
        flat = Image.alpha_composite(opaque, flat.convert("RGBA"))
    flat = flat.convert("RGB")
    turn = _UPRIGHT.get(image.getexif().get(_ORIENTATION, 1))
    return np.array(flat if turn is None else flat.transpose(turn), dtype=np.uint8)


def _deep_samples(image: ImageFile.ImageFile) -> npt.NDArray[np.uint16] | None:
    """(H, W, channels) uint16 of an image with 16 bits a sample, None for any other.

    Pillow keeps all 16 bits of gray only. Of other PNGs it takes the high bytes, so they are decoded once more for
    the low ones.
    """
    if image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)[..., None]
    raw_mode = str(image.tile[0].args) if image.format == "PNG" and image.tile else ""
    if raw_mode == "LA;16B":  # four bytes a pixel: the high and the low of each sample
        four = _decoded_as(image, "RGBA")
        return _joined(four[..., 0::2], four[..., 1::2])
    if raw_mode in ("RGB;16B", "RGBA;16B"):
        low = _decoded_as(image, f"{image.mode};16L")  # whose high byte is the file's low one
        return _joined(np.asarray(image), low)
    return None


def _joined(high: Rgb, low: Rgb) -> npt.NDArray[np.uint16]:
    return (high.astype(np.uint16) << 8 | low).astype(np.uint16)


def _decoded_as(image: ImageFile.ImageFile, raw_mode: str) -> Rgb:
    """The same PNG, its bytes unpacked as another raw mode of as many bits a pixel: (H, W, channels) uint8."""
    with Image.open(image.filename, formats=["PNG"]) as other:
        other.tile = [other.tile[0]._replace(args=raw_mode)]
        return np.array(other)


def _to_eight_bits(deep: npt.NDArray[np.uint16], transparent: int | tuple[int, ...] | None) -> Image.Image:
    """Scaled, not clipped. `transparent`: the one value or color that PNG's tRNS makes invisible."""
    eight = ((deep.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
    if isinstance(transparent, int | tuple) and deep.shape[2] in (1, 3):
        alpha = np.where((deep == transparent).all(axis=2), 0, 255).astype(np.uint8)
        eight = np.dstack([eight, alpha])
    return Image.fromarray(eight if eight.shape[2] > 1 else eight[..., 0])


def _without_profile(image: Image.Image, profile: bytes) -> Image.Image:
    """Colors of an image with an ICC profile, as sRGB; transparency is kept."""
    alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
    gray = image.mode in ("1", "L", "LA", "La")
    colors = image.convert("L" if gray else "CMYK" if image.mode == "CMYK" else "RGB")
    transform = _profile_transform(profile, colors.mode)
    if transform is None:
        return image
    converted = transform.apply(colors)
    if alpha is not None:
        converted.putalpha(alpha)
    return converted


@lru_cache(maxsize=16)
def _profile_transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From a profile to sRGB, for images of `mode`; None where there is nothing to convert."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if _PROFILED.get(str(source.profile.xcolor_space)) != mode:  # pyright: ignore[reportAttributeAccessIssue]
            return None
        srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
        transform = ImageCms.ImageCmsTransform(source, srgb, mode, "RGB", intent)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None  # browsers show such an image by its numbers, too
    return transform if mode == "CMYK" or _changes_colors(transform, mode) else None


def _changes_colors(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether more than rounding: a profile that means sRGB must not move a single color."""
    steps = np.arange(0, 256, 15, dtype=np.uint8)
    colors = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3) if mode == "RGB" else steps[None]
    before = Image.fromarray(colors)
    difference = np.asarray(transform.apply(before)).astype(int) - np.asarray(before.convert("RGB"))
    return bool(np.abs(difference).max() > 1)
