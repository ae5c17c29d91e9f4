"""Metrics of a set of images as a whole: one record an epoch."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pixelpipe.analysis.discrepancy import maximum_mean_discrepancy
from pixelpipe.analysis.duplicates import TrainSprites, duplicate_rate
from pixelpipe.analysis.profile import Profile
from pixelpipe.analysis.transport import palette_emd

Sprites = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class SetMetrics:
    """Of N sprites; SET_SCHEMA has units and ranges. None where N is too small or the profile does not know."""

    duplicate_rate: float
    median_nearest_train: float | None
    memorized_rate: float | None
    mmd2: float | None
    mmd_p_value: float | None
    palette_emd: float | None


def measure_set(sprites: Sprites, train: TrainSprites | None, profile: Profile) -> SetMetrics:
    """Metrics of `sprites` (N, g, g, 3) uint8 sRGB, N at least 1, against the training art; 1 s for 96 against 200.

    - `duplicate_rate`: a copy counts once; of n seeds of a prompt that give one picture, (n - 1) / n. Any N, but below
      about 20 one pair weighs 5 points.
    - `median_nearest_train`, `memorized_rate`: the threshold is the 5th percentile of the art's distances to its own
      nearest neighbors, so about 5% is what unseen art of the same kind would score. N of 20 or more.
    - `mmd2`, `mmd_p_value`: see `discrepancy`; null for N of 1. N of 20 or more, better 50.
    - `palette_emd`: see `transport`. N of 20 or more; with fewer it is large for want of colors.
    """
    if train is None:  # the training art is not at hand
        return SetMetrics(duplicate_rate(sprites), None, None, None, None, None)
    nearest = train.nearest(sprites)
    art = train.sprites[: len(train.sprites) // 2]  # without the mirror images
    discrepancy = maximum_mean_discrepancy(sprites, art)
    return SetMetrics(
        duplicate_rate=duplicate_rate(sprites),
        median_nearest_train=float(np.median(nearest)),
        memorized_rate=None if profile.train_train is None else float(np.mean(nearest < profile.train_train.p5)),
        mmd2=None if discrepancy is None else discrepancy.mmd2,
        mmd_p_value=None if discrepancy is None else discrepancy.p_value,
        palette_emd=palette_emd(sprites, art),
    )
