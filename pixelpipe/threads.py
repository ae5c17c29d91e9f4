"""How PyTorch's threads on a CPU wait for one another.

Between two operations GNU's OpenMP has them spin for milliseconds, which costs nothing while nothing else runs. Beside
other work the one that is awaited does not get the core that the others spin on, and training takes several times as
long. Spinning a sixtieth of that is as quick alone, and quicker in company (benchmarks/busy_machine.md).
"""

import os

SPINS = "5000"  # libgomp's default is 300,000


def wait_briefly() -> None:
    """For PyTorch that is imported from now on, here and in child processes; what the person has set stands."""
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
