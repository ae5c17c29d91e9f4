"""Compiling the loops over pixels: numba, its cache outside the package.

Importing this module imports numba (0.4 s), so only what measures pictures does; schemas and reading commands do not.
The first use on a machine compiles (seconds), later processes load the result from the user's cache folder.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba import config as numba_config

Function = Callable[..., Any]

_CACHE_DIR = "CACHE_DIR"  # numba makes its settings at run time, where type checkers do not see them


def compiled(signature: str) -> Callable[[Function], Function]:
    """Decorator: compile for `signature` (numba's words) alone, without the GIL, for values that are finite.

    One signature, so that no other dtype or layout ever starts a second compilation. Sums may be reassociated and
    divisions are unchecked: that is what lets a loop use SIMD.
    """

    def decorate(function: Function) -> Function:
        folder = _cache_folder()
        before = getattr(numba_config, _CACHE_DIR)
        setattr(numba_config, _CACHE_DIR, folder or before)  # read when the function is decorated, and only then
        try:
            return numba.njit(signature, nogil=True, error_model="numpy", fastmath=True, cache=bool(folder))(function)
        finally:
            setattr(numba_config, _CACHE_DIR, before)

    return decorate


def read_only(dtype: str, num_dimensions: int) -> str:
    """The signature of a C-contiguous array that is only read: an array that may be written fits it, too."""
    return f"Array({dtype}, {num_dimensions}, 'C', readonly=True)"


def _cache_folder() -> str | None:
    """NUMBA_CACHE_DIR, or `pixelpipe/numba` in the user's cache folder; None where nothing can be written."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(os.environ.get("NUMBA_CACHE_DIR") or Path(base) / "pixelpipe" / "numba")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return str(folder)
    except (OSError, RuntimeError):  # a read-only or full disk, or no home folder
        return None
