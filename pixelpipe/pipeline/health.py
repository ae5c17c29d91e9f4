"""Whether this machine can do what pixelpipe asks of it: one finding a check, with what to do where it is wrong."""

import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement

from pixelpipe import __version__
from pixelpipe.cache_folder import cache_folder
from pixelpipe.errors import AlreadyExistsError, PixelpipeError, one_line
from pixelpipe.models.layout import TINY, hash_base
from pixelpipe.store import Store

MIN_FREE_GB, ROOMY_GB = 1.0, 30.0  # SD1.5: 3.4 GB of weights an epoch, 10 GB with its optimizer
State = Literal["ok", "note", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`note`: works, but not for every purpose."""

    check: str
    state: State
    found: str
    todo: str = ""


def check_machine(store: Store) -> Iterator[Finding]:
    """Installation, base, GPU, store, disk; each is found out only when it is asked for."""
    yield _installation()
    yield _tiny_base()
    yield _gpu()
    yield _store(store)
    yield from _disks(store)


def _installation() -> Finding:
    """Every dependency is there, in a version that works."""
    problems = []
    for text in requires("pixelpipe") or []:
        needed = Requirement(text)
        if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
            continue
        try:
            found = version(needed.name)
        except PackageNotFoundError:
            problems.append(f"{needed.name} is missing")
            continue
        if not needed.specifier.contains(found, prereleases=True):
            problems.append(f"{needed.name} is {found}, must be {needed.specifier}")
    python = ".".join(map(str, sys.version_info[:3]))
    if problems:
        return Finding("installation", "wrong", "; ".join(problems), "pip install -c constraints.txt -e .")
    versions = ", ".join(f"{name} {version(name)}" for name in ("prefect", "torch", "diffusers"))
    return Finding("installation", "ok", f"pixelpipe {__version__}, Python {python}, {versions}")


def _tiny_base() -> Finding:
    try:
        return Finding("tiny base", "ok", f"whole ({hash_base(TINY)[:12]})")
    except (PixelpipeError, OSError) as error:
        return Finding("tiny base", "wrong", one_line(error), "install pixelpipe again")


def _gpu() -> Finding:
    import torch

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
        return Finding("GPU", "ok", ", ".join(f"{each.name}, {each.total_memory / 2**30:.0f} GiB" for each in names))
    seen = _driver_sees()
    if seen:
        build = f"torch {version('torch')} cannot use it"
        return Finding("GPU", "wrong", f"{seen}, but {build}", "install a CUDA build of torch that fits the driver")
    return Finding("GPU", "note", "none: the tiny base trains on the CPU, SD1.5 would take days")


def _driver_sees() -> str | None:
    """The GPUs that the driver lists, whatever torch makes of them."""
    if (command := shutil.which("nvidia-smi")) is None:
        return None
    arguments = [command, "--query-gpu=name", "--format=csv,noheader"]
    try:
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ", ".join(done.stdout.split("\n")).strip(", ") or None if done.returncode == 0 else None


def _store(store: Store) -> Finding:
    """Written, read, put only if absent and removed: what every commit stands on."""
    try:
        store.check_writable()
        root = store.local_path("doctor")
        if root is not None and not root.parent.is_dir():
            return Finding("store", "ok", f"{store.url} is not there yet, and can be made")
        problem = _try_store(store, f"doctor/{uuid.uuid4().hex}")
        if root is not None and root.is_dir():
            root.rmdir()
    except (PixelpipeError, OSError) as error:
        todo = "name another with --store or PIXELPIPE_STORE, or give access"
        return Finding("store", "wrong", one_line(error), todo)
    if problem:
        return Finding("store", "wrong", f"{store.url}: {problem}", "use a local disk, S3 or GCS")
    return Finding("store", "ok", f"{store.url}: written, read, put only if absent, removed")


def _try_store(store: Store, key: str) -> str | None:
    """What does not hold."""
    store.put(key, b"first")
    try:
        store.put(key, b"second")
    except AlreadyExistsError:  # as it must be
        return None if store.read(key) == b"first" else "what is read is not what was written"
    else:
        return "a second put of one key overwrites the first: two promotions could both win"
    finally:
        store.delete(key)


def _disks(store: Store) -> Iterator[Finding]:
    places = {"disk (cache)": cache_folder(), "disk (temporary)": Path(tempfile.gettempdir())}
    if (local := store.local_path("experiments")) is not None:
        places = {"disk (store)": local, **places}
    for check, place in places.items():
        free = shutil.disk_usage(_existing(place)).free / 2**30
        said = f"{free:.0f} GB free at {place}"
        if free < MIN_FREE_GB:
            yield Finding(check, "wrong", said, "make room, or choose another place")
        elif free < ROOMY_GB:
            yield Finding(check, "note", f"{said}: enough for the tiny base; SD1.5 wants {ROOMY_GB:.0f} GB")
        else:
            yield Finding(check, "ok", said)


def _existing(place: Path) -> Path:
    return next(parent for parent in (place.absolute(), *place.absolute().parents) if parent.exists())
