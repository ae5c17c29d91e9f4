"""How much of a batch fits into the device's memory, and what to say when it does not."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

from pixelpipe.errors import OutOfMemoryError

Result = TypeVar("Result")


def is_out_of_memory(error: BaseException) -> bool:
    """A GPU's, or the CPU allocator's, which has no class of its own."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "DefaultCPUAllocator" in str(error)


@contextmanager
def explained_out_of_memory(batch_size: int, num_parts: int, num_processes: int, checkpointing: bool) -> Iterator[None]:
    """An out-of-memory error says which fields to change, and to what."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        reason = " ".join(str(error).split(". ")[0].split())
        raise OutOfMemoryError(f"{reason}: {_advice(batch_size, num_parts, num_processes, checkpointing)}") from error


def _advice(batch_size: int, num_parts: int, num_processes: int, checkpointing: bool) -> str:
    part = -(-batch_size // (num_parts * num_processes))
    if part > 1:
        parts = min(2 * num_parts, batch_size // num_processes)
        return (
            f"set training.gradient_accumulation_steps to {parts} (now {num_parts}: {part} sprites at once; "
            "the result stays the same), or to auto"
        )
    if not checkpointing:
        return "set training.gradient_checkpointing to true: one sprite at a time is too much already"
    return "lower training.resolution, or train an adapter (model.method: lora): one sprite is too much already"


def fewest_parts(batch_size: int, attempt: Callable[[int], None]) -> int:
    """The fewest parts, of 1, 2, 4, ..., at which `attempt(size of a part)` fits into memory.

    Raises what `attempt` raised if one sprite at a time does not.
    """
    parts = 1
    while True:
        size = -(-batch_size // parts)
        try:
            attempt(size)
            return parts
        except (RuntimeError, MemoryError) as error:
            if size == 1 or not is_out_of_memory(error):
                raise
        torch.cuda.empty_cache()
        parts = min(2 * parts, batch_size)


def tried_batches(attempt: Callable[[int], Result], limit: int) -> Iterator[tuple[int, Result | None]]:
    """Batches of 1, 2, 4, ... up to `limit` with what `attempt` says of each; None, and the end, for one too large."""
    size = 1
    while size <= limit:
        try:
            result = attempt(size)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            result = None
        if result is None:
            torch.cuda.empty_cache()
            yield size, None
            return
        yield size, result
        size *= 2
