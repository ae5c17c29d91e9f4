"""An attempt that ends by an exception leaves that in the experiment's status."""

from collections.abc import Iterator
from contextlib import contextmanager

from pixelpipe.errors import PixelpipeError, TrainingDivergedError
from pixelpipe.pipeline.run import ExperimentRun
from pixelpipe.pipeline.status import record_status


@contextmanager
def recorded_failure(run: ExperimentRun) -> Iterator[None]:
    """Record `failed` for an error and `cancelled` for an interruption, and let it pass on."""
    try:
        yield
    except Exception as error:
        message = str(error) if isinstance(error, PixelpipeError) else f"{type(error).__name__}: {error}"
        record_status(run.store, run.experiment, run.attempt, "failed", _reason_code(error), " ".join(message.split()))
        raise
    except BaseException:  # interrupted at the keyboard, or cancelled by Prefect
        record_status(run.store, run.experiment, run.attempt, "cancelled", "cancelled", "Stopped by a person.")
        raise


def _reason_code(error: Exception) -> str:
    return "nan_loss" if isinstance(error, TrainingDivergedError) else "error"
