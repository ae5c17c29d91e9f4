"""One optimizer step: forward, backward and update, without ever waiting for the device."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import Accelerator
from diffusers import UNet2DConditionModel

from pixelpipe.config import TrainingConfig
from pixelpipe.training.compilation import compiled
from pixelpipe.training.draws import Draws
from pixelpipe.training.ema import Ema
from pixelpipe.training.loss import NoiseSchedule, denoising_losses
from pixelpipe.training.processes import sum_over_processes
from pixelpipe.training.schedule import lr_factor
from pixelpipe.training.snapshot import Tensors, TrainingState
from pixelpipe.training.weights import DTYPES, TrainedWeights, lay_out


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a step's batch, computed at once; on the device."""

    moments: torch.Tensor  # (b, 2, 4, h, w): the VAE's mean and standard deviation
    encoder_hidden_states: torch.Tensor  # (b, tokens, width)
    draws: Draws  # (b, ...)


class OptimizerStep:
    """A UNet with what trains it: masters, AdamW, their average, the loss scale."""

    def __init__(
        self,
        unet: UNet2DConditionModel,
        schedule: NoiseSchedule,
        config: TrainingConfig,
        total_steps: int,
        accelerator: Accelerator,
    ) -> None:
        assert config.learning_rate is not None, "the configuration is resolved"
        self.unet, self.schedule, self.config, self.total_steps = unet, schedule, config, total_steps
        self.accelerator, self.learning_rate = accelerator, config.learning_rate
        if config.gradient_checkpointing:
            unet.enable_gradient_checkpointing()
        lay_out(unet)
        self.weights = TrainedWeights(unet, DTYPES[config.mixed_precision])
        self.optimizer = torch.optim.AdamW(
            self.weights.masters, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        self.ema = Ema(self.weights.masters, config.ema_decay) if config.ema_decay else None
        self.scaler = torch.amp.GradScaler(accelerator.device.type, enabled=config.mixed_precision == "fp16")
        self.scaler.scale(torch.zeros(1, device=accelerator.device))  # it begins here: a process may have no first part
        self.forward: Callable[..., Any] = unet
        self.compiled_size = 0  # of the parts that a compiled `forward` is for; others go through the UNet as it is

    def __call__(self, parts: Iterator[Part], batch_size: int, step: int, null_embedding: torch.Tensor) -> torch.Tensor:
        """Train on the parts of a batch of `batch_size`, over all processes; `step` counts from 0.

        Returns the sum of this process's losses as a detached scalar on the device.
        """
        losses = [self._backward(part, batch_size, null_embedding) for part in parts]
        gradients = self.weights.gradients()
        sum_over_processes(self.accelerator, gradients)
        self.scaler.unscale_(self.optimizer)
        torch.nn.utils.clip_grad_norm_(self.weights.masters, self.config.max_grad_norm, foreach=True)
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate_at(step)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self.weights.publish()
        if self.ema is not None:
            self.ema.update(self.weights.masters, step + 1)
        return torch.stack(losses).sum() if losses else torch.zeros((), device=self.accelerator.device)

    def compile(self, part_size: int) -> None:
        """Compile the UNet for parts of this size: another shape would be compiled anew, for minutes."""
        self.forward, self.compiled_size = compiled(self.unet), part_size

    def learning_rate_at(self, step: int) -> float:
        config = self.config
        return self.learning_rate * lr_factor(step, config.lr_scheduler, config.lr_warmup_steps, self.total_steps)

    @property
    def judged(self) -> Sequence[torch.Tensor]:
        """The weights that count: the average, where there is one."""
        return self.ema.values if self.ema is not None else self.weights.masters

    def show_judged(self) -> None:
        """Let the UNet compute with the weights that count, until `show_trained`."""
        if self.ema is not None:
            self.weights.show(self.ema.values)

    def show_trained(self) -> None:
        if self.ema is not None:
            self.weights.publish()

    def load(self, weights: Tensors, state: TrainingState) -> None:
        """Go back to a checkpoint."""
        groups = self.optimizer.state_dict()["param_groups"]
        moments = {index: self._laid_out(index, tensors) for index, tensors in state.optimizer.items()}
        self.optimizer.load_state_dict({"state": moments, "param_groups": groups})
        self.weights.load(weights if state.raw_weights is None else state.raw_weights)
        if self.ema is not None:
            for name, value in zip(self.weights.names, self.ema.values, strict=True):
                value.copy_(weights[name])
        if state.loss_scale is not None:
            self.scaler.load_state_dict(state.loss_scale)

    def _laid_out(self, index: int, tensors: Tensors) -> Tensors:
        """A master's state in its own order of memory: on a GPU the fused AdamW takes no other one."""
        master = self.weights.masters[index]
        return {
            name: value if name == "step" else torch.empty_like(master).copy_(value) for name, value in tensors.items()
        }

    @property
    def loss_scale(self) -> dict[str, float] | None:
        return self.scaler.state_dict() or None

    def rehearse(self, part: Part) -> None:
        """A forward and a backward pass that train nothing: to see whether it fits."""
        try:
            self._backward(part, len(part.moments), part.encoder_hidden_states[0])
        finally:
            self.optimizer.zero_grad(set_to_none=True)

    def _backward(self, part: Part, batch_size: int, null_embedding: torch.Tensor) -> torch.Tensor:
        draws = part.draws
        mean, std = part.moments.unbind(1)
        hidden = torch.where(draws.dropped[:, None, None], null_embedding, part.encoder_hidden_states)
        loss = denoising_losses(
            self.forward if not self.compiled_size or len(part.moments) == self.compiled_size else self.unet,
            self.schedule,
            mean + std * draws.latent,
            draws.noise,
            draws.timesteps,
            hidden,
            min_snr_gamma=self.config.min_snr_gamma,
            dtype=self.weights.dtype,
        ).sum()
        self.scaler.scale(loss / batch_size).backward()
        self.weights.collect_gradients()
        return loss.detach()
