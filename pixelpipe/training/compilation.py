"""Whether torch.compile pays: decided from what was timed on this machine, never from a guess alone.

Compiling SD1.5's UNet takes minutes, and the whole training of 200 sprites sometimes no longer. So every run times its
steps, a run that compiles times that too, and both are kept beside Inductor's own cache. `auto` compiles once the steps
that are planned would win back what compiling costs.
"""

import json
import logging
import os
import shutil
import sysconfig
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch

from pixelpipe.cache_folder import cache_folder
from pixelpipe.config import content_id
from pixelpipe.errors import ConfigError

logger = logging.getLogger(__name__)

Setting = Literal["auto", "on", "off"]

ASSUMED_GAIN = {"cuda": 0.20, "cpu": 0.10}  # of a step's time, until a compiled one was timed here
ASSUMED_COMPILE_S = {"cuda": 240.0, "cpu": 120.0}  # until it was timed here; SD1.5 on an H200: more than 100 s


@dataclass(frozen=True, slots=True)
class Timings:
    """Of one kind of step on this machine, in seconds; None: not timed yet."""

    eager_s: float | None = None  # a step
    compiled_s: float | None = None  # a step
    compile_s: float | None = None  # the last time, with what Inductor's cache had


@dataclass(frozen=True, slots=True)
class Choice:
    """Whether to compile, and why, for people."""

    compiled: bool
    reason: str


def choose(setting: Setting, num_steps: int, timings: Timings, device_type: str, obstacle: str | None) -> Choice:
    """Whether to compile for `num_steps` more steps. `obstacle`: why this machine cannot."""
    if setting == "off":
        return Choice(False, "training.compile is off")
    if setting == "on":
        return Choice(True, "training.compile is on")
    if obstacle is not None:
        return Choice(False, obstacle)
    if timings.eager_s is None:
        return Choice(False, "such a step was never timed on this machine; this run times it")
    compile_s = ASSUMED_COMPILE_S[device_type] if timings.compile_s is None else timings.compile_s
    compiled_s = timings.eager_s * (1 - ASSUMED_GAIN[device_type]) if timings.compiled_s is None else timings.compiled_s
    saved_s = num_steps * (timings.eager_s - compiled_s)
    known = "timed" if timings.compiled_s is not None and timings.compile_s is not None else "assumed"
    return Choice(
        saved_s > compile_s,
        f"{num_steps} steps would save {saved_s:.0f} s and compiling takes {compile_s:.0f} s ({known})",
    )


def obstacle(device_type: str) -> str | None:
    """Why Inductor cannot compile for a device on this machine; None: it can."""
    compiler = os.environ.get("CXX") or "g++"
    if shutil.which(compiler) is None and shutil.which("clang++") is None:
        return f"there is no C++ compiler ({compiler})"
    if not Path(sysconfig.get_path("include"), "Python.h").is_file():
        return "Python's headers (Python.h) are not installed"
    if device_type == "cuda" and not torch.utils._triton.has_triton():
        return "Triton is not installed, or does not know this GPU"
    return None


def check_compiler(device_type: str) -> None:
    """Raises `ConfigError` where Inductor cannot compile."""
    if reason := obstacle(device_type):
        raise ConfigError(f"`training.compile` must be off or auto on this machine but got on: {reason}")


class TimedSteps:
    """Timings of one kind of step, kept between runs.

    `kind`: all that the speed of a step depends on; the device and the version of torch are added.
    """

    def __init__(self, device: torch.device, *kind: object) -> None:
        self.device = device
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{os.cpu_count()} cores"
        threads = torch.get_num_threads() if device.type == "cpu" else 0
        digest = content_id("step", name, threads, torch.__version__, [str(part) for part in kind])
        self._path = cache_folder() / "compile" / f"{digest[:24]}.json"

    def read(self) -> Timings:
        try:
            return Timings(**json.loads(self._path.read_text()))
        except (OSError, ValueError, TypeError):  # none yet; what is broken is timed again
            return Timings()

    def add(self, **seconds: float) -> None:
        """Replace some of the timings; a cache that cannot be written is done without."""
        partial = self._path.with_name(f"{self._path.name}.{os.getpid()}.partial")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(json.dumps(asdict(replace(self.read(), **seconds))))
            partial.replace(self._path)
        except OSError as error:
            logger.debug("timings of steps are not kept: %s", error)

    def choose(self, setting: Setting, num_steps: int) -> Choice:
        return choose(setting, num_steps, self.read(), self.device.type, obstacle(self.device.type))


class Stopwatch:
    """Times equal steps, the first of which may compile; waits for the device twice."""

    def __init__(self, steps: TimedSteps, compiled: bool) -> None:
        self._steps, self._compiled, self._started = steps, compiled, time.perf_counter()
        self._first_s = 0.0

    def first_done(self) -> None:
        self._first_s = self._elapsed_s()

    def all_done(self, num_steps: int) -> None:
        """`num_steps`: at least 2, the first included."""
        step_s = (self._elapsed_s() - self._first_s) / (num_steps - 1)
        if self._compiled:
            self._steps.add(compiled_s=step_s, compile_s=max(0.0, self._first_s - step_s))
        else:
            self._steps.add(eager_s=step_s)

    def _elapsed_s(self) -> float:
        if self._steps.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - self._started


def compiled(module: torch.nn.Module) -> Callable[..., Any]:
    """`module` for inputs of one shape, compiled with the first call; what Inductor makes is kept in our cache."""
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache_folder() / "inductor"))
    return torch.compile(module, dynamic=False)
