"""Synthetic portraits as training and sampling show them, and what can go wrong with them."""

import io
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from pixelpipe.data.portraits.drawing import render
from pixelpipe.data.portraits.traits import draw_traits

Images = npt.NDArray[np.uint8]
Change = Callable[[Images, np.random.Generator], Images]


def portraits(num: int, first_seed: int = 0) -> Images:
    """(num, 24, 24, 3) uint8."""
    return np.stack([render(draw_traits(np.random.default_rng(first_seed + index))) for index in range(num)])


def on_black(sprites: Images) -> Images:
    """The background black."""
    changed = sprites.copy()
    changed[_background(sprites)] = 0
    return changed


def outlined(sprites: Images) -> Images:
    """A black line of one cell around the figure."""
    background = _background(sprites)
    figure = np.pad(~background, ((0, 0), (1, 1), (1, 1)))
    beside = figure[:, :-2, 1:-1] | figure[:, 2:, 1:-1] | figure[:, 1:-1, :-2] | figure[:, 1:-1, 2:]
    changed = sprites.copy()
    changed[background & beside] = 0
    return changed


def upscale(sprites: Images, size_px: int) -> Images:
    """(N, g, g, 3) -> (N, size_px, size_px, 3) by nearest neighbor, as Pillow's NEAREST."""
    cell = (2 * np.arange(size_px) + 1) * sprites.shape[1] // (2 * size_px)
    return sprites[:, cell][:, :, cell]


def gaussian_noise(sd: float) -> Change:
    """Of standard deviation `sd` in levels of 255."""

    def add(images: Images, generator: np.random.Generator) -> Images:
        noise = generator.standard_normal(images.shape, dtype=np.float32) * np.float32(sd)
        return (images + noise).round().clip(0, 255).astype(np.uint8)

    return add


def jpeg(quality: int) -> Change:
    def compress(images: Images, _: np.random.Generator) -> Images:
        return np.stack([_through_jpeg(image, quality) for image in images])

    return compress


def blur(radius_px: float) -> Change:
    def soften(images: Images, _: np.random.Generator) -> Images:
        softened = [Image.fromarray(image).filter(ImageFilter.GaussianBlur(radius_px)) for image in images]
        return np.stack([np.asarray(image) for image in softened])

    return soften


def _through_jpeg(image: Images, quality: int) -> Images:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer).convert("RGB"))


def _background(sprites: Images) -> npt.NDArray[np.bool_]:
    return (sprites == sprites[:, :1, :1]).all(axis=-1)
