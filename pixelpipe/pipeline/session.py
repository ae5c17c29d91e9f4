"""The warm part of an experiment: base, trainer and sampler in one process, from the first epoch to the last."""

from collections.abc import Iterator
from functools import cached_property

import numpy as np
from accelerate import Accelerator
from diffusers import UNet2DConditionModel

from pixelpipe.analysis.profile import Profile, build_profile
from pixelpipe.config import ExperimentConfig
from pixelpipe.data.manifest import Manifest
from pixelpipe.lines import pin_profile, pinned_profile
from pixelpipe.models.encode import round_trip
from pixelpipe.models.layout import resolve_base
from pixelpipe.models.load import BaseModel, load_base
from pixelpipe.pipeline.prepare import Experiment
from pixelpipe.sampling.sampler import Sampler
from pixelpipe.seeds import numpy_generator
from pixelpipe.store import Store
from pixelpipe.training.cache import build_cache
from pixelpipe.training.checkpoint import CheckpointStore
from pixelpipe.training.engine import EpochRecord, Trainer, TrainingData
from pixelpipe.training.weights import DTYPES

ROUND_TRIPS = 256  # sprites behind the VAE's percentiles: enough for a p95, and seconds on a GPU


class Session:
    """Loads nothing until it is asked: an experiment that is done needs no model."""

    def __init__(self, store: Store, experiment: Experiment, done_epochs: int) -> None:
        self.store, self.experiment, self.done_epochs = store, experiment, done_epochs
        self.config = experiment.config
        self.checkpoints = CheckpointStore(store, experiment.experiment_id)

    def train_epochs(self) -> Iterator[EpochRecord]:
        """Train on from the last complete epoch; see `Trainer.train_epochs`."""
        if self.done_epochs:
            self.trainer.resume(self.checkpoints, self.done_epochs)
        return self.trainer.train_epochs(self.checkpoints)

    @cached_property
    def accelerator(self) -> Accelerator:
        return Accelerator()

    @cached_property
    def base(self) -> BaseModel:
        return load_base(resolve_base(self.config.model.base), self.accelerator.device)

    @cached_property
    def trainer(self) -> Trainer:
        caches = {
            split: build_cache(
                self.base,
                self.experiment.manifest.split(split),
                self.config.resolution,
                horizontal_flips=self.config.training.horizontal_flips and split == "train",
            )
            for split in ("train", "validation")
        }
        return Trainer(
            unet=self.base.unet,
            noise_scheduler_config=self.base.noise_scheduler_config,
            data=TrainingData(**caches, repeats=self.config.dataset.repeats),
            config=self.config.resolved_training,
            model=self.config.model,
            seed=self.config.seed,
            accelerator=self.accelerator,
        )

    @cached_property
    def sampler(self) -> Sampler:
        return make_sampler(self.base, self.config)

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


def make_sampler(base: BaseModel, config: ExperimentConfig) -> Sampler:
    return Sampler(
        base,
        resolution=config.resolution,
        num_inference_steps=config.sampling.num_inference_steps,
        guidance_scale=config.guidance_scale,
        batch_size=config.sampling.batch_size,
    )


def champion_sampler(store: Store, config: ExperimentConfig, reference: str) -> tuple[Sampler, UNet2DConditionModel]:
    """A sampler of another experiment's checkpoint ("<experiment>@<epoch>"), as that experiment is configured."""
    experiment_id, _, epoch = reference.rpartition("@")
    base = load_base(resolve_base(config.model.base), Accelerator().device)
    CheckpointStore(store, experiment_id).apply(int(epoch), base.unet)
    dtype = DTYPES[config.training.mixed_precision]  # rounded as the warm one is: the same pictures
    return make_sampler(base, config), base.unet if dtype == base.unet.dtype else base.unet.to(dtype)


def _some(sprites: np.ndarray, dataset_hash: str) -> np.ndarray:
    chosen = numpy_generator("round trip", dataset_hash).permutation(len(sprites))[:ROUND_TRIPS]
    return sprites[np.sort(chosen)]
