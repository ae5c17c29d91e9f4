"""The configuration of an experiment: one YAML file, strict. Every default lives here and nowhere else."""

import hashlib
import json
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from pixelpipe.config_file import COLOR_PATTERN, NAME_PATTERN, apply_override, describe_problem, field_names, read_yaml
from pixelpipe.errors import ConfigError
from pixelpipe.form import describe_ranges, title
from pixelpipe.gpus import GPUS

VAE_FACTOR = 8  # pixels of a latent's side, in SD1.5 and in the tiny base


def _user_path(value: Any) -> Any:
    """A path as people write it: `~` is their home, and nothing is not the current folder."""
    if not isinstance(value, str):
        return value
    if not value.strip() or "\0" in value:
        raise ValueError("must be a path")
    try:
        return str(Path(value).expanduser())
    except RuntimeError:
        raise ValueError("must begin with the home of a user that exists") from None


UserPath = Annotated[Path, BeforeValidator(_user_path)]


class Strict(BaseModel):
    """Frozen, and no unknown keys: a misspelled field is an error, never a silent default."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        field_title_generator=title,
        json_schema_extra=describe_ranges,
    )

    @field_validator("*", mode="before")
    @classmethod
    def _booleans_are_no_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        """Python takes `true` for the number 1, and pydantic the number 1 for true."""
        assert info.field_name is not None
        annotation = cls.model_fields[info.field_name].annotation
        wants_boolean = annotation is bool or annotation == (bool | None)
        if isinstance(value, bool) and not wants_boolean:
            raise ValueError("not be a boolean (YAML: true, false, yes, no, on, off)")
        if wants_boolean and not isinstance(value, bool) and not (value is None and annotation is not bool):
            raise ValueError("must be true or false")
        return value


class DatasetConfig(Strict):
    path: UserPath = Field(description="Folder of sprites (PNG) with captions.")
    grid: int = Field(default=24, ge=8, le=128, description="Sprite side in cells.")
    background: str = Field(default="#ffffff", pattern=COLOR_PATTERN, description="Shown through alpha.")
    repeats: int = Field(default=1, ge=1, description="Times that every sprite is seen in an epoch.")
    validation_fraction: float = Field(default=0.1, gt=0, le=0.5, description="Share of sprites held out.")


class CaptionsConfig(Strict):
    strategy: Literal["sidecar", "traits", "palette", "vlm", "simple", "enhanced"] = Field(
        default="sidecar", description="Where captions come from."
    )
    column: str = Field(default="text", min_length=1, description="Caption column of metadata.jsonl or .csv.")
    trigger: str | None = Field(default=None, min_length=1, description="Words put first in every caption.")
    table: UserPath | None = Field(
        default=None, description="traits: CSV, JSON or JSONL; default: the folder's metadata."
    )
    template: str | None = Field(
        default=None, min_length=1, description="traits: text with {column}; parts whose trait is absent fall away."
    )
    framing: Literal["portrait", "figure", "none"] = Field(
        default="portrait", description="What fills a picture; sizes are judged by it."
    )
    vlm: str | None = Field(default=None, min_length=1, description="vlm: folder or hub id, image-text-to-text.")
    vlm_prompt: str = Field(
        default="Describe this pixel art sprite in short comma-separated phrases: subject, hair, clothes, background.",
        min_length=1,
        description="vlm: what it is asked.",
    )
    vlm_max_new_tokens: int = Field(default=60, ge=1, le=1000, description="vlm: longest answer.")
    vlm_batch_size: int = Field(default=8, ge=1, description="vlm: sprites at once.")


class ModelConfig(Strict):
    base: str = Field(default="tiny", min_length=1, description="tiny, a folder, a .safetensors file, or a hub id.")
    method: Literal["full", "lora"] = Field(
        default="full", description="full: every weight of the UNet is trained; lora: a low-rank adapter of it."
    )
    rank: int = Field(default=16, ge=1, le=1024, description="Of the adapter (lora).")
    alpha: float = Field(default=16.0, gt=0, le=4096, description="The adapter is scaled by alpha / rank (lora).")
    targets: Literal["attention", "attention+feed_forward"] = Field(
        default="attention+feed_forward", description="Layers that get an adapter (lora)."
    )


class TrainingConfig(Strict):
    resolution: int | None = Field(default=None, ge=16, le=2048, description="px; default 8 x grid (tiny), 16 x grid.")
    epochs: int = Field(default=8, ge=1, le=1000, description="Each ends with a checkpoint and a verdict.")
    batch_size: int = Field(default=16, ge=1, description="Sprites an optimizer step.")
    gradient_accumulation_steps: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(
        default=1, description="Parts that a batch is computed in, for less memory; auto: as few as fit."
    )
    learning_rate: float | None = Field(
        default=None, gt=0, lt=1, description="Default: 1e-5, the tiny base's is 1e-4; lora: 10 times that."
    )
    lr_scheduler: Literal["constant", "linear", "cosine"] = Field(
        default="constant", description="linear and cosine end at 0 with the last planned step."
    )
    lr_warmup_steps: int = Field(default=0, ge=0, description="Steps over which the learning rate rises from 0.")
    weight_decay: float = Field(default=0.01, ge=0, description="Of AdamW.")
    max_grad_norm: float = Field(default=1.0, gt=0, description="Gradient norm clipping.")
    ema_decay: float | None = Field(
        default=None, gt=0, lt=1, description="Average of the weights, e.g. 0.999, which is then what is judged."
    )
    min_snr_gamma: float | None = Field(default=None, gt=0, description="Min-SNR loss weights; 5 is usual.")
    noise_offset: float = Field(default=0.0, ge=0, le=1, description="Noise that shifts whole channels; 0.05 is usual.")
    caption_dropout: float = Field(default=0.1, ge=0, lt=1, description="Share of steps' captions that are empty.")
    shuffle_tags: bool = Field(
        default=False, description="Comma-separated parts of captions in a new order each epoch."
    )
    keep_tokens: int = Field(default=0, ge=0, description="First parts that are neither shuffled nor dropped.")
    tag_dropout: float = Field(
        default=0.0, ge=0, lt=1, description="Share of the parts that are left out, each epoch anew."
    )
    horizontal_flips: bool = Field(default=False, description="Show every sprite mirrored half of the time.")
    mixed_precision: Literal["no", "bf16", "fp16"] = Field(
        default="no", description="Precision of the computation; what is trained stays fp32."
    )
    gradient_checkpointing: bool = Field(default=False, description="Compute activations twice, for less memory.")
    num_processes: int = Field(
        default=1, ge=1, le=64, description="GPUs of this machine that train together; the result stays the same."
    )

    compile: Literal["auto", "on", "off"] = Field(
        default="auto", description="torch.compile of training and sampling; auto: once it saves time, as timed here."
    )

    @field_validator("compile", mode="before")
    @classmethod
    def _yaml_on_and_off(cls, setting: Any) -> Any:
        """YAML takes `on` and `off` for booleans."""
        return {True: "on", False: "off"}[setting] if isinstance(setting, bool) else setting

    @field_validator("batch_size", mode="before")
    @classmethod
    def _not_automatic(cls, batch_size: Any) -> Any:
        """It decides what is learned, so it may not depend on a machine (docs/decisions/0018-batch-size.md)."""
        if batch_size == "auto":
            raise ValueError("must be a whole number (`pixelpipe plan CONFIG --max-batch` finds the largest that fits)")
        return batch_size

    @field_validator("gradient_accumulation_steps", mode="before")
    @classmethod
    def _at_least_one_part(cls, steps: Any) -> Any:
        if steps != "auto" and not isinstance(steps, bool) and not (isinstance(steps, int) and steps >= 1):
            raise ValueError("must be a whole number from 1, or auto")
        return steps

    @field_validator("resolution")
    @classmethod
    def _whole_latents(cls, resolution: int | None) -> int | None:
        if resolution is not None and resolution % VAE_FACTOR:
            raise ValueError(f"must be a multiple of {VAE_FACTOR}, the VAE's block")
        return resolution


class SamplingConfig(Strict):
    num_prompts: int = Field(default=24, ge=1, le=1000, description="Prompts that every epoch is judged on.")
    seeds_per_prompt: int = Field(default=4, ge=1, le=100, description="Pictures a prompt.")
    num_inference_steps: int = Field(default=25, ge=1, le=1000, description="Denoising steps.")
    guidance_scale: float | None = Field(default=None, ge=1, le=50, description="Default: 7.5; the tiny base's is 2.")
    batch_size: int = Field(
        default=16, ge=1, description="Fixed for a run, and stored: another size may differ by 1/255."
    )
    prompts: UserPath | None = Field(
        default=None, description="A text file, one prompt a line; default: held-out captions."
    )
    confirm_seeds: int = Field(default=4, ge=1, le=100, description="Fresh seeds a prompt that confirm a promotion.")
    adaptive: bool = Field(
        default=False,
        description="Epochs draw each prompt's first seed, and the others only where that leaves the decision open.",
    )


def _run_sd(value: Any) -> Any:
    if value == "measured":
        return value
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("must be a finite number")
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        raise ValueError("must be measured or a number from 0 to 1")
    return float(value)


class JudgeConfig(Strict):
    baseline: str = Field(default="champion", description="champion, EXPERIMENT, or EXPERIMENT@EPOCH.")
    metric: Literal["effective_colors", "effective_colors_04", "visible_colors", "unique_colors"] = Field(
        default="effective_colors", description="What is compared; less is better."
    )
    abandon_margin: float = Field(default=0.10, ge=0, le=10, description="Worse by more than this share is abandoned.")
    unmatched_margin: float = Field(default=0.50, ge=0, le=10, description="The same, without the baseline's epoch.")
    promote_margin: float = Field(default=0.05, ge=0, lt=1, description="Better by more than this share is promoted.")
    alpha: float = Field(default=0.05, gt=0, lt=0.5, description="False-abandon rate over all looks together.")
    patience: int = Field(
        default=2, ge=1, description="Epochs in a row that must agree; worse: one is enough once run_sd is known."
    )
    grace: int = Field(default=0, ge=0, description="First epochs that are not judged.")
    run_sd: Annotated[Annotated[float, Field(ge=0, le=1)] | Literal["measured"], BeforeValidator(_run_sd)] = Field(
        default="measured",
        description="Deviation between runs that differ by their seed alone: a share, or measured.",
    )

    @field_validator("baseline")
    @classmethod
    def _names_an_experiment(cls, baseline: str) -> str:
        if not re.fullmatch(rf"{NAME_PATTERN}(@[1-9][0-9]*)?", baseline):
            raise ValueError("must be champion, EXPERIMENT or EXPERIMENT@EPOCH")
        return baseline


def alpha_of_look(alpha: float, look: int, looks: int) -> float:
    """What the `look`-th of so many looks may spend of alpha: in proportion to 1 / sqrt(look), all of them alpha.

    A candidate that is stopped at its first look saves the most, so the first look may spend the most.
    """
    return alpha / (math.sqrt(look) * sum(1 / math.sqrt(number) for number in range(1, looks + 1)))


FIRST_STAGE_SHARE = 0.25
"""Of what a look may spend of alpha, the part of its first stage, where `sampling.adaptive` gives it two.

Chosen by simulation (docs/decisions/0029-adaptive-evaluation.md).
"""


class BudgetConfig(Strict):
    gpu: str = Field(default="A100-80GB", description="What is rented; docs/cost.md lists what has a price.")
    usd_per_hour: float | None = Field(default=None, ge=0, description="Its price; default: the list's.")
    max_usd: float = Field(default=5.0, gt=0, description="The run stops before an epoch that would cost more.")

    @model_validator(mode="after")
    def _has_a_price(self) -> "BudgetConfig":
        if self.usd_per_hour is None and self.gpu not in GPUS:
            raise ValueError(f"must give `usd_per_hour` for gpu {self.gpu}, or name one of {', '.join(GPUS)},")
        return self

    @property
    def price(self) -> float:
        """Dollars an hour."""
        return GPUS[self.gpu].usd_per_hour if self.usd_per_hour is None else self.usd_per_hour


SECTIONS = frozenset({"dataset", "captions", "model", "training", "sampling", "judge", "budget"})


class ExperimentConfig(Strict):
    name: str = Field(
        default="experiment",
        pattern=f"^{NAME_PATTERN}$",
        description="Begins the experiment's id; of a YAML file without one: the file's name.",
    )
    line: str | None = Field(
        default=None, pattern=f"^{NAME_PATTERN}$", description="Lineage it is compared in; default: folder and grid."
    )
    seed: int = Field(default=1337, ge=0, lt=2**63, description="Of data order, noise and dropout.")
    dataset: DatasetConfig = Field(title="Dataset", description="The sprites.")
    captions: CaptionsConfig = Field(
        default=CaptionsConfig(), title="Captions", description="The texts that sprites are trained with."
    )
    model: ModelConfig = Field(
        default=ModelConfig(), title="Model", description="What is fine-tuned, and how much of it."
    )
    training: TrainingConfig = Field(
        default=TrainingConfig(), title="Training", description="Length, size and numbers of the training."
    )
    sampling: SamplingConfig = Field(
        default=SamplingConfig(), title="Sampling", description="The pictures that every epoch is judged on."
    )
    judge: JudgeConfig = Field(
        default=JudgeConfig(), title="Judge", description="What a candidate is compared with, and when it is given up."
    )
    budget: BudgetConfig = Field(
        default=BudgetConfig(), title="Budget", description="What is rented, and how much may be spent."
    )

    @model_validator(mode="before")
    @classmethod
    def _empty_sections(cls, values: Any) -> Any:
        """A section whose fields are all commented out has its defaults."""
        if not isinstance(values, dict):
            return values
        return {key: {} if value is None and key in SECTIONS else value for key, value in values.items()}

    @model_validator(mode="after")
    def _combinations(self) -> "ExperimentConfig":
        if self.training.resolution is not None and self.training.resolution < self.dataset.grid:
            raise ValueError(
                f"`training.resolution` must be at least `dataset.grid` ({self.dataset.grid}) "
                f"but got {self.training.resolution}"
            )
        parts, batch_size = self.training.gradient_accumulation_steps, self.training.batch_size
        if parts != "auto" and parts > batch_size:
            raise ValueError(
                f"`training.gradient_accumulation_steps` must be at most `training.batch_size` ({batch_size}) "
                f"but got {parts}"
            )
        self._check_processes()
        if self.sampling.adaptive and self.sampling.seeds_per_prompt < 2:
            raise ValueError(
                "`sampling.adaptive` must be false where `sampling.seeds_per_prompt` is 1: there are no other seeds"
            )
        if self.judge.grace >= self.training.epochs:
            raise ValueError(
                f"`judge.grace` must be below `training.epochs` ({self.training.epochs}) but got {self.judge.grace}"
            )
        if self.sampling.num_prompts < self.min_prompts:
            raise ValueError(
                f"`sampling.num_prompts` must be at least {self.min_prompts} but got {self.sampling.num_prompts}: "
                f"with fewer, the last of {self.planned_looks} looks can never decide (p < {self.judge.alpha:g} in all)"
            )
        return self

    def _check_processes(self) -> None:
        processes, batch_size = self.training.num_processes, self.training.batch_size
        parts = self.training.gradient_accumulation_steps
        if batch_size % processes:
            raise ValueError(
                f"`training.batch_size` must be a multiple of `training.num_processes` ({processes}) "
                f"but got {batch_size}"
            )
        if parts != "auto" and parts * processes > batch_size:
            raise ValueError(
                f"`training.gradient_accumulation_steps` must be at most {batch_size // processes}, the sprites that "
                f"each of {processes} processes has of a batch, but got {parts}"
            )

    @property
    def planned_looks(self) -> int:
        """Epochs at which the judge looks: the error rate is spread over them."""
        return self.training.epochs - self.judge.grace

    @property
    def min_prompts(self) -> int:
        """Fewest prompts whose sign-flip test can reach what its last look, or a look's last stage, may spend."""
        share = 1 - FIRST_STAGE_SHARE if self.sampling.adaptive else 1.0
        return fewest_prompts(self.judge.alpha * share, self.planned_looks)

    @property
    def resolution(self) -> int:
        """Training and sampling size in px: as given, or the aligned default of the base."""
        latents_per_cell = 1 if self.model.base == "tiny" else 2
        return self.training.resolution or latents_per_cell * VAE_FACTOR * self.dataset.grid

    @property
    def resolved_training(self) -> TrainingConfig:
        """With the base's defaults: 3 million weights bear, and need, larger steps than SD1.5's 860 million."""
        usual = 1e-4 if self.model.base == "tiny" else 1e-5
        learning_rate = self.training.learning_rate or (10 * usual if self.model.method == "lora" else usual)
        return self.training.model_copy(update={"resolution": self.resolution, "learning_rate": learning_rate})

    @property
    def guidance_scale(self) -> float:
        """As given, or the base's: the tiny one is a picture book where 7.5 makes it shout."""
        return self.sampling.guidance_scale or (2.0 if self.model.base == "tiny" else 7.5)

    @property
    def line_name(self) -> str:
        """As given, or the dataset folder's name and the grid, with whatever a name cannot hold as a dash."""
        folder = as_name(self.dataset.path.resolve().name, "sprites")
        return self.line or f"{folder}-{self.dataset.grid}"

    def resolved(self) -> dict[str, Any]:
        """Plain JSON values with every default filled in and paths absolute: what is stored and compared."""
        config = self.model_dump(mode="json")
        config["line"] = self.line_name
        config["dataset"]["path"] = str(self.dataset.path.absolute())
        if self.captions.vlm is not None and Path(self.captions.vlm).expanduser().is_dir():
            config["captions"]["vlm"] = str(Path(self.captions.vlm).expanduser().absolute())
        if self.captions.table is not None:
            config["captions"]["table"] = str(self.captions.table.absolute())
        if self.sampling.prompts is not None:
            config["sampling"]["prompts"] = str(self.sampling.prompts.absolute())
        config["sampling"]["guidance_scale"] = self.guidance_scale
        config["budget"]["usd_per_hour"] = self.budget.price
        if self.model.method == "full":  # what only an adapter has is no difference between two runs without one
            unused = ("rank", "alpha", "targets")
            config["model"] |= {field: ModelConfig.model_fields[field].default for field in unused}
        config["training"] = self.resolved_training.model_dump(mode="json")
        return config


def fewest_prompts(alpha: float, looks: int) -> int:
    """The smallest p of a sign-flip test is 2^-prompts, and must be below what the last look may spend."""
    return math.floor(-math.log2(alpha_of_look(1.0, looks, looks)) - math.log2(alpha)) + 1


def alignment_warning(resolution: int, grid: int) -> str | None:
    """Says that a cell is no whole number of latents, and names the nearest sizes at which it is."""
    step = VAE_FACTOR * grid
    if resolution % step == 0:
        return None
    below, above = resolution // step * step, (resolution // step + 1) * step
    nearest = f"{below} or {above}" if below else f"{above}"
    return (
        f"training.resolution {resolution} is not a multiple of 8 x {grid} = {step}: cells straddle latents; "
        f"the nearest aligned size is {nearest}"
    )


def content_id(*parts: Any) -> str:
    """SHA-256 (hex) of JSON values, independent of key order."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def load_config(path: Path, overrides: tuple[str, ...] = ()) -> ExperimentConfig:
    """Read a YAML file and apply `key=value` overrides (dotted keys, YAML values).

    `name` defaults to the file's. Raises `ConfigError`, one line for all that is wrong.
    """
    values = read_yaml(path)
    values.setdefault("name", as_name(path.stem, "experiment"))
    for override in overrides:
        apply_override(values, override)
    return parse_config(values, where=str(path))


def parse_config(values: dict[str, Any], where: str) -> ExperimentConfig:
    """The configuration in plain values; `ConfigError` begins with `where`."""
    try:
        return ExperimentConfig.model_validate(values)
    except ValidationError as error:
        fields = field_names(ExperimentConfig)
        problems = [describe_problem(problem, fields) for problem in error.errors()]
        raise ConfigError(f"{where}: {'; '.join(problems)}") from None


@contextmanager
def describe_validation(where: str) -> Iterator[None]:
    """A part of a configuration that is refused, as one line that begins with `where`."""
    try:
        yield
    except ValidationError as error:
        fields = field_names(CaptionsConfig)
        problems = [describe_problem(problem, fields) for problem in error.errors()]
        raise ConfigError(f"{where}: {'; '.join(problems)}") from None


def as_name(text: str, default: str) -> str:
    """`text` with whatever a name cannot hold as a dash."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:60] or default
