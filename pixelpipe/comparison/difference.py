"""What differs between two experiments, as named factors: which of them a verdict may blame.

Two experiments that differ in more than one factor are confounded: their difference belongs to no single
cause. The ablation that would tell the causes apart is the full factorial of the changed factors, or, where they are
too many for it, each of them alone.

What was trained elsewhere is known only as far as somebody stated it (`pixelpipe.elsewhere`). A field that one side
does not state is no difference; `unstated_factors` names it.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_FACTORIAL = 4
"""Factors whose 2^k runs are listed; beyond, the runs that change one of them each."""

NOT_FACTORS = frozenset(
    {"name", "line", "judge", "budget", "origin", "figures", "note", "usd_per_epoch", "images_per_epoch"}
)
"""Sections that change no weight and no image."""

NOT_FACTOR_FIELDS = frozenset(
    {
        ("dataset", "path"),
        ("captions", "table"),
        ("captions", "vlm"),
        ("captions", "vlm_batch_size"),
        ("sampling", "prompts"),
    }  # places; the hashes of what lies there are compared instead
    | {
        ("training", field)
        for field in ("gradient_accumulation_steps", "gradient_checkpointing", "num_processes", "compile")  # how
    }
    | {("sampling", field) for field in ("num_prompts", "seeds_per_prompt", "confirm_seeds", "batch_size", "adaptive")}
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
    ("training", "lr_scheduler"): "learning rate schedule",
    ("training", "lr_warmup_steps"): "learning rate warm-up",
    ("training", "ema_decay"): "averaging of the weights",
    ("training", "min_snr_gamma"): "min-SNR gamma",
    ("training", "horizontal_flips"): "mirrored sprites",
    ("model", "rank"): "adapter rank",
    ("model", "alpha"): "adapter alpha",
    ("model", "targets"): "adapter targets",
}
"""Path of a field in `ExperimentConfig.resolved()` -> what people call it; others: its last name."""

CONTENTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "dataset": ("dataset", ()),
    "captions": ("captions", tuple(FACTOR_NAMES[path] for path in FACTOR_NAMES if path[0] == "captions")),
    "base": ("base model", ("base model",)),
}
"""Key of a content hash -> its factor's name, and the fields that it speaks for."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A field of the configuration, as `--set` takes it, with both sides' values."""

    key: str
    candidate: str
    baseline: str


@dataclass(frozen=True, slots=True)
class Factor:
    """One thing that differs."""

    name: str
    candidate: str
    baseline: str
    settings: tuple[Setting, ...] = field(default=(), compare=False)  # none: no field of the configuration says it

    def __str__(self) -> str:
        return f"{self.name}: {self.candidate} (baseline: {self.baseline})"


@dataclass(frozen=True, slots=True)
class FactorialRun:
    """One combination of the changed factors."""

    text: str
    overrides: tuple[str, ...] | None  # KEY=VALUE on top of the baseline's configuration; None: it cannot be said so
    exists: bool  # it is the baseline or the candidate


def changed_factors(
    candidate_config: Mapping[str, Any],
    baseline_config: Mapping[str, Any],
    candidate_hashes: Mapping[str, str | None],
    baseline_hashes: Mapping[str, str | None],
) -> list[Factor]:
    """Factors that differ between two `ExperimentConfig.resolved()`, named: contents first, then fields.

    Hashes: {"dataset", "captions", "base"} -> content hash. Content decides: another caption strategy that
    wrote the same captions is no factor, and the same base with other weights is one. Where a hash is None (trained
    elsewhere), the fields that are stated decide.
    """
    ours, theirs = dict(_leaves(candidate_config)), dict(_leaves(baseline_config))
    partial = _is_partial(candidate_config) or _is_partial(baseline_config)
    paths = [path for path in dict.fromkeys([*ours, *theirs]) if not partial or (path in ours and path in theirs)]
    named = {
        name: Factor(name, _text(ours.get(path)), _text(theirs.get(path)), (_setting(path, ours, theirs),))
        for path in paths
        if ours.get(path) != theirs.get(path)
        for name in [factor_name(path)]
    }
    spoken_for = {name for _, fields in CONTENTS.values() for name in fields}
    place = _place(candidate_config, baseline_config)
    contents = _content_factors(named, candidate_hashes, baseline_hashes, place)
    return [*contents, *(factor for name, factor in named.items() if name not in spoken_for)]


def unstated_factors(candidate_config: Mapping[str, Any], baseline_config: Mapping[str, Any]) -> list[str]:
    """Names of what one side states and the other does not; nobody can say whether it differs."""
    if not (_is_partial(candidate_config) or _is_partial(baseline_config)):
        return []
    ours, theirs = dict(_leaves(candidate_config)), dict(_leaves(baseline_config))
    return list(dict.fromkeys(factor_name(path) for path in {**ours, **theirs} if (path in ours) != (path in theirs)))


def factor_name(path: tuple[str, ...]) -> str:
    """What people call a field of the configuration."""
    return FACTOR_NAMES.get(path, path[-1].replace("_", " "))


def confounded(factors: list[Factor]) -> bool:
    """More than one factor changed: no single cause may be blamed."""
    return len(factors) > 1


def factorial_runs(factors: list[Factor]) -> list[FactorialRun]:
    """The runs that tell k changed factors apart: all 2^k of 2 to 4 of them; of more, those that change one each.

    A run reads "captions: simple, resolution: 512". There are none for fewer than two factors.
    """
    if len(factors) < 2:
        return []
    if len(factors) > MAX_FACTORIAL:
        alone = [tuple(index == changed for index in range(len(factors))) for changed in range(len(factors))]
        return [_run(factors, changed) for changed in alone]
    return [_run(factors, changed) for changed in itertools.product((False, True), repeat=len(factors))]


def _is_partial(config: Mapping[str, Any]) -> bool:
    return "origin" in config


def _leaves(config: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """(path, value) of every field that may be a factor."""
    for section, value in config.items():
        if section in NOT_FACTORS:
            continue
        if not isinstance(value, Mapping):
            yield (section,), value
            continue
        yield from (((section, field), leaf) for field, leaf in value.items() if _may_be_factor(section, field, value))


def _may_be_factor(section: str, field: str, values: Mapping[str, Any]) -> bool:
    if (section, field) == ("training", "epochs"):  # a schedule that falls to its end depends on how many are planned
        return values.get("lr_scheduler", "constant") != "constant"
    return (section, field) not in NOT_FACTOR_FIELDS


def _setting(path: tuple[str, ...], ours: Mapping[Any, Any], theirs: Mapping[Any, Any]) -> Setting:
    return Setting(".".join(path), _value(ours.get(path)), _value(theirs.get(path)))


def _place(candidate_config: Mapping[str, Any], baseline_config: Mapping[str, Any]) -> tuple[Setting, ...]:
    """The dataset's folder, where it says which content is meant."""
    ours, theirs = (config.get("dataset", {}).get("path") for config in (candidate_config, baseline_config))
    return () if ours == theirs or None in (ours, theirs) else (Setting("dataset.path", str(ours), str(theirs)),)


def _content_factors(
    named: Mapping[str, Factor],
    ours: Mapping[str, str | None],
    theirs: Mapping[str, str | None],
    place: tuple[Setting, ...],
) -> list[Factor]:
    """Contents that differ, by the values of the fields that name them if these differ too, else by hashes."""
    factors = []
    for key, (name, fields) in CONTENTS.items():
        called = [named[field] for field in fields if field in named]
        mine, other = ours.get(key), theirs.get(key)
        if None in (mine, other):
            factors += called  # nobody knows the contents: what is stated of them stands for them
        elif mine != other:
            shown = called[0] if called else Factor(name, str(mine)[:8], str(other)[:8])
            own = tuple(setting for factor in called for setting in factor.settings)
            folder = () if key == "captions" and ours.get("dataset") != theirs.get("dataset") else place
            factors.append(Factor(name, shown.candidate, shown.baseline, own or (folder if key != "base" else ())))
    return factors


def _run(factors: list[Factor], changed: tuple[bool, ...]) -> FactorialRun:
    pairs = list(zip(factors, changed, strict=True))
    row = ", ".join(f"{f.name}: {f.candidate if new else f.baseline}" for f, new in pairs)
    exists = not any(changed) or all(changed)
    if exists:
        row += " (the candidate)" if any(changed) else " (the baseline)"
    new = [factor for factor, is_new in pairs if is_new]
    sayable = all(factor.settings for factor in new)
    overrides = tuple(f"{setting.key}={setting.candidate}" for factor in new for setting in factor.settings)
    return FactorialRun(row, overrides if sayable else None, exists)


def _value(value: Any) -> str:
    """As YAML reads it on a command line."""
    return "null" if value is None else _text(value)


def _text(value: Any) -> str:
    return "not set" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
