"""Notices a loss that is no longer finite, or has exploded, without ever waiting for the device."""

import math

import torch

from pixelpipe.errors import TrainingDivergedError

EXPLODED = 10.0  # predicting nothing at all scores about 1, whatever is predicted
WINDOW = 50  # steps between two looks


class LossWatch:
    """Collects the losses of an epoch. A window's mean is copied while the next one is trained, then looked at."""

    def __init__(self, epoch: int, learning_rate: float) -> None:
        self.epoch, self.learning_rate = epoch, learning_rate
        self.losses: list[torch.Tensor] = []
        self._pending: tuple[torch.Tensor, torch.cuda.Event | None] | None = None

    def add(self, loss: torch.Tensor) -> None:
        """A step's mean loss, a detached scalar on the device. Raises `TrainingDivergedError` a window late."""
        self.losses.append(loss)
        if len(self.losses) % WINDOW:
            return
        self._check_pending()
        mean = torch.stack(self.losses[-WINDOW:]).mean()
        event = None
        if mean.is_cuda:
            mean = torch.empty((), pin_memory=True).copy_(mean, non_blocking=True)
            event = torch.cuda.Event()
            event.record()
        self._pending = (mean, event)

    def check(self, loss: float) -> None:
        if math.isfinite(loss) and loss <= EXPLODED:
            return
        raise TrainingDivergedError(
            f"epoch {self.epoch}: the training loss is {loss:.3g} (predicting nothing would score about 1); "
            f"lower training.learning_rate (now {self.learning_rate:g})"
        )

    def _check_pending(self) -> None:
        if self._pending is None:
            return
        mean, event = self._pending
        if event is not None:
            event.synchronize()  # recorded a window ago: done
        self.check(mean.item())
