"""One of several training processes under Accelerate's launcher: `python -m pixelpipe.pipeline.training_process DIR`.

It runs the very generator that the flow runs when it is alone, from the same store and configuration.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pixelpipe.collector import resting
from pixelpipe.training.launcher import end_with_the_flow, meet

if TYPE_CHECKING:  # imported once the process can no longer outlive its flow
    from pixelpipe.training.epoch_files import EpochFiles


def main(folder: Path) -> None:
    """Train every epoch that the flow asks for in `folder`; what ends the process otherwise is reported there."""
    import logging
    import os

    from pixelpipe.training.epoch_files import EpochFiles

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(process)d %(name)s: %(message)s")
    files = EpochFiles(folder)
    try:
        _train(files)
    except BaseException as error:
        files.report(int(os.environ["RANK"]), error)
        raise


def _train(files: EpochFiles) -> None:
    with resting():
        import torch
        from accelerate import Accelerator

        from pixelpipe.errors import ConfigError
        from pixelpipe.lease import Lease
        from pixelpipe.pipeline.launched import Job
        from pixelpipe.pipeline.prepare import prepare
        from pixelpipe.pipeline.session import Session
        from pixelpipe.store import Store

    meet(files.folder)
    accelerator = Accelerator()
    job = Job.read(files.folder)
    store = Store.open(job.store)
    experiment = prepare(store, job.config, job.repetition)
    if experiment.experiment_id != job.experiment_id:
        raise ConfigError(f"sprites, captions or base of {job.experiment_id} changed while it was starting")
    lease = Lease(store, job.experiment_id, job.attempt)  # the flow's, whose process gives the heartbeat
    epochs = Session(lease.store, experiment, job.done_epochs, lease).train_epochs()
    for epoch in range(job.done_epochs + 1, job.config.training.epochs + 1):
        files.wait_until_asked(epoch)
        record = next(epochs)
        if accelerator.is_main_process:
            files.answer(record)
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    end_with_the_flow()
    main(Path(sys.argv[1]))
