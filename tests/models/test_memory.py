"""Freed memory stays with the process: counted as page faults of one in which large tensors come and go."""

import ctypes
import subprocess
import sys

import pytest

COME_AND_GO = """
import resource, sys, torch
from pixelpipe.models.memory import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
for _ in range(10):
    torch.ones(2**24)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    torch.ones(2**24)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(side: str) -> int:
    return int(subprocess.run([sys.executable, "-c", COME_AND_GO, side], check=True, capture_output=True).stdout)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="not glibc")
def test_large_tensors_come_without_page_faults():
    """64 MiB: glibc comes to keep up to 32 MiB by itself."""
    assert page_faults("kept") < page_faults("given back") / 4
