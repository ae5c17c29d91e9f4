"""Distances between sprites: the nearest training sprite, and near-identical ones within a set.

The distance of two sprites is the RMS over pixels of Delta E_OK, in [0, 1.2]. Candidates come from a float32
matrix product, whose cancellation is bounded, and every distance that is reported is computed again directly.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from pixelpipe.analysis.color import JUST_NOTICEABLE, srgb_to_oklab
from pixelpipe.errors import BadInputError

Sprites = npt.NDArray[np.uint8]
_CHUNK = 512  # sprites a product: 20 MB of distances against 10,000
_ROUNDING = 1e-5  # bound on the error of a mean square distance by float32 product


def sprite_distances(first: Sprites, second: Sprites) -> npt.NDArray[np.float64]:
    """RMS Delta E_OK of pairs: (N, g, g, 3) uint8 twice -> (N,) float64; exactly 0 for equal sprites."""
    difference = srgb_to_oklab(first) - srgb_to_oklab(second)
    return np.sqrt(np.square(difference).sum(axis=-1).mean(axis=(-2, -1)))


class TrainSprites:
    """The training sprites and their mirror images, ready to be asked for the nearest."""

    def __init__(self, sprites: Sprites) -> None:
        """`sprites` (M, g, g, 3) uint8, M at least 1."""
        _check_sprites(sprites)
        if len(sprites) == 0:
            raise BadInputError("`train_sprites` must hold at least one sprite but is empty")
        self.sprites = np.concatenate([sprites, sprites[:, :, ::-1]])
        self._features = _features(self.sprites)

    def nearest(self, sprites: Sprites, leave_one_out: bool = False) -> npt.NDArray[np.float64]:
        """RMS Delta E_OK from each of `sprites` (N, g, g, 3) to the nearest, left-right flips included: (N,).

        `leave_one_out`: `sprites` are the training sprites themselves, and none is compared with itself
        (nor with its own mirror image); then at least two are needed. The square of the result is the least
        there is to within 1e-5: of several that are all but identical, not always the very nearest is chosen.
        """
        _check_sprites(sprites, self.sprites.shape[1])
        nearest = np.empty(len(sprites))
        num_train = len(self.sprites) // 2
        for start in range(0, len(sprites), _CHUNK):
            chunk = sprites[start : start + _CHUNK]
            squares = _mean_squares(_features(chunk), self._features)
            if leave_one_out:
                rows = np.arange(len(chunk))
                squares[rows, start + rows] = squares[rows, num_train + start + rows] = np.inf
            nearest[start : start + _CHUNK] = sprite_distances(chunk, self.sprites[squares.argmin(axis=1)])
        return nearest


def mean_square_distances(first: Sprites, second: Sprites) -> npt.NDArray[np.float32]:
    """Squared RMS Delta E_OK of every pair, (N, g, g, 3) and (M, g, g, 3) uint8 -> (N, M); within 1e-5, at least 0."""
    _check_sprites(first)
    _check_sprites(second, first.shape[1])
    return _mean_squares(_features(first), _features(second)).clip(0)


def near_duplicates(sprites: Sprites, tolerance: float = JUST_NOTICEABLE) -> list[tuple[int, int]]:
    """Rising index pairs (i, j), i < j, of `sprites` (N, g, g, 3) at most `tolerance` apart.

    Equal sprites are always in it; mirror images are not. 10,000 sprites at 32 cells: seconds and
    0.4 GB, plus the list itself.
    """
    pairs = [np.stack(found, axis=1) for found in _near_pairs(sprites, tolerance)]
    joined = np.concatenate(pairs) if pairs else np.empty((0, 2), dtype=np.int64)
    ordered = joined[np.lexsort((joined[:, 1], joined[:, 0]))]
    return [(int(i), int(j)) for i, j in ordered]


def duplicate_rate(sprites: Sprites, tolerance: float = JUST_NOTICEABLE) -> float:
    """Share of `sprites` (N, g, g, 3) with a near-identical one earlier in the set: [0, (N - 1) / N].

    0 for an empty set. Near 1 is mode collapse.
    """
    repeats = np.zeros(len(sprites), dtype=bool)
    for _, later in _near_pairs(sprites, tolerance):
        repeats[later] = True
    return float(repeats.mean()) if len(sprites) else 0.0


def _near_pairs(sprites: Sprites, tolerance: float) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Yields (i, j) index arrays, i < j, at most `_CHUNK` verified pairs at a time."""
    _check_sprites(sprites)
    if not tolerance >= 0:
        raise BadInputError(f"`tolerance` must be at least 0 but got {tolerance}")
    features = _features(sprites)
    for start in range(0, len(sprites), _CHUNK):
        squares = _mean_squares(features[start : start + _CHUNK], features[start:])
        first, second = np.nonzero(np.triu(squares <= tolerance**2 + _ROUNDING, k=1))
        for offset in range(0, len(first), _CHUNK):
            i = start + first[offset : offset + _CHUNK]
            j = start + second[offset : offset + _CHUNK]
            near = sprite_distances(sprites[i], sprites[j]) <= tolerance
            yield i[near], j[near]


def _features(sprites: Sprites) -> npt.NDArray[np.float32]:
    """(N, g * g * 3) float32 whose squared distances are mean squared Delta E_OK of the sprites."""
    num_sprites, height, width = sprites.shape[:3]
    features = np.empty((num_sprites, height * width * 3), dtype=np.float32)
    for start in range(0, num_sprites, _CHUNK):  # chunks, so that float64 does not double the memory
        chunk = srgb_to_oklab(sprites[start : start + _CHUNK]) - (0.5, 0.0, 0.0)
        features[start : start + _CHUNK] = chunk.reshape(len(chunk), -1) / np.sqrt(height * width)
    return features


def _mean_squares(first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    norms = np.einsum("nd,nd->n", first, first)[:, None] + np.einsum("nd,nd->n", second, second)
    return norms - 2 * (first @ second.T)


def _check_sprites(sprites: Sprites, grid: int | None = None) -> None:
    if sprites.ndim != 4 or sprites.shape[3] != 3 or sprites.shape[1] != sprites.shape[2]:
        raise BadInputError(f"`sprites` must be (N, grid, grid, 3) but got {sprites.shape}")
    if sprites.dtype != np.uint8:
        raise BadInputError(f"`sprites` must be uint8 but got {sprites.dtype}")
    if grid is not None and sprites.shape[1] != grid:
        raise BadInputError(f"`sprites` must be on a grid of {grid} but got {sprites.shape[1]}")
