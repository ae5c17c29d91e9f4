"""The layout of a store: every key is built here, nowhere else (design: section 5).

A key is a relative posix path, e.g. `experiments/512px-1a2b3c4d/verdict.md`. A bad part is an assertion.
"""

import re
from functools import lru_cache
from typing import Literal

RESULTS = "results/v1"
EXPERIMENTS = "experiments"
LINES = "lines"
CAPTIONS = "captions"
COMPACTED = "compacted"  # beside the folders of experiments, whose ids end in eight hex digits
COMPACTIONS = f"{RESULTS}/compactions"
COLUMNS_FILE = "(columns).parquet"  # sorts before every other name: readers of a folder take its columns
REVIEWS = "reviews"
SITE = "index.html"

CheckpointPart = Literal["unet", "lora", "training_state"]
Role = Literal["candidate", "baseline"]

_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]*")
_CHECKPOINT = re.compile(
    r"experiments/[^/]+/checkpoints/epoch-(?P<epoch>\d{2,})-(?P<attempt>\d+)/(?P<part>unet|lora|training_state)/(?P<file>.+)"
)
_STEM = re.compile(r"epoch-(?P<epoch>\d{2,})-(?P<attempt>\d+)(-[a-z][a-z0-9_]*)?")


def experiment_key(experiment_id: str, *parts: str) -> str:
    return _join(EXPERIMENTS, experiment_id, *parts)


def line_key(line: str, *parts: str) -> str:
    return _join(LINES, line, *parts)


def checkpoint_key(experiment_id: str, epoch: int, attempt: int, part: CheckpointPart) -> str:
    """The folder of one part of a checkpoint; `Store.put_tree` writes it."""
    return experiment_key(experiment_id, "checkpoints", epoch_stem(epoch, attempt), part)


def parse_checkpoint_key(key: str) -> tuple[int, int, CheckpointPart, str] | None:
    """(epoch, attempt, part, file) of a file of a checkpoint, or None when it is something else."""
    match = _CHECKPOINT.fullmatch(key)
    if match is None:
        return None
    part: CheckpointPart = match["part"]  # type: ignore[assignment]
    return int(match["epoch"]), int(match["attempt"]), part, match["file"]


def sample_key(experiment_id: str, epoch: int, prompt_id: str, seed: int) -> str:
    return experiment_key(experiment_id, "samples", epoch_name(epoch), f"{prompt_id}__{seed}.png")


def before_key(experiment_id: str, prompt_id: str, seed: int) -> str:
    """A sprite, at the grid's size, of what the weights drew before they were trained."""
    return experiment_key(experiment_id, "before", f"{prompt_id}__{seed}.png")


def confirmation_key(experiment_id: str, role: Role, prompt_id: str, seed: int) -> str:
    """A full-size image on fresh seeds; `experiment_id` is the candidate's for both roles."""
    return experiment_key(experiment_id, "confirmation", role, f"{prompt_id}__{seed}.png")


def caption_cache_key(strategy: str, *parts: str) -> str:
    """Captions made from pixels, by the strategy that made them; nothing of an experiment."""
    return _join(CAPTIONS, strategy, *parts)


def review_key(review_id: str) -> str:
    """What the page of a blind review does not say: who stands where."""
    return _join(REVIEWS, f"{review_id}.json")


def results_prefix(table: str, experiment_id: str | None = None) -> str:
    return _join(RESULTS, table) if experiment_id is None else _join(RESULTS, table, experiment_id)


def results_key(table: str, experiment_id: str, stem: str) -> str:
    return _join(RESULTS, table, experiment_id, f"{stem}.parquet")


def compacted_key(table: str, name: str) -> str:
    return _join(RESULTS, table, COMPACTED, f"{name}.parquet")


def compaction_key(sequence: int) -> str:
    """The catalog that the n-th compaction put: see `results.catalog`."""
    return f"{COMPACTIONS}/{sequence:06d}.json"


def columns_key(table: str) -> str:
    """A file without rows, with every column that a table ever had."""
    return f"{results_prefix(table)}/{COLUMNS_FILE}"


def parse_results_key(key: str) -> tuple[str, str] | None:
    """(experiment_id, stem) of a file that an experiment wrote, or None when it is of another kind."""
    parts = key.removeprefix(f"{RESULTS}/").split("/")
    if len(parts) != 3 or parts[1] == COMPACTED or not parts[2].endswith(".parquet"):
        return None
    return parts[1], parts[2].removesuffix(".parquet")


def epoch_name(epoch: int) -> str:
    assert epoch >= 1, f"epochs count from 1, not {epoch}"
    return f"epoch-{epoch:02d}"


def epoch_stem(epoch: int, attempt: int, suffix: str = "") -> str:
    """File stem of a table's rows of one epoch: `epoch-01-3`, or `epoch-01-3-baseline` for a part of them."""
    assert attempt >= 1, f"attempts count from 1, not {attempt}"
    stem = f"{epoch_name(epoch)}-{attempt}" + (f"-{suffix}" if suffix else "")
    assert _STEM.fullmatch(stem), f"not the stem of an epoch's file: {stem}"
    return stem


def parse_epoch_key(key: str) -> tuple[str, int, int] | None:
    """(experiment_id, epoch, attempt) of a results file of one epoch, or None when it is of another kind."""
    *_, experiment_id, name = key.split("/")
    parsed = parse_epoch_stem(name.removesuffix(".parquet")) if name.endswith(".parquet") else None
    return None if parsed is None else (experiment_id, *parsed)


@lru_cache(maxsize=4096)  # the same few names, thousands of times
def parse_epoch_stem(stem: str) -> tuple[int, int] | None:
    """(epoch, attempt)."""
    match = _STEM.fullmatch(stem)
    return None if match is None else (int(match["epoch"]), int(match["attempt"]))


def check_key(key: str) -> str:
    """The key itself, once it is known to be relative and to stay inside the store."""
    parts = key.split("/")
    assert all(part not in ("", ".", "..") for part in parts), f"not a relative key inside the store: {key!r}"
    assert parts[0] != ".tmp", f"temporary names are the store's own: {key!r}"
    assert "\\" not in key, f"keys are posix: {key!r}"
    assert "\0" not in key, f"keys are text: {key!r}"
    return key


def _join(*parts: str) -> str:
    for part in "/".join(parts).split("/"):
        assert _SEGMENT.fullmatch(part), f"not a part of a key: {part!r} in {parts!r}"
    return "/".join(parts)
