"""An attempt that ends by an exception leaves that in the experiment's status."""

from collections.abc import Iterator
from contextlib import contextmanager

from pixelpipe.errors import LeaseLostError, PixelpipeError, TrainingDivergedError
from pixelpipe.interruption import was_interrupted
from pixelpipe.pipeline.run import ExperimentRun
from pixelpipe.pipeline.status import record_status


@contextmanager
def recorded_failure(run: ExperimentRun) -> Iterator[None]:
    """Record `failed` for an error and `cancelled` for an interruption, and let it pass on.

    Who lost the lease records nothing: the experiment goes on without it.
    """
    try:
        yield
    except LeaseLostError:
        raise
    except BaseException as error:
        if was_interrupted(error):  # at the keyboard, or cancelled by Prefect
            status, reason_code, message = "cancelled", "cancelled", "Stopped by a person."
        else:
            text = str(error) if isinstance(error, PixelpipeError) else f"{type(error).__name__}: {error}"
            status, reason_code, message = "failed", _reason_code(error), " ".join(text.split())
        record_status(run.store, run.experiment, run.attempt, status, reason_code, message)
        raise


def _reason_code(error: BaseException) -> str:
    return "nan_loss" if isinstance(error, TrainingDivergedError) else "error"
