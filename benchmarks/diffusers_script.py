"""Run diffusers' own train_text_to_image.py, unchanged, and time its steps.

    python benchmarks/diffusers_script.py TIMES.json NUM_STEPS path/to/train_text_to_image.py [its arguments ...]

The script reports every step to `Accelerator.log`, right after it has waited for the step's loss: there the time is
taken, and after NUM_STEPS the run ends. The script is not part of pixelpipe: fetch it from
https://github.com/huggingface/diffusers/tree/main/examples/text_to_image. It needs `datasets` and `torchvision`.
"""

import json
import runpy
import sys
import time
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator


def make_torchvision_importable() -> None:
    """A PyTorch without CUDA cannot load torchvision's compiled operators; the script needs its transforms only."""
    if torch.version.cuda is None:
        operators = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        KEPT.append(operators)


KEPT: list[Any] = []  # an operator library lives as long as its handle


def main() -> None:
    make_torchvision_importable()
    times_file, num_steps, script = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    times: list[float] = []
    cpu_times: list[float] = []

    def log(self: Accelerator, values: dict[str, Any], step: int | None = None, log_kwargs: Any = None) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        times.append(time.time())
        cpu_times.append(time.process_time())
        if len(times) == num_steps:
            memory = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
            times_file.write_text(json.dumps({"times": times, "cpu_times": cpu_times, "peak_bytes": memory}))
            raise SystemExit(0)

    Accelerator.log = log
    sys.argv = [script, *sys.argv[4:]]
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main()
