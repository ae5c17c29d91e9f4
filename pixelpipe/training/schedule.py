"""The learning rate as a function of the step: nothing to save, nothing to lose on resuming."""

import math
from typing import Literal

Schedule = Literal["constant", "linear", "cosine"]


def lr_factor(step: int, schedule: Schedule, warmup_steps: int, total_steps: int) -> float:
    """Share of `training.learning_rate` in optimizer step `step` (from 0).

    Rises linearly over `warmup_steps` (the first step already learns), then stays, or falls to 0 with step
    `total_steps` along a line or half a cosine (Loshchilov and Hutter 2017, eq. 5, without restarts).
    """
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    if schedule == "constant":
        return 1.0
    progress = (step - warmup_steps) / max(1, total_steps - warmup_steps)
    left = max(0.0, 1.0 - progress)
    return left if schedule == "linear" else 0.5 * (1 - math.cos(math.pi * left))
