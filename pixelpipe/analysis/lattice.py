"""Do the edges of a full-size image lie on the expected grid, and if not, on which?

Both answers come from two profiles of gradient energy: squared Delta E_OK between neighboring columns, summed over
rows, and between neighboring rows, summed over columns.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

_LINE_WIDTH = 1 / 8  # of a cell, to each side of a line: what a VAE's blur spreads, at every size alike
_MIN_PITCH, _OCTAVES = 0.5, 3  # candidate pitches: 0.5 to 4 cells
_FITS = 0.9  # of the best fit: among pitches that fit about as well, the largest; its fractions fit, too

Array = npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Lattice:
    """Of N images, each (N,) float64."""

    off_grid: Array  # [0, 1]
    pitch: Array  # cells, [0.5, 4]; 1 where there is no edge at all
    phase_x: Array  # cells, half a pitch at most to either side
    phase_y: Array
    strength: Array  # [0, 1]


def fit_lattice(across: Array, down: Array, grid: int) -> Lattice:
    """`across` (N, W) and `down` (N, H): energy between pixel x - 1 and x; element 0 is unused.

    `off_grid` is the share of the energy farther than 1/8 of a cell (at least half a pixel) from every expected line,
    over the share that would be there by chance, at most 1. The fit is the periodogram sum E(x) exp(-2 pi i x / p)
    of each axis, |.| added over both and divided by the energy; its largest local maximum that reaches 90% of the
    greatest one gives `pitch`, its angle the phases. Cells between 1 and 2 px are too small to be fitted.
    """
    total = across[:, 1:].sum(axis=1) + down[:, 1:].sum(axis=1)
    safe = np.where(total > 0, total, 1)
    off, by_chance = _off_lines(across, grid) + _off_lines(down, grid)
    off_grid = np.divide(off, by_chance, out=np.zeros_like(off), where=by_chance > 0).clip(0, 1)
    pitches = _pitches(min(across.shape[1], down.shape[1]), grid)
    waves_x, waves_y = (_fold(energy, grid, pitches) for energy in (across, down))  # (N, pitches)
    fit = (np.abs(waves_x) + np.abs(waves_y)) / safe[:, None]
    best = _largest_good_fit(fit)
    rows = np.arange(len(best))
    pitch = np.where(total > 0, np.array(pitches)[best], 1.0)
    turns = (-np.angle(waves[rows, best]) / (2 * np.pi) for waves in (waves_x, waves_y))
    phase_x, phase_y = (np.round(turn * pitch, 6) + 0.0 for turn in turns)  # + 0.0: no -0
    return Lattice(off_grid, pitch, phase_x, phase_y, fit[rows, best].clip(0, 1))


def _off_lines(energy: Array, grid: int) -> npt.NDArray[np.float64]:
    """(2, N): energy off the expected lines, and what it would be if energy were spread evenly."""
    num_pixels = energy.shape[1]
    cell_px = num_pixels / grid
    boundaries = np.arange(1, num_pixels)
    to_line = np.abs(boundaries - np.round(boundaries / cell_px) * cell_px)
    off = to_line > max(0.5, _LINE_WIDTH * cell_px) + 1e-9
    return np.stack([energy[:, 1:][:, off].sum(axis=1), energy[:, 1:].sum(axis=1) * off.mean()])


@lru_cache(maxsize=16)
def _pitches(num_pixels: int, grid: int) -> tuple[float, ...]:
    """Candidates in cells, rising; four to the width of a peak. At least 2 px, but the expected pitch always."""
    per_octave = int(np.ceil(4 * grid * np.log(2)))
    all_pitches = _MIN_PITCH * 2 ** (np.arange(_OCTAVES * per_octave + 1) / per_octave)
    return tuple(p for p in all_pitches.tolist() if p * num_pixels / grid >= 2 or p == 1)


def _fold(energy: Array, grid: int, pitches: tuple[float, ...]) -> npt.NDArray[np.complexfloating]:
    """The periodogram's sums, (N, pitches).

    A product for each image, not one for all: a blocked product's last bits depend on the size of the batch.
    """
    waves = _waves(energy.shape[1], grid, pitches)
    sums = np.array([row @ waves for row in energy.astype(np.float32)]).reshape(len(energy), 2, len(pitches))
    return sums[:, 0] - 1j * sums[:, 1]


@lru_cache(maxsize=16)
def _waves(num_pixels: int, grid: int, pitches: tuple[float, ...]) -> npt.NDArray[np.float32]:
    """(num_pixels, 2 * pitches): cosines, then sines, of 2 pi x / pitch."""
    turns = np.arange(num_pixels)[:, None] * (grid / num_pixels) / np.array(pitches)
    return np.concatenate([np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)], axis=1).astype(np.float32)


def _largest_good_fit(fit: Array) -> npt.NDArray[np.int64]:
    """Of each row of `fit` (N, pitches): the last local maximum of at least 90% of the greatest."""
    padded = np.pad(fit, ((0, 0), (1, 1)), constant_values=-1)
    is_peak = (fit >= padded[:, :-2]) & (fit >= padded[:, 2:])
    good = is_peak & (fit >= _FITS * fit.max(axis=1, keepdims=True))
    return fit.shape[1] - 1 - np.argmax(good[:, ::-1], axis=1)
