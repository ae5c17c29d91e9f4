"""The warm part of an experiment: base, trainer and sampler in one process, from the first epoch to the last."""

import json
import logging
from collections.abc import Generator, Iterator
from dataclasses import asdict
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from accelerate import Accelerator
from diffusers import UNet2DConditionModel

from pixelpipe.analysis.profile import Profile, build_profile
from pixelpipe.data.manifest import Manifest
from pixelpipe.errors import AlreadyExistsError
from pixelpipe.keys import experiment_key
from pixelpipe.lease import Lease
from pixelpipe.lines import pin_profile, pinned_profile
from pixelpipe.models.encode import round_trip
from pixelpipe.models.layout import resolve_base
from pixelpipe.models.load import BaseModel, load_base
from pixelpipe.pipeline.launched import LaunchedTrainer
from pixelpipe.pipeline.prepare import Experiment
from pixelpipe.pipeline.weights import SamplerSettings
from pixelpipe.sampling.sampler import Sampler
from pixelpipe.seeds import numpy_generator
from pixelpipe.store import Store
from pixelpipe.training.cache import TrainingCache, build_cache
from pixelpipe.training.checkpoint import CheckpointStore
from pixelpipe.training.compilation import Choice, TimedSteps, check_compiler, obstacle
from pixelpipe.training.engine import EpochRecord, Trainer, TrainingData
from pixelpipe.training.processes import check_num_processes

logger = logging.getLogger(__name__)

MANY_STEPS = 500  # may be worth compiling for: two steps more do not matter, and a person may want to know
ROUND_TRIPS = 256  # sprites behind the VAE's percentiles: enough for a p95, and seconds on a GPU


class Session:
    """Loads nothing until it is asked: an experiment that is done needs no model."""

    def __init__(self, store: Store, experiment: Experiment, done_epochs: int, lease: Lease | None = None) -> None:
        """`store`: that of the lease, where there is one."""
        self.store, self.experiment, self.done_epochs = store, experiment, done_epochs
        self.config = experiment.config
        check_num_processes(self.config.training.num_processes)
        if self.config.training.compile == "on":
            check_compiler("cuda" if torch.cuda.is_available() else "cpu")
        self._epochs: Generator[EpochRecord] | None = None
        attempt, self._before_step = (1, _nothing) if lease is None else (lease.attempt, lease.check_known)
        self.checkpoints = CheckpointStore(store, experiment.experiment_id, attempt)

    def train_epochs(self) -> Iterator[EpochRecord]:
        """Train on from the last complete epoch; see `Trainer.train_epochs`. `close` ends it."""
        if self.done_epochs:
            self.trainer.resume(self.checkpoints, self.done_epochs)
        self._epochs = self.trainer.train_epochs(self.checkpoints)
        return self._epochs

    def close(self) -> None:
        """End what trains: threads, and other processes."""
        if self._epochs is not None:
            self._epochs.close()

    @cached_property
    def accelerator(self) -> Accelerator:
        return Accelerator()

    @cached_property
    def base(self) -> BaseModel:
        return load_base(resolve_base(self.config.model.base), self.accelerator.device)

    @cached_property
    def trainer(self) -> Trainer | LaunchedTrainer:
        """In this process, unless it is the flow's and the configuration asks for several."""
        caches = self._caches()
        if self.config.training.num_processes > self.accelerator.num_processes:
            return LaunchedTrainer(self.store, self.experiment, self.base.unet)  # they find the caches on the disk
        trainer = Trainer(
            unet=self.base.unet,
            noise_scheduler_config=self.base.noise_scheduler_config,
            data=TrainingData(**caches, repeats=self.config.repeats),
            config=self.config.resolved_training,
            model=self.config.model,
            seed=self.config.seed,
            accelerator=self.accelerator,
            before_step=self._before_step,
        )
        num_steps = trainer.step.total_steps * self._epochs_left // self.config.training.epochs
        is_timed = trainer.timed_steps.read().eager_s is not None
        if self.config.training.compile == "auto" and num_steps >= MANY_STEPS and not is_timed:
            trainer.time_a_step()
        if self._compiles("training", trainer.timed_steps, num_steps):
            trainer.compile()
        return trainer

    def _caches(self) -> dict[str, TrainingCache]:
        return {
            split: build_cache(
                self.base,
                self.experiment.manifest.split(split),
                self.config.resolution,
                horizontal_flips=self.config.training.horizontal_flips and split == "train",
            )
            for split in ("train", "validation")
        }

    @property
    def is_warm(self) -> bool:
        """Whether weights were trained, or resumed, in this process."""
        return "trainer" in self.__dict__

    @cached_property
    def sampler(self) -> Sampler:
        sampler = SamplerSettings.of(self.config).sampler(self.base)
        num_batches = self._epochs_left * -(-len(self.experiment.evaluation.images) // sampler.batch_size)
        if self._compiles("sampling", sampler.timed_batches(self.unet), num_batches):
            sampler.compile(self.unet)
        return sampler

    @property
    def _epochs_left(self) -> int:
        return self.config.training.epochs - self.done_epochs

    def _compiles(self, what: Literal["training", "sampling"], timed: TimedSteps, num_steps: int) -> bool:
        """What `auto` chose first holds for the whole experiment: resumed, it computes the same bits."""
        setting = self.config.training.compile
        key = experiment_key(self.experiment.experiment_id, f"compile-{what}.json")
        choice = timed.choose(setting, num_steps)
        if setting == "auto":
            try:
                self.store.put(key, json.dumps(asdict(choice)).encode())
            except AlreadyExistsError:
                pinned = Choice(**json.loads(self.store.read(key)))
                choice = choice if pinned.compiled and obstacle(timed.device.type) else pinned
        level = logging.INFO if choice.compiled or num_steps >= MANY_STEPS else logging.DEBUG
        logger.log(level, "%s is %s: %s", what, "compiled" if choice.compiled else "not compiled", choice.reason)
        return choice.compiled

    @property
    def unet(self) -> UNet2DConditionModel:
        """The weights of the newest epoch: what is sampled, judged and kept is one and the same."""
        return self.trainer.unet

    @cached_property
    def profile(self) -> Profile:
        """The line's pinned profile; the line's first experiment makes it, of its art and its VAE."""
        manifest = self.experiment.manifest
        pinned = pinned_profile(self.store, self.experiment.line, manifest.grid)
        return pinned or pin_profile(self.store, self.experiment.line, self._profile_art(manifest))

    def _profile_art(self, manifest: Manifest) -> Profile:
        sprites = manifest.pixels()
        source = f"{self.config.model.base} at {self.config.resolution} px"
        return build_profile(sprites, manifest.dataset_hash, self.round_trip, source)

    @cached_property
    def floor_art(self) -> np.ndarray:
        """(N, grid, grid, 3) uint8: the art, at most `ROUND_TRIPS` sprites of it, that goes through the VAE."""
        manifest = self.experiment.manifest
        return _some(manifest.pixels(), manifest.dataset_hash)

    @cached_property
    def round_trip(self) -> np.ndarray:
        """(N, resolution, resolution, 3) uint8: `floor_art` after the VAE at the training size."""
        return round_trip(self.base, self.floor_art, self.config.resolution)

    def forget_round_trip(self) -> None:
        """Give its memory back: 200 MB at 512 px."""
        self.__dict__.pop("round_trip", None)


def _nothing() -> None:
    pass


def _some(sprites: np.ndarray, dataset_hash: str) -> np.ndarray:
    chosen = numpy_generator("round trip", dataset_hash).permutation(len(sprites))[:ROUND_TRIPS]
    return sprites[np.sort(chosen)]
