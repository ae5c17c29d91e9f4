"""An exponential moving average of the trained weights, in fp32.

Where it is on, its weights are *the* weights: sampled, judged, validated, kept in the checkpoint's `unet/` and exported
(docs/decisions/0010-which-weights.md). The raw ones are training state.
"""

from collections.abc import Sequence

import torch


def decay_at(step: int, ema_decay: float) -> float:
    """Decay after `step` optimizer steps (from 1): rises as (1 + step) / (10 + step) up to `ema_decay`.

    The warm-up of TensorFlow's `ExponentialMovingAverage(num_updates)`: without it an average over 1,000 steps would
    be the base's weights for the whole of a run of 100.
    """
    return min(ema_decay, (1 + step) / (10 + step))


class Ema:
    """The average of `masters`; `values` are its tensors, in the masters' order."""

    def __init__(self, masters: Sequence[torch.Tensor], ema_decay: float) -> None:
        self.ema_decay = ema_decay
        self.values = [master.detach().clone() for master in masters]

    @torch.no_grad()
    def update(self, masters: Sequence[torch.Tensor], step: int) -> None:
        """values <- decay * values + (1 - decay) * masters; one fused pass."""
        torch._foreach_lerp_(self.values, list(masters), 1 - decay_at(step, self.ema_decay))
