"""The training engine: a generator whose every step trains one epoch and leaves a checkpoint.

Exactness: the order of the data is a function of (seed, epoch); latent draw, noise, noise level and caption dropout
are functions of (seed, step). Weights, optimizer and counters are in the checkpoint. So a run that was killed goes on
as if it had not been, bit for bit on the CPU.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from diffusers import DDPMScheduler, UNet2DConditionModel

from pixelpipe.config import TrainingConfig
from pixelpipe.errors import TrainingDivergedError
from pixelpipe.progress import progress_bar
from pixelpipe.seeds import numpy_generator, torch_generator
from pixelpipe.training.cache import TrainingCache
from pixelpipe.training.checkpoint import CheckpointStore, TrainingState
from pixelpipe.training.loss import denoising_loss, validation_loss


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """What one epoch did. Counters are cumulative over the experiment, resumed or not."""

    epoch: int  # from 1
    train_loss: float  # mean over the epoch's samples
    validation_loss: float
    learning_rate: float
    optimizer_steps: int
    images_seen: int
    seconds_train: float
    seconds_save: float
    checkpoint_hash: str


@dataclass(frozen=True, slots=True)
class TrainingData:
    train: TrainingCache
    validation: TrainingCache
    repeats: int


@dataclass(frozen=True, slots=True)
class Batch:
    """One optimizer step's worth, on the device."""

    latents: torch.Tensor  # (B, 4, h, w)
    noise: torch.Tensor  # (B, 4, h, w)
    timesteps: torch.Tensor  # (B,)
    encoder_hidden_states: torch.Tensor  # (B, tokens, width)


class Trainer:
    """A UNet, its optimizer and its counters: warm from epoch to epoch."""

    def __init__(
        self,
        unet: UNet2DConditionModel,
        noise_scheduler: DDPMScheduler,
        data: TrainingData,
        config: TrainingConfig,
        seed: int,
        accelerator: Accelerator,
    ) -> None:
        assert config.learning_rate is not None, "the configuration is resolved"
        self.config, self.seed, self.data = config, seed, data
        self.learning_rate = config.learning_rate
        self.noise_scheduler = noise_scheduler
        self.accelerator = accelerator
        optimizer = torch.optim.AdamW(
            unet.parameters(), lr=self.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        self.unet, self.optimizer = accelerator.prepare(unet, optimizer)
        self.epoch = self.optimizer_steps = self.images_seen = 0

    def train_epochs(self, checkpoints: CheckpointStore) -> Iterator[EpochRecord]:
        """Train from after the last complete epoch to the last one, and yield after each.

        Raises `TrainingDivergedError` when the loss is no longer finite; the last checkpoint is kept.
        """
        while self.epoch < self.config.epochs:
            started = time.perf_counter()
            train_loss = self._train_epoch(self.epoch + 1)
            self.epoch += 1
            loss = self.validation_loss()
            trained = time.perf_counter()
            checkpoint_hash = checkpoints.save(self.epoch, self.unwrapped_unet, self._state())
            yield EpochRecord(
                epoch=self.epoch,
                train_loss=train_loss,
                validation_loss=loss,
                learning_rate=self.learning_rate,
                optimizer_steps=self.optimizer_steps,
                images_seen=self.images_seen,
                seconds_train=trained - started,
                seconds_save=time.perf_counter() - trained,
                checkpoint_hash=checkpoint_hash,
            )

    def resume(self, checkpoints: CheckpointStore, epoch: int) -> None:
        """Go back to the end of an epoch. Raises `CorruptCheckpointError` if its files were changed."""
        state = checkpoints.load(epoch, self.unwrapped_unet)
        self.epoch, self.optimizer_steps, self.images_seen = epoch, state.optimizer_steps, state.images_seen
        self.optimizer.load_state_dict(self._with_groups(state.optimizer))

    def validation_loss(self) -> float:
        self.unet.eval()
        with self.accelerator.autocast():
            return validation_loss(
                self.unet, self.noise_scheduler, self.data.validation, self.config.batch_size, self.seed
            )

    @property
    def unwrapped_unet(self) -> UNet2DConditionModel:
        return self.accelerator.unwrap_model(self.unet)

    def _train_epoch(self, epoch: int) -> float:
        """Mean loss over the epoch's samples."""
        self.unet.train()
        order = self._order(epoch)
        losses = []
        with progress_bar(f"epoch {epoch}: training", len(order)) as advance:
            for rows in order.split(self.config.batch_size):
                losses.append(self._step(self._batch(rows)) * len(rows))
                self.images_seen += len(rows)
                advance(len(rows))
        loss = (torch.stack(losses).sum() / len(order)).item()
        if not math.isfinite(loss):
            raise TrainingDivergedError(
                f"epoch {epoch}: the training loss is {loss}; lower training.learning_rate (now {self.learning_rate:g})"
            )
        return loss

    def _order(self, epoch: int) -> torch.Tensor:
        """Rows of the cache in the order of an epoch, every sample `repeats` times."""
        count = len(self.data.train) * self.data.repeats
        order = numpy_generator(self.seed, "order", epoch).permutation(count)
        return torch.from_numpy(order) % len(self.data.train)

    def _batch(self, rows: torch.Tensor) -> Batch:
        """Draws come from a CPU generator seeded by the step, whatever the device."""
        cache, device = self.data.train, self.accelerator.device
        generator = torch_generator(self.seed, "step", self.optimizer_steps)
        shape = (len(rows), *cache.latent_mean.shape[1:])
        draw = torch.randn(shape, generator=generator).to(device)
        noise = torch.randn(shape, generator=generator).to(device)
        levels = self.noise_scheduler.config.num_train_timesteps
        timesteps = torch.randint(0, levels, (len(rows),), generator=generator).to(device)
        dropped = (torch.rand(len(rows), generator=generator) < self.config.caption_dropout).to(device)
        rows = rows.to(device)
        caption = cache.caption_index[rows].masked_fill(dropped, 0)
        latents = cache.latent_mean[rows] + cache.latent_std[rows] * draw
        return Batch(latents, noise, timesteps, cache.embeddings[caption])

    def _step(self, batch: Batch) -> torch.Tensor:
        """One optimizer step; returns the loss as a detached scalar on the device."""
        with self.accelerator.autocast():
            loss = denoising_loss(
                self.unet,
                self.noise_scheduler,
                batch.latents,
                batch.noise,
                batch.timesteps,
                batch.encoder_hidden_states,
            )
        self.accelerator.backward(loss)
        self.accelerator.clip_grad_norm_(self.unet.parameters(), self.config.max_grad_norm)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.optimizer_steps += 1
        return loss.detach()

    def _state(self) -> TrainingState:
        return TrainingState(self.optimizer_steps, self.images_seen, self.optimizer.state_dict()["state"])

    def _with_groups(self, state: dict[int, dict[str, torch.Tensor]]) -> dict:
        return {"state": state, "param_groups": self.optimizer.state_dict()["param_groups"]}
