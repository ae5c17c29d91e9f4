"""Stamps: pieces of a portrait as text, one character a pixel, and the rule that prints them on a sprite."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

GRID = 24
EMPTY = "."

Rgb = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Stamp:
    """Rows of `GRID` characters starting at row `top`; each character is an ink, `EMPTY` lets through."""

    top: int
    rows: tuple[str, ...]

    def __post_init__(self) -> None:
        assert 0 <= self.top <= GRID - len(self.rows), self
        assert all(len(row) == GRID for row in self.rows), self


def stamp(top: int, drawing: str) -> Stamp:
    """Read a stamp from a drawing of one row a line; surrounding blanks are dropped."""
    return Stamp(top, tuple(drawing.split()))


def print_stamp(sprite: np.ndarray, piece: Stamp, inks: Mapping[str, Rgb]) -> None:
    """Print `piece` on `sprite` ((24, 24, 3) uint8, sRGB) in place; `inks` names every ink's color."""
    for y, row in enumerate(piece.rows, start=piece.top):
        for x, ink in enumerate(row):
            if ink != EMPTY:
                sprite[y, x] = inks[ink]
