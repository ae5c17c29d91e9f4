"""The two experiments of the demo, as configuration files that can be changed and run again."""

from pathlib import Path
from typing import Any

import yaml

NUM_PORTRAITS = 200


def demo_configs(place: Path, seed: int) -> tuple[Path, Path]:
    """Write `baseline.yaml` and `candidate.yaml` into `place`; they differ as the seed's two experiments do."""
    baseline: dict[str, Any] = {
        "name": "192px-plain-captions",
        "line": "demo-portraits-24",
        "seed": seed,
        "dataset": {"path": str(place / "portraits"), "grid": 24, "repeats": 2},
        "captions": {"strategy": "sidecar", "column": "text"},
        "model": {"base": "tiny"},
        "training": {"resolution": 192, "epochs": 6, "batch_size": 8, "learning_rate": 3.0e-4},
        "sampling": {"num_prompts": 12, "seeds_per_prompt": 2, "num_inference_steps": 20, "guidance_scale": 4.0},
    }
    candidate = {
        **baseline,
        "name": "96px-detailed-captions",
        "captions": {**baseline["captions"], "column": "detailed"},
        "training": {**baseline["training"], "resolution": 96},
    }
    paths = place / "baseline.yaml", place / "candidate.yaml"
    for path, config in zip(paths, (baseline, candidate), strict=True):
        path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return paths
