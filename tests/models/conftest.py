"""Bases to spoil, and files with tensors of chosen names and shapes."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from pixelpipe.models.layout import TINY

WriteFile = Callable[[dict[str, tuple[int, ...]]], Path]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The tiny base as a folder of links: a test replaces a file of it, never writes into one."""
    shutil.copytree(TINY, tmp_path / "base", copy_function=os.symlink)
    return tmp_path / "base"


@pytest.fixture(scope="session")
def single_file(tmp_path_factory: pytest.TempPathFactory, base: Any) -> Path:
    """The tiny base in CompVis' layout, fp32: read only."""
    from pixelpipe.models.save import models_of, other_parts, single_file_tensors
    from pixelpipe.models.write import write_safetensors

    path = tmp_path_factory.mktemp("single") / "tiny.safetensors"
    tensors = single_file_tensors(models_of(base, base.unet), torch.float32)
    write_safetensors(path, tensors, {"format": "pt", **other_parts(base, base.unet)})
    return path


@pytest.fixture
def write_file(tmp_path: Path) -> WriteFile:
    """A safetensors file with zeros under the names given."""

    def write(shapes: dict[str, tuple[int, ...]]) -> Path:
        path = tmp_path / "file.safetensors"
        save_file({name: torch.zeros(shape, dtype=torch.float16) for name, shape in shapes.items()}, path)
        return path

    return write
