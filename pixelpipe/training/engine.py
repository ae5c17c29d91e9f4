"""The training engine: a generator whose every step trains one epoch and leaves a checkpoint.

Exactness: every random number is a function of what it is for (`draws.py`). Weights, optimizer, average, loss scale and
counters are in the checkpoint. So a run that was killed goes on as if it had not been, bit for bit on the CPU.
Speed: nothing in a step waits for the device, and a checkpoint is written while the next thing happens.
"""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from accelerate import Accelerator
from diffusers import UNet2DConditionModel

from pixelpipe.config import ModelConfig, TrainingConfig
from pixelpipe.progress import progress_bar
from pixelpipe.training.cache import TrainingCache
from pixelpipe.training.captions import shuffled_captions
from pixelpipe.training.checkpoint import CheckpointStore
from pixelpipe.training.compilation import Stopwatch, TimedSteps
from pixelpipe.training.divergence import LossWatch
from pixelpipe.training.draws import Draws, epoch_order, step_draws
from pixelpipe.training.lora import adapter_config, add_adapter
from pixelpipe.training.loss import NoiseSchedule, validation_loss
from pixelpipe.training.memory import explained_out_of_memory, fewest_parts
from pixelpipe.training.processes import largest_over_processes, part_bounds, sum_over_processes
from pixelpipe.training.snapshot import Snapshot, TrainingState
from pixelpipe.training.step import OptimizerStep, Part

MIN_TIMED_STEPS = 3


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """What one epoch did. Counters are cumulative over the experiment, resumed or not."""

    epoch: int  # from 1
    train_loss: float  # mean over the epoch's samples
    validation_loss: float
    learning_rate: float  # of the last step
    optimizer_steps: int
    images_seen: int
    seconds_train: float
    saved: "Future[str]"  # of the checkpoint, which is written in the background: its hash

    @property
    def checkpoint_hash(self) -> str:
        """Waits until the checkpoint is put whole; raises what kept it from being so."""
        return self.saved.result()


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Both splits; an epoch shows every training sample `repeats` times."""

    train: TrainingCache
    validation: TrainingCache
    repeats: int


class Trainer:
    """A UNet, its optimizer and its counters: warm from epoch to epoch.

    Between epochs `unet` computes with the weights that count: the average of them, where `training.ema_decay` is set.
    """

    def __init__(
        self,
        unet: UNet2DConditionModel,
        noise_scheduler_config: dict[str, Any],
        data: TrainingData,
        config: TrainingConfig,
        model: ModelConfig,
        seed: int,
        accelerator: Accelerator,
        before_step: Callable[[], None] = lambda: None,
    ) -> None:
        """`before_step` may raise what ends the training."""
        self.config, self.seed, self.data, self.accelerator = config, seed, data, accelerator
        self.before_step = before_step
        self.unet = unet
        self.schedule = NoiseSchedule.of(noise_scheduler_config, accelerator.device)
        if model.method == "lora":
            add_adapter(unet, model, seed)
        self.lora_config = adapter_config(unet) if model.method == "lora" else None
        steps_per_epoch = -(-len(data.train) * data.repeats // config.batch_size)
        self.step = OptimizerStep(unet, self.schedule, config, config.epochs * steps_per_epoch, accelerator)
        self.epoch = self.optimizer_steps = self.images_seen = 0
        self._timed = False
        self._num_parts = None if config.gradient_accumulation_steps == "auto" else config.gradient_accumulation_steps

    def train_epochs(self, checkpoints: CheckpointStore) -> Generator[EpochRecord]:
        """Train from after the last complete epoch to the last one, and yield after each.

        The checkpoint is written meanwhile; `EpochRecord.checkpoint_hash` waits for it, and so does the next one.
        Raises `TrainingDivergedError` when the loss is no longer finite, or has exploded; the last checkpoint is kept.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="pixelpipe-save") as writer:
            saved: Future[str] | None = None
            while self.epoch < self.config.epochs:
                started = time.perf_counter()
                train_loss = self._train_epoch(self.epoch + 1)
                self.epoch += 1
                if saved is not None:
                    saved.result()  # one snapshot in memory at a time, and no error of the disk goes unseen
                saved = self._save(writer, checkpoints)
                self.step.show_judged()
                yield EpochRecord(
                    epoch=self.epoch,
                    train_loss=train_loss,
                    validation_loss=self.validation_loss(),
                    learning_rate=self.step.learning_rate_at(self.optimizer_steps - 1),
                    optimizer_steps=self.optimizer_steps,
                    images_seen=self.images_seen,
                    seconds_train=time.perf_counter() - started,
                    saved=saved,
                )
                self.step.show_trained()

    def _save(self, writer: ThreadPoolExecutor, checkpoints: CheckpointStore) -> "Future[str]":
        """In the background; of several processes, which all have the same weights, the first one does."""
        if self.accelerator.is_main_process:
            return writer.submit(checkpoints.save, self.epoch, self._snapshot())
        nothing: Future[str] = Future()
        nothing.set_result("")
        return nothing

    def resume(self, checkpoints: CheckpointStore, epoch: int) -> None:
        """Go back to the end of an epoch. Raises `CorruptCheckpointError` if its files were changed."""
        weights, state = checkpoints.load(epoch)
        self.epoch, self.optimizer_steps, self.images_seen = epoch, state.optimizer_steps, state.images_seen
        self.step.load(weights, state)

    def validation_loss(self) -> float:
        self.unet.eval()
        part = self.config.batch_size // ((self._num_parts or 1) * self.accelerator.num_processes) or 1
        return validation_loss(self.unet, self.schedule, self.data.validation, part, self.seed, self.step.weights.dtype)

    @property
    def num_parts(self) -> int:
        """Parts that a batch is computed in; found by trying, where the configuration says auto."""
        if self._num_parts is None:
            share = -(-self.config.batch_size // self.accelerator.num_processes)
            with explained_out_of_memory(share, share, 1, self.config.gradient_checkpointing):
                found = fewest_parts(share, self.try_part)
            self._num_parts = largest_over_processes(self.accelerator, found)
        return self._num_parts

    def _train_epoch(self, epoch: int) -> float:
        """Mean loss over the epoch's samples."""
        self.unet.train()
        cache, config = self.data.train, self.config
        order = epoch_order(self.seed, epoch, len(cache), self.data.repeats, config.horizontal_flips)
        sizes = [len(batch) for batch in order.samples.split(config.batch_size)]
        bounds = [self._bounds(size) for size in sizes]
        places = [
            torch.arange(step * config.batch_size + start, step * config.batch_size + stop)
            for step, parts in enumerate(bounds)
            for start, stop in parts
        ]
        latents = cache.latents.batches([(order.samples + order.flipped * len(cache))[place] for place in places])
        hidden = self._hidden_states(epoch, order.samples, places)
        watch = LossWatch(epoch, self.step.learning_rate)
        stopwatch = self._stopwatch(len(sizes))
        with progress_bar(f"epoch {epoch}: training", len(order.samples)) as advance:
            for size, parts in zip(sizes, bounds, strict=True):
                self.before_step()
                watch.add(self._train_step(size, parts, latents, hidden) / size)
                if stopwatch is not None and len(watch.losses) == 1:
                    stopwatch.first_done()
                self.images_seen += size
                advance(size)
        loss = self._mean_loss(watch, sizes)
        if stopwatch is not None:
            stopwatch.all_done(len(sizes))
        return loss

    def compile(self) -> None:
        """From now on; the first step will take long."""
        self.step.compile(self._part_size)

    @property
    def timed_steps(self) -> TimedSteps:
        kind = (self._unet_config(), self.lora_config, self.step.weights.dtype, self.config.batch_size, self._part_size)
        more = (self.data.train.latent_shape, self.config.gradient_checkpointing, self.accelerator.num_processes)
        return TimedSteps(self.accelerator.device, "training", *kind, *more)

    def time_a_step(self) -> None:
        """For a long run on a machine where such a step was never timed: forward and backward, training nothing."""
        self.try_part(self._part_size)
        stopwatch = Stopwatch(self.timed_steps, compiled=False)
        stopwatch.first_done()
        for _ in range(self.num_parts):
            self.try_part(self._part_size)
        stopwatch.all_done(2)

    @property
    def _part_size(self) -> int:
        """Of the largest part of a whole batch."""
        return -(-self.config.batch_size // (self.num_parts * self.accelerator.num_processes))

    def _stopwatch(self, num_steps: int) -> Stopwatch | None:
        """For this trainer's first epoch, if it has enough steps to tell."""
        if self._timed or num_steps < MIN_TIMED_STEPS:
            return None
        self._timed = True
        return Stopwatch(self.timed_steps, compiled=self.step.compiled_size > 0)

    def _train_step(self, size: int, bounds: Sequence[tuple[int, int]], latents: Any, hidden: Any) -> torch.Tensor:
        """One optimizer step on a batch of `size`; returns the sum of this process's losses."""
        draws = self._draws(size)
        rows = zip(islice(latents, len(bounds)), islice(hidden, len(bounds)), bounds, strict=True)
        parts = (Part(moments, states, draws.part(slice(*bound))) for moments, states, bound in rows)
        with explained_out_of_memory(
            self.config.batch_size,
            self.num_parts,
            self.accelerator.num_processes,
            self.config.gradient_checkpointing,
        ):
            loss = self.step(parts, size, self.optimizer_steps, self.data.train.null_embedding)
        self.optimizer_steps += 1
        return loss

    def _draws(self, size: int) -> Draws:
        """Of the step that comes, for a batch of `size`."""
        return step_draws(
            self.seed,
            self.optimizer_steps,
            (size, *self.data.train.latent_shape),
            num_train_timesteps=len(self.schedule),
            caption_dropout=self.config.caption_dropout,
            noise_offset=self.config.noise_offset or 0.0,
            device=self.accelerator.device,
        )

    def _hidden_states(self, epoch: int, samples: torch.Tensor, places: list[torch.Tensor]) -> Iterator[torch.Tensor]:
        """Embeddings of the captions at `places` of an epoch: looked up, or encoded where tags move."""
        cache, config = self.data.train, self.config
        if not config.shuffle_tags and not config.tag_dropout:
            return cache.embeddings.batches([cache.caption_rows[samples[place]] for place in places])
        captions = shuffled_captions(
            [cache.captions[sample] for sample in samples.tolist()],
            self.seed,
            epoch,
            shuffle=config.shuffle_tags,
            keep_tokens=config.keep_tokens,
            tag_dropout=config.tag_dropout,
        )
        return (cache.encode([captions[index] for index in place.tolist()]) for place in places)

    def _mean_loss(self, watch: LossWatch, sizes: Sequence[int]) -> float:
        losses = torch.stack(watch.losses)
        sum_over_processes(self.accelerator, [losses])
        weights = torch.tensor(sizes, dtype=losses.dtype, device=losses.device)
        loss = ((losses * weights).sum() / weights.sum()).item()
        watch.check(loss)
        return loss

    def _bounds(self, size: int) -> list[tuple[int, int]]:
        return part_bounds(size, self.num_parts, self.accelerator.num_processes, self.accelerator.process_index)

    def try_part(self, size: int) -> None:
        """A forward and backward pass of `size` sprites, with room left for AdamW's moments; trains nothing."""
        cache, device = self.data.train, self.accelerator.device
        moments = [torch.empty_like(master) for master in self.step.weights.masters for _ in range(2)]
        draws = self._draws(size)
        hidden = cache.null_embedding.expand(size, *cache.null_embedding.shape)
        self.step.rehearse(Part(torch.zeros((size, 2, *cache.latent_shape), device=device), hidden, draws))
        del moments

    def _snapshot(self) -> Snapshot:
        """A copy of all that a checkpoint holds, made on the device: microseconds to milliseconds."""
        step = self.step
        state = TrainingState(
            optimizer_steps=self.optimizer_steps,
            images_seen=self.images_seen,
            optimizer=step.optimizer.state_dict()["state"],
            raw_weights=step.weights.named(step.weights.masters) if step.ema is not None else None,
            loss_scale=step.loss_scale,
        )
        return Snapshot(step.weights.named(step.judged), self._unet_config(), self.lora_config, state).taken()

    def _unet_config(self) -> dict[str, Any]:
        """What diffusers loads a UNet by; without its own notes, which begin with an underscore."""
        config = {key: value for key, value in self.unet.config.items() if not key.startswith("_")}
        return {"_class_name": type(self.unet).__name__, **config}
