"""What a checkpoint holds, copied out of the way of training so that it can be written meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True, slots=True)
class TrainingState:
    """What resuming needs beside the weights that are judged."""

    optimizer_steps: int
    images_seen: int
    optimizer: dict[int, Tensors]  # parameter index -> AdamW's `step`, `exp_avg`, `exp_avg_sq`
    raw_weights: Tensors | None = None  # by name: where an average of them is judged
    loss_scale: dict[str, float] | None = None  # of fp16's gradient scaler

    def map(self, function: Callable[[torch.Tensor], torch.Tensor]) -> "TrainingState":
        return replace(
            self,
            optimizer={index: _mapped(tensors, function) for index, tensors in self.optimizer.items()},
            raw_weights=None if self.raw_weights is None else _mapped(self.raw_weights, function),
        )

    @property
    def num_bytes(self) -> int:
        return sum(_num_bytes(tensors) for tensors in (*self.optimizer.values(), self.raw_weights or {}))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A checkpoint before it is written."""

    weights: Tensors  # by parameter name: what is judged
    unet_config: dict[str, Any]
    lora_config: dict[str, Any] | None  # None: `weights` are the whole UNet
    state: TrainingState
    copied: torch.cuda.Event | None = None  # on a GPU: when the copy is complete

    def taken(self) -> "Snapshot":
        """A copy that training does not change: on the device, where it fits beside the training; else on the CPU."""
        device = next(iter(self.weights.values())).device
        if device.type != "cuda":
            return self._map(torch.clone)
        size = _num_bytes(self.weights) + self.state.num_bytes
        snapshot = self._map(torch.clone if 2 * size < torch.cuda.mem_get_info(device)[0] else torch.Tensor.cpu)
        event = torch.cuda.Event()
        event.record()
        return replace(snapshot, copied=event)

    def on_the_host(self) -> "Snapshot":
        """The same on the CPU, copied beside the training's own stream; for the thread that writes it."""
        if self.copied is None:
            return self
        with torch.cuda.stream(torch.cuda.Stream()):
            torch.cuda.current_stream().wait_event(self.copied)
            return replace(self._map(torch.Tensor.cpu), copied=None)

    def _map(self, function: Callable[[torch.Tensor], torch.Tensor]) -> "Snapshot":
        return replace(self, weights=_mapped(self.weights, function), state=self.state.map(function))


def _mapped(tensors: Tensors, function: Callable[[torch.Tensor], torch.Tensor]) -> Tensors:
    return {name: function(tensor).contiguous() for name, tensor in tensors.items()}


def _num_bytes(tensors: Tensors) -> int:
    return sum(tensor.nbytes for tensor in tensors.values())
