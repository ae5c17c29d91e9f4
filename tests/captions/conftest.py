from collections.abc import Callable

import numpy as np
import pytest

from pixelpipe.data.sprites import Sprite, content_hash

MakeSprite = Callable[..., Sprite]


@pytest.fixture
def make_sprite() -> MakeSprite:
    """A sprite of 24 cells; a seed gives random pixels, an array its own."""

    def make(file_name: str, pixels: np.ndarray | int = 0) -> Sprite:
        if isinstance(pixels, int):
            pixels = np.random.default_rng(pixels).integers(0, 256, (24, 24, 3), dtype=np.uint8)
        return Sprite(file_name, pixels, content_hash(pixels))

    return make
