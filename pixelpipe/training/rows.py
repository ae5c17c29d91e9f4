"""Rows of a large table, gathered batch by batch onto the training device: from its memory, or streamed from disk.

Both give the same numbers. A batch never waits for the host: the device's rows are indexed by one upload an epoch, and
a streamed batch is read and copied while the one before it is computed.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
import torch


class Rows(Protocol):
    """A table of R rows."""

    def __len__(self) -> int: ...
    def batches(self, parts: Sequence[torch.Tensor]) -> Iterator[torch.Tensor]:
        """For each part, an int64 vector of row numbers on the CPU: those rows, (len(part), ...) on the device."""
        ...


class DeviceRows:
    """The whole table in the device's memory."""

    def __init__(self, table: torch.Tensor) -> None:
        self.table = table

    def __len__(self) -> int:
        return len(self.table)

    def batches(self, parts: Sequence[torch.Tensor]) -> Iterator[torch.Tensor]:
        if not parts:
            return
        rows = torch.cat(list(parts)).to(self.table.device)
        for part in rows.split([len(part) for part in parts]):
            yield self.table[part]


class StreamedRows:
    """A table that lies in memory-mapped shards; `shard` and `offset` say where row i is."""

    def __init__(self, shards: Sequence[np.ndarray], shard: np.ndarray, offset: np.ndarray, device: torch.device):
        self.shards, self.shard, self.offset, self.device = shards, shard, offset, device

    def __len__(self) -> int:
        return len(self.shard)

    def batches(self, parts: Sequence[torch.Tensor]) -> Iterator[torch.Tensor]:
        """One batch ahead: read in a thread, copied without waiting where the device is a GPU."""
        with ThreadPoolExecutor(1, thread_name_prefix="pixelpipe-rows") as reader:
            waiting = None
            for part in parts:
                following = reader.submit(self._read, part.numpy())
                if waiting is not None:
                    yield waiting.result().to(self.device, non_blocking=True)
                waiting = following
            if waiting is not None:
                yield waiting.result().to(self.device, non_blocking=True)

    def _read(self, rows: np.ndarray) -> torch.Tensor:
        gathered = np.stack([self.shards[self.shard[row]][self.offset[row]] for row in rows])
        batch = torch.from_numpy(gathered)
        return batch.pin_memory() if self.device.type == "cuda" else batch
