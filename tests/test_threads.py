import subprocess
import sys

import pytest

from pixelpipe.threads import SPINS

ASK = "import os; from pixelpipe.threads import wait_briefly; wait_briefly(); print(os.environ.get('GOMP_SPINCOUNT'))"


@pytest.mark.parametrize(
    ("given", "expected"), [({}, SPINS), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "None")]
)
def test_what_a_person_has_set_stands(given, expected):
    assert subprocess.check_output([sys.executable, "-c", ASK], env=given, text=True).strip() == expected


@pytest.mark.skipif(sys.platform != "linux", reason="GNU's OpenMP says what it has read")
def test_pytorch_reads_it():
    """A name that is misspelled, or set too late, would be ignored."""
    code = f"{ASK}; import torch; torch.ones(4).sum()"
    said = subprocess.run(
        [sys.executable, "-c", code], env={"OMP_DISPLAY_ENV": "verbose"}, capture_output=True, text=True, check=True
    )
    assert f"GOMP_SPINCOUNT = '{SPINS}'" in said.stderr
