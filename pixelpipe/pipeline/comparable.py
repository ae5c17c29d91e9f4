"""Whether two experiments were asked the same: their evaluation sets, and what differs in words. No torch."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pixelpipe.elsewhere import ElsewhereConfig
from pixelpipe.errors import BadInputError
from pixelpipe.pipeline.baseline import Baseline, known_config, trajectory
from pixelpipe.results.reader import read_table
from pixelpipe.sampling.evaluation import SAMPLER, EvaluationSet
from pixelpipe.store import Store

ELSEWHERE = "elsewhere"  # no picture of another tool is drawn as ours are, whatever its sampler is called
_SETTINGS = {  # of an evaluation set -> the field that says it
    "num_prompts": "sampling.num_prompts",
    "seeds_per_prompt": "sampling.seeds_per_prompt",
    "num_inference_steps": "sampling.num_inference_steps",
    "guidance_scale": "sampling.guidance_scale",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """An evaluation set, as far as an experiment's rows and configuration tell; None: not stated."""

    eval_set_ids: frozenset[str]
    images: Mapping[tuple[str, int], str]  # (prompt_id, seed) -> prompt
    sampler: str
    num_inference_steps: int | None
    guidance_scale: float | None
    grid: int
    metric_version: str

    @property
    def prompts(self) -> dict[str, str]:
        return {prompt_id: prompt for (prompt_id, _), prompt in self.images.items()}

    @property
    def num_prompts(self) -> int:
        return len(self.prompts)

    @property
    def seeds_per_prompt(self) -> int:
        return round(len(self.images) / self.num_prompts)  # of all epochs together: an adaptive one may have fewer


def asked_now(evaluation: EvaluationSet) -> Asked:
    """Of an experiment that will be drawn here."""
    images = {(image.prompt_id, image.seed): image.prompt for image in evaluation.images}
    return Asked(
        eval_set_ids=frozenset({evaluation.eval_set_id}),
        images=images,
        sampler=SAMPLER,
        num_inference_steps=evaluation.num_inference_steps,
        guidance_scale=evaluation.guidance_scale,
        grid=evaluation.grid,
        metric_version=evaluation.metric_version,
    )


def asked_of(store: Store, experiment_id: str) -> Asked | None:
    """None for an experiment without images: its means can be compared with any."""
    columns = ["prompt_id", "prompt", "seed", "eval_set_id", "grid", "metric_version"]
    rows = read_table(store, "samples", experiment_id, columns=columns).to_pylist()
    if not rows:
        return None
    config = known_config(store, experiment_id)
    foreign = isinstance(config, ElsewhereConfig) and config.origin == "images"
    guidance = config.sampling.guidance_scale if isinstance(config, ElsewhereConfig) else config.guidance_scale
    return Asked(
        eval_set_ids=frozenset(row["eval_set_id"] for row in rows),
        images={(row["prompt_id"], row["seed"]): row["prompt"] for row in rows},
        sampler=ELSEWHERE if foreign else SAMPLER,
        num_inference_steps=config.sampling.num_inference_steps,
        guidance_scale=guidance,
        grid=rows[-1]["grid"],
        metric_version=rows[-1]["metric_version"],
    )


def check_comparable(store: Store, evaluation: EvaluationSet, baseline: Baseline, line: str) -> None:
    """`BadInputError` where candidate and baseline are not asked the same: what differs, and the way out.

    Nothing could be compared, after all the money: so it is said before anything is trained or drawn.
    """
    theirs = asked_of(store, baseline.experiment_id) if baseline.experiment_id else None
    ours = asked_now(evaluation)
    if theirs is None or theirs.eval_set_ids == ours.eval_set_ids:
        return
    raise BadInputError(
        f"cannot be compared with the baseline {baseline.reference}, whose evaluation set differs: "
        f"{'; '.join(differences(ours, theirs))}. {_way_out(store, ours, theirs, baseline, line)}"
    )


def differences(ours: Asked, theirs: Asked) -> list[str]:
    """In words, e.g. "2 seeds a prompt (baseline: 4)"."""
    found = [
        f"{name} {mine} (baseline: {'not stated' if other is None else other})"
        for name, mine, other in (
            ("sampler", ours.sampler, theirs.sampler),
            ("sampling.num_inference_steps", ours.num_inference_steps, theirs.num_inference_steps),
            ("sampling.guidance_scale", ours.guidance_scale, theirs.guidance_scale),
            ("dataset.grid", ours.grid, theirs.grid),
            ("metric version", ours.metric_version, theirs.metric_version),
            ("sampling.num_prompts", ours.num_prompts, theirs.num_prompts),
            ("sampling.seeds_per_prompt", ours.seeds_per_prompt, theirs.seeds_per_prompt),
        )
        if mine != other
    ]
    common = ours.prompts.keys() & theirs.prompts.keys()
    if reworded := sum(ours.prompts[name] != theirs.prompts[name] for name in common):
        found.append(f"{reworded} of {len(ours.prompts)} prompts read otherwise")
    if not found:
        both = len(ours.images.keys() & theirs.images.keys())
        found.append(f"{both} of {len(ours.images)} (prompt, seed) pairs are the same")
    return found


def _way_out(store: Store, ours: Asked, theirs: Asked, baseline: Baseline, line: str) -> str:
    """As a command, where the baseline's weights can be drawn with again."""
    if theirs.sampler == ELSEWHERE:
        return (
            "Pictures of another tool cannot be drawn again here: evaluate the baseline's weights with "
            "pixelpipe evaluate FILE --as baseline, or bring the candidate's images with --images"
        )
    assert baseline.experiment_id is not None
    last = baseline.epoch == max(trajectory(store, baseline.experiment_id))
    checkpoint = baseline.experiment_id if last else baseline.reference
    asked = {field: getattr(ours, name) for name, field in _SETTINGS.items()
             if getattr(ours, name) != getattr(theirs, name)}  # fmt: skip
    settings = " ".join(f"--set {field}={value:g}" for field, value in asked.items())
    command = f"pixelpipe evaluate {checkpoint} --as baseline --line {shlex.quote(line)} --why re-scored {settings}"
    return f"Ask the same, or draw the baseline's pictures anew: {command.strip()}"


def same_settings(store: Store, experiment_id: str) -> dict[str, Any]:
    """The `sampling` fields with which an experiment was asked: what others of its line should be asked, too."""
    asked = asked_of(store, experiment_id)
    if asked is None or asked.sampler == ELSEWHERE:
        return {}
    fields = {field.partition(".")[2]: getattr(asked, name) for name, field in _SETTINGS.items()}
    return {name: value for name, value in fields.items() if value is not None}
