"""Python's garbage collector, kept from looking for garbage among imported modules, where there is none.

Training imports 6,000 modules. As they come the collector walks all that came before ten times over, and once more as
the process ends: a third of what both take together (benchmarks/start_up.md).
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def resting() -> Iterator[None]:
    """Import in here. What is imported, and all that is there by then, is never walked again.

    Not for DuckDB: it says on stderr that it leaks where nothing is collected at the end.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()
