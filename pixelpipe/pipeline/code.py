"""Which code makes an experiment's weights and pictures: what is new about it may be worth a new candidate.

Code that only measures, judges or reports is left out: the measurements of the past can be made again without a GPU.
"""

import hashlib
import json
from functools import cache
from importlib.metadata import version
from pathlib import Path

import pixelpipe
from pixelpipe.config import content_id
from pixelpipe.keys import experiment_key
from pixelpipe.store import Store

SOURCES = (
    *(f"config/{name}.py" for name in ("dataset", "experiment", "sampling", "training")),
    *("seeds.py", "data", "captions", "models", "training", "sampling", "pipeline/session.py"),
)
LIBRARIES = ("torch", "diffusers", "transformers", "accelerate", "peft", "numpy", "pillow")


@cache
def code_hash() -> str:
    """SHA-256 (hex) of the sources and the libraries' versions; nothing of them is imported."""
    root = Path(pixelpipe.__file__).parent
    files = sorted(path for name in SOURCES for path in _python_files(root / name))
    sources = [(path.relative_to(root).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()) for path in files]
    return content_id("code", sources, library_versions())


def library_versions() -> dict[str, str]:
    """Library -> version without its build: a CPU's and a GPU's build of one release are the same code."""
    return {name: version(name).partition("+")[0] for name in LIBRARIES}


def record_code(store: Store, experiment_id: str) -> None:
    """Keep which code runs an experiment; only the holder of its lease calls this."""
    record = {"code_hash": code_hash(), "pixelpipe": pixelpipe.__version__, "libraries": library_versions()}
    store.replace(_key(experiment_id), json.dumps(record, indent=1).encode())


def recorded_code(store: Store, experiment_id: str) -> str | None:
    """The hash of the code that ran it last; None: it ran before there was this record."""
    key = _key(experiment_id)
    return json.loads(store.read(key))["code_hash"] if store.exists(key) else None


def _python_files(path: Path) -> list[Path]:
    found = [path] if path.is_file() else [*path.rglob("*.py")]
    assert found, f"{path} has no code"
    return found


def _key(experiment_id: str) -> str:
    return experiment_key(experiment_id, "code.json")
