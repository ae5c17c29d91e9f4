"""What the parts of a figure are colored with: a few usual colors each, varied from figure to figure."""

import numpy as np

from pixelpipe.models.pretrain_tiny.easel import Easel

SKINS = (
    (224, 176, 140), (196, 140, 104), (140, 92, 64), (110, 150, 70), (96, 120, 170), (180, 60, 50), (170, 170, 180),
)  # fmt: skip
METALS = ((150, 156, 170), (110, 116, 130), (200, 170, 80), (120, 80, 50))
CLOTHS = (
    (150, 40, 40), (60, 90, 180), (50, 120, 60), (110, 60, 150), (190, 150, 60), (90, 70, 60), (60, 60, 72),
    (210, 206, 200), (40, 130, 130), (200, 100, 50),
)  # fmt: skip
HAIRS = ((60, 40, 30), (20, 20, 26), (190, 150, 70), (170, 70, 30), (210, 210, 215))


def pick(e: Easel, colors: tuple[tuple[int, int, int], ...]) -> np.ndarray:
    color = np.array(colors[int(e.rng.integers(len(colors)))], np.float32)
    return np.clip(color + e.rng.normal(0, 14, 3), 8, 250).astype(np.float32)


def shade(e: Easel, color: np.ndarray) -> np.ndarray:
    return np.clip(color * e.jitter(1.0, 0.4) + e.rng.normal(0, 16, 3), 0, 255).astype(np.float32)
