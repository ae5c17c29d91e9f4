"""The command line without a process of its own, and inputs that are good but for what a test spoils."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

import pixelpipe.cli
from pixelpipe.config import parse_config
from pixelpipe.keys import checkpoint_key
from pixelpipe.lines import pin_prompts
from pixelpipe.models.layout import TINY
from pixelpipe.results.schemas import SCHEMAS
from pixelpipe.results.writer import append_status, table_of, write_rows
from pixelpipe.sampling.evaluation import Prompt
from pixelpipe.store import Store

NUM_SPRITES = 12


@dataclass(frozen=True)
class Result:
    exit_code: int
    out: str
    err: str

    def refused(self) -> str:
        """The one line that says what is wrong."""
        assert (self.exit_code, self.out) == (2, "")
        assert self.err.count("\n") == 1, self.err
        assert self.err.startswith("pixelpipe: ")
        return self.err.removeprefix("pixelpipe: ").removesuffix("\n")


Cli = Callable[..., Result]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """`cli("analyze", path)`: as `main` does it, down to the exit code."""
    monkeypatch.delenv("PIXELPIPE_STORE", raising=False)

    def call(*arguments: object) -> Result:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["pixelpipe", *map(str, arguments)])
        exit_code = pixelpipe.cli._exit_code()
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Result(exit_code, captured.out, captured.err)

    return call


def draw(path: Path, seed: int, size: int = 24) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)).save(path)
    return path


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: `art`, `base` (links to the tiny base) and `config.yaml`."""
    monkeypatch.chdir(tmp_path)
    for number in range(NUM_SPRITES):
        draw(tmp_path / f"art/{number:02d}.png", number)
        (tmp_path / f"art/{number:02d}.txt").write_text(f"sprite {number}")
    shutil.copytree(TINY, tmp_path / "base", copy_function=os.symlink)
    (tmp_path / "config.yaml").write_text(
        "dataset: {path: art, grid: 24}\nmodel: {base: ./base}\nsampling: {num_prompts: 8}\n"
    )
    return tmp_path


def _value(field: pa.Field, number: int) -> Any:
    kinds = [
        (pa.types.is_boolean, True),
        (pa.types.is_integer, number),
        (pa.types.is_floating, number + 0.5),
        (pa.types.is_timestamp, datetime(2026, 11, 22, 12, number, tzinfo=UTC)),
        (pa.types.is_binary, b"x"),
        (pa.types.is_string, field.name),
    ]
    return next(value for is_kind, value in kinds if is_kind(field.type))


def record(table: str, number: int, **values: Any) -> dict[str, Any]:
    """A row of a table, made from its schema."""
    return {field.name: _value(field, number) for field in SCHEMAS[table]} | values


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """A store with `first-1a2b3c4d` (two epochs, abandoned) and `second-5e6f7a8b` (running, no epoch)."""
    store = Store.open(tmp_path / "filled")
    config = json.dumps({"name": "first", "dataset": {"path": "art"}})
    for number, (experiment_id, status) in enumerate(
        [("first-1a2b3c4d", "running"), ("first-1a2b3c4d", "abandoned"), ("second-5e6f7a8b", "running")]
    ):
        row = record("experiments", number, experiment_id=experiment_id, status=status, line="art-24")
        del row["sequence"]
        append_status(store, row | {"message": f"It is {status}.", "config_json": config})
    for epoch in (1, 2):
        row = record("epochs", epoch, experiment_id="first-1a2b3c4d", epoch=epoch, attempt=1)
        write_rows(store, "epochs", "first-1a2b3c4d", f"epoch-{epoch:02d}-1", table_of("epochs", [row]))
    return tmp_path / "filled"


def minimal(table: str, **values: Any) -> dict[str, Any]:
    """A row of a table with nothing in it that need not be there."""
    kinds = [
        (pa.types.is_integer, 1),
        (pa.types.is_floating, 0.5),
        (pa.types.is_timestamp, datetime(2026, 11, 22, 12, tzinfo=UTC)),
        (pa.types.is_string, "x"),
    ]
    record = {
        field.name: None if field.nullable else next(value for is_kind, value in kinds if is_kind(field.type))
        for field in SCHEMAS[table]
    }
    return record | values


@pytest.fixture(scope="session")
def put_experiment() -> Callable[..., None]:
    """Put a finished experiment of line art-24 with two epochs, whose second has weights: part -> their folder."""

    def put(
        store: Store, experiment_id: str, status: str, base_hash: str, config: dict[str, Any], parts: dict[str, Path]
    ) -> None:
        prompt = "pixel art portrait, red hair"
        pin_prompts(store, "art-24", (Prompt(prompt_id="p000", text=prompt, source="0.png", held_out=True),))
        name = experiment_id.partition("-")[0]
        values = {"name": name, "line": "art-24", "dataset": {"path": "art"}, **config}
        values["training"] = {"epochs": 2, "learning_rate": 3e-4}
        lineage = {"experiment_id": experiment_id, "line": "art-24", "base_hash": base_hash}
        config_json = json.dumps(parse_config(values, "test").resolved())
        change = minimal("experiments", **lineage, name=name, status=status, config_json=config_json)
        del change["sequence"]
        append_status(store, change | {"reason_code": "better", "message": f"It is {status} [really]."})
        captions = [
            minimal("captions", **lineage, caption=f"{prompt}, {n}", split="train" if n else "validation")
            for n in range(4)
        ]
        write_rows(store, "captions", experiment_id, "captions", table_of("captions", captions))
        for epoch in (1, 2):
            facts = minimal("epochs", **lineage, epoch=epoch, attempt=1, optimizer_steps=20 * epoch, clean_rate=0.25)
            write_rows(store, "epochs", experiment_id, f"epoch-{epoch:02d}-1", table_of("epochs", [facts]))
        for part, folder in parts.items():
            store.put_tree(checkpoint_key(experiment_id, 2, 1, part), folder)

    return put
