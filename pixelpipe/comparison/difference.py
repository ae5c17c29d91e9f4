"""What differs between two experiments, as named factors: which of them a verdict may blame.

Two experiments that differ in more than one factor are confounded: their difference belongs to no single
cause. The ablation that would tell the causes apart is the full factorial of the changed factors.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MAX_FACTORIAL = 4
"""Factors whose 2^k runs are listed; beyond, an ablation is chosen by hand."""

NOT_FACTORS = frozenset({"name", "line", "judge", "budget"})
"""Sections that change no weight and no image."""

NOT_FACTOR_FIELDS = frozenset(
    {
        ("dataset", "path"),
        ("captions", "table"),
        ("captions", "vlm"),
        ("captions", "vlm_batch_size"),
        ("sampling", "prompts"),
    }  # places; the hashes of what lies there are compared instead
    | {("training", "epochs")}  # nothing in an epoch depends on how many were planned
    | {("sampling", field) for field in ("num_prompts", "seeds_per_prompt", "confirm_seeds", "batch_size")}
)
"""How much is measured and where from, not what made the checkpoint."""

FACTOR_NAMES: Mapping[tuple[str, ...], str] = {
    ("seed",): "seed",
    ("dataset", "grid"): "grid",
    ("dataset", "background"): "background",
    ("dataset", "repeats"): "repeats",
    ("dataset", "validation_fraction"): "validation share",
    ("captions", "strategy"): "caption strategy",
    ("captions", "column"): "caption column",
    ("captions", "trigger"): "trigger words",
    ("captions", "template"): "caption template",
    ("captions", "framing"): "caption framing",
    ("captions", "vlm_prompt"): "caption model's prompt",
    ("captions", "vlm_max_new_tokens"): "caption model's longest answer",
    ("model", "base"): "base model",
    ("model", "method"): "training method",
    ("training", "resolution"): "resolution",
    ("training", "epochs"): "epochs",
    ("training", "batch_size"): "batch size",
    ("training", "learning_rate"): "learning rate",
    ("training", "weight_decay"): "weight decay",
    ("training", "max_grad_norm"): "gradient clipping",
    ("training", "caption_dropout"): "caption dropout",
    ("training", "mixed_precision"): "precision",
}
"""Path of a field in `ExperimentConfig.resolved()` -> what people call it; others: its last name."""

CONTENTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "dataset": ("dataset", ()),
    "captions": ("captions", tuple(FACTOR_NAMES[path] for path in FACTOR_NAMES if path[0] == "captions")),
    "base": ("base model", ("base model",)),
}
"""Key of a content hash -> its factor's name, and the fields that it speaks for."""


@dataclass(frozen=True, slots=True)
class Factor:
    """One thing that differs."""

    name: str
    candidate: str
    baseline: str

    def __str__(self) -> str:
        return f"{self.name}: {self.candidate} (baseline: {self.baseline})"


def changed_factors(
    candidate_config: Mapping[str, Any],
    baseline_config: Mapping[str, Any],
    candidate_hashes: Mapping[str, str],
    baseline_hashes: Mapping[str, str],
) -> list[Factor]:
    """Factors that differ between two `ExperimentConfig.resolved()`, named: contents first, then fields.

    Hashes: {"dataset", "captions", "base"} -> content hash. Content decides: another caption strategy that
    wrote the same captions is no factor, and the same base with other weights is one.
    """
    ours, theirs = dict(_leaves(candidate_config)), dict(_leaves(baseline_config))
    named = {
        name: Factor(name, _text(ours.get(path)), _text(theirs.get(path)))
        for path in dict.fromkeys([*ours, *theirs])
        if ours.get(path) != theirs.get(path)
        for name in [FACTOR_NAMES.get(path, path[-1].replace("_", " "))]
    }
    spoken_for = {field for _, fields in CONTENTS.values() for field in fields}
    contents = _content_factors(named, candidate_hashes, baseline_hashes)
    return [*contents, *(factor for name, factor in named.items() if name not in spoken_for)]


def confounded(factors: list[Factor]) -> bool:
    """More than one factor changed: no single cause may be blamed."""
    return len(factors) > 1


def factorial_runs(factors: list[Factor]) -> list[str]:
    """The 2^k runs that tell k = 2 to 4 changed factors apart, the two that exist named; else no rows.

    A row reads "captions: simple, resolution: 512 (the baseline)".
    """
    if not 2 <= len(factors) <= MAX_FACTORIAL:
        return []
    return [_run(factors, changed) for changed in itertools.product((False, True), repeat=len(factors))]


def _leaves(config: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """(path, value) of every field that may be a factor."""
    for section, value in config.items():
        if section in NOT_FACTORS:
            continue
        if not isinstance(value, Mapping):
            yield (section,), value
            continue
        yield from (
            ((section, field), leaf) for field, leaf in value.items() if (section, field) not in NOT_FACTOR_FIELDS
        )


def _content_factors(named: Mapping[str, Factor], ours: Mapping[str, str], theirs: Mapping[str, str]) -> list[Factor]:
    """Contents that differ, by the values of the field that names them if that differs too, else hashes."""
    factors = []
    for key, (name, fields) in CONTENTS.items():
        if ours[key] != theirs[key]:
            by_hash = Factor(name, ours[key][:8], theirs[key][:8])
            called = next((named[field] for field in fields if field in named), by_hash)
            factors.append(Factor(name, called.candidate, called.baseline))
    return factors


def _run(factors: list[Factor], changed: tuple[bool, ...]) -> str:
    values = (f.candidate if new else f.baseline for f, new in zip(factors, changed, strict=True))
    row = ", ".join(f"{f.name}: {value}" for f, value in zip(factors, values, strict=True))
    if not any(changed):
        return f"{row} (the baseline)"
    return f"{row} (the candidate)" if all(changed) else row


def _text(value: Any) -> str:
    return "not set" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
