"""Compiling leaves nothing in the package, and works where nothing can be written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import pixelpipe

REGIONS = "import numpy as np; from pixelpipe.analysis.regions import region_sizes; "
REGIONS += "print(region_sizes(np.eye(8, dtype=np.int64)).tolist())"
EXPECTED = "[8, 56]"  # 8-connected: the diagonal does not part what is on its sides


def run(code: str, **environment: str) -> str:
    variables = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"} | environment
    return subprocess.run(
        [sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True
    ).stdout.strip()


def cached_files() -> set[Path]:
    return set(Path(pixelpipe.__file__).parent.rglob("*.nb[ic]"))


def test_the_cache_is_the_users_and_not_in_the_package(tmp_path):
    before = cached_files()
    assert run(REGIONS, XDG_CACHE_HOME=str(tmp_path)) == EXPECTED
    assert list((tmp_path / "pixelpipe" / "numba").rglob("*.nbi"))
    assert cached_files() == before


def test_without_a_place_for_the_cache_it_compiles_all_the_same(tmp_path):
    (tmp_path / "file").write_text("no folder can be made below a file")
    before = cached_files()
    assert run(REGIONS, XDG_CACHE_HOME=str(tmp_path / "file")) == EXPECTED
    assert cached_files() == before


@pytest.mark.parametrize(
    "module", ["pixelpipe.cli", "pixelpipe.results.schemas", "pixelpipe.lines", "pixelpipe.comparison.rule"]
)
def test_what_only_reads_results_does_not_wait_for_numba(module):
    assert run(f"import sys, {module}; print('numba' in sys.modules)") == "False"
