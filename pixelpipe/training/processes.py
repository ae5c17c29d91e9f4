"""One batch over several processes: which part is whose, and the sum of what each has."""

import os
from collections.abc import Sequence

import torch
from accelerate import Accelerator

from pixelpipe.errors import ConfigError

BUCKET_VALUES = 32 * 1024 * 1024  # summed in one message: 128 MiB of fp32


def check_num_processes(num_processes: int) -> None:
    """Raises `ConfigError` for more processes than this machine has GPUs, or cores where it has no GPU."""
    if num_processes == 1:
        return
    count, what = torch.cuda.device_count(), "GPUs"
    if not count:
        count, what = os.cpu_count() or 1, "cores (there is no GPU)"
    if num_processes > count:
        raise ConfigError(
            f"`training.num_processes` must be at most {count}, this machine's {what}, but got {num_processes}"
        )


def part_bounds(batch_size: int, num_parts: int, num_processes: int, process_index: int) -> list[tuple[int, int]]:
    """Positions in a batch, [start, stop), that a process computes, one pair for each accumulation step.

    Contiguous and as equal as can be; a last, smaller batch may leave a process with fewer parts, or none.
    """
    count = num_parts * num_processes
    edges = [batch_size * number // count for number in range(count + 1)]
    mine = range(process_index * num_parts, (process_index + 1) * num_parts)
    return [(edges[number], edges[number + 1]) for number in mine if edges[number] < edges[number + 1]]


def sum_over_processes(accelerator: Accelerator, tensors: Sequence[torch.Tensor]) -> None:
    """Replace each tensor (fp32, on the device) by its sum over all processes, in a few large messages."""
    if accelerator.num_processes == 1:
        return
    for bucket in _buckets(tensors):
        flat = torch.cat([tensor.reshape(-1) for tensor in bucket])
        torch.distributed.all_reduce(flat)
        pieces = flat.split([tensor.numel() for tensor in bucket])
        for tensor, piece in zip(bucket, pieces, strict=True):
            tensor.copy_(piece.view_as(tensor))


def largest_over_processes(accelerator: Accelerator, value: int) -> int:
    """The largest of what each process has, the same for all."""
    if accelerator.num_processes == 1:
        return value
    largest = torch.tensor(value, device=accelerator.device)
    torch.distributed.all_reduce(largest, torch.distributed.ReduceOp.MAX)
    return int(largest.item())


def _buckets(tensors: Sequence[torch.Tensor]) -> list[list[torch.Tensor]]:
    buckets: list[list[torch.Tensor]] = [[]]
    size = 0
    for tensor in tensors:
        if buckets[-1] and size + tensor.numel() > BUCKET_VALUES:
            buckets.append([])
            size = 0
        buckets[-1].append(tensor)
        size += tensor.numel()
    return buckets
