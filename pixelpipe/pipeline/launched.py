"""Training in several processes, as the flow sees it: the same epochs, and a UNet with the newest weights."""

import json
import logging
import time
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import torch
from diffusers import UNet2DConditionModel

from pixelpipe.config import ExperimentConfig
from pixelpipe.errors import StoreError, WorkerDiedError
from pixelpipe.keys import experiment_key
from pixelpipe.pipeline.prepare import Experiment
from pixelpipe.store import Store
from pixelpipe.training.checkpoint import CheckpointStore
from pixelpipe.training.engine import EpochRecord
from pixelpipe.training.epoch_files import EpochFiles
from pixelpipe.training.launcher import LOG, LaunchedProcesses
from pixelpipe.training.lora import add_adapter
from pixelpipe.training.weights import DTYPES, as_trained

logger = logging.getLogger(__name__)

MODULE = "pixelpipe.pipeline.training_process"


@dataclass(frozen=True, slots=True)
class Job:
    """What a training process is told; all else it reads for itself, and checks that it is still the same."""

    store: str
    config: ExperimentConfig
    repetition: int
    experiment_id: str
    attempt: int
    done_epochs: int

    def write(self, folder: Path) -> None:
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        (folder / "job.json").write_text(json.dumps(values | {"config": self.config.model_dump(mode="json")}))

    @classmethod
    def read(cls, folder: Path) -> Self:
        values = json.loads((folder / "job.json").read_text())
        return cls(**values | {"config": ExperimentConfig.model_validate(values["config"])})


class LaunchedTrainer:
    """Stands where a `Trainer` stands in the flow's process; the work is done in `training.num_processes` others.

    Between epochs `unet` computes with the weights that count, read from the epoch's checkpoint.
    """

    def __init__(self, store: Store, experiment: Experiment, unet: UNet2DConditionModel) -> None:
        self.store, self.experiment, self.epoch = store, experiment, 0
        model, training = experiment.config.model, experiment.config.training
        if model.method == "lora":
            add_adapter(unet, model, experiment.config.seed)
        as_trained(unet, DTYPES[training.mixed_precision])
        self.unet = unet.requires_grad_(False)

    def resume(self, checkpoints: CheckpointStore, epoch: int) -> None:  # noqa: ARG002 -- the processes read it
        self.epoch = epoch

    def train_epochs(self, checkpoints: CheckpointStore) -> Generator[EpochRecord]:
        """As `Trainer.train_epochs`; the first record's seconds have the start of the processes in them.

        Raises what a process raised, and `WorkerDiedError` for one that was killed. Closing it ends the processes.
        """
        config, experiment_id = self.experiment.config, self.experiment.experiment_id
        with self.store.scratch(f"training-{experiment_id}") as folder:
            repetition = self.experiment.repetition
            job = Job(self.store.url, config, repetition, experiment_id, checkpoints.attempt, self.epoch)
            job.write(folder)
            on_cpu = self.unet.device.type == "cpu"
            processes = LaunchedProcesses(MODULE, folder, config.training.num_processes, on_cpu)
            logger.info("training in %d processes, which log to %s", config.training.num_processes, processes.log)
            try:
                while self.epoch < config.training.epochs:
                    yield self._train_epoch(EpochFiles(folder), processes, checkpoints)
            finally:
                processes.stop()
                self._keep_log(processes)

    def _train_epoch(
        self, files: EpochFiles, processes: LaunchedProcesses, checkpoints: CheckpointStore
    ) -> EpochRecord:
        started = time.perf_counter()
        files.ask(self.epoch + 1)
        record = files.wait_for_answer(self.epoch + 1, lambda: self._check(files, processes))
        self._show(checkpoints.load_weights(record.epoch))
        self.epoch = record.epoch
        return replace(record, seconds_train=time.perf_counter() - started)

    @torch.no_grad()
    def _show(self, weights: dict[str, torch.Tensor]) -> None:
        parameters = dict(self.unet.named_parameters())
        for name, value in weights.items():
            parameters[name].copy_(value)

    def _check(self, files: EpochFiles, processes: LaunchedProcesses) -> None:
        if processes.are_running:
            return
        log = self.store.uri(experiment_key(self.experiment.experiment_id, LOG))
        raise files.reported_error() or WorkerDiedError(f"a training process was killed, or crashed: see {log}")

    def _keep_log(self, processes: LaunchedProcesses) -> None:
        try:
            self.store.replace(experiment_key(self.experiment.experiment_id, LOG), processes.log.read_bytes())
        except StoreError as error:  # must not hide why the training ended
            logger.warning("the log of the training processes is lost: %s", error)
