"""Memory of tensors on a CPU, kept by the process that frees it.

glibc gives every block beyond 32 MiB back to the system as it is freed, and gets it anew for the next tensor, whose
pages then come one fault at a time: a sixth of a training step, half of what the VAE takes (benchmarks/allocator.md).
"""

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
KEPT_BYTES = 2**30  # what training the tiny base has at its peak: all that it frees (benchmarks/allocator.md)


def keep_freed_memory() -> None:
    """From now on up to 1 GiB that is freed stays with this process. Without glibc (macOS, Alpine) nothing changes."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for threshold in (M_TRIM_THRESHOLD, M_MMAP_THRESHOLD):
            mallopt(threshold, KEPT_BYTES)
