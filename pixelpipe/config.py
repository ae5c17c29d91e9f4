"""The configuration of an experiment: one YAML file, strict. Every default lives here and nowhere else."""

import hashlib
import json
import math
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from pixelpipe.errors import ConfigError

NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}"
VAE_FACTOR = 8  # pixels of a latent's side, in SD1.5 and in the tiny base


class Strict(BaseModel):
    """Frozen, and no unknown keys: a misspelled field is an error, never a silent default."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DatasetConfig(Strict):
    path: Path = Field(description="Folder of sprites (PNG) with captions.")
    grid: int = Field(24, ge=8, le=128, description="Sprite side in cells.")
    background: str = Field("#ffffff", pattern=r"^#[0-9a-fA-F]{6}$", description="Shown through alpha.")
    repeats: int = Field(1, ge=1, description="Times that every sprite is seen in an epoch.")
    validation_fraction: float = Field(0.1, gt=0, le=0.5, description="Share of sprites held out.")


class CaptionsConfig(Strict):
    strategy: Literal["sidecar"] = Field("sidecar", description="Where captions come from.")
    column: str = Field("text", min_length=1, description="Caption column of metadata.jsonl or .csv.")


class ModelConfig(Strict):
    base: str = Field("tiny", min_length=1, description="tiny, a folder in diffusers' layout, or a hub id.")
    method: Literal["full"] = Field("full", description="full: every weight of the UNet is trained.")


class TrainingConfig(Strict):
    resolution: int | None = Field(None, ge=16, le=2048, description="px; default 8 x grid (tiny), 16 x grid.")
    epochs: int = Field(8, ge=1, le=1000)
    batch_size: int = Field(16, ge=1)
    learning_rate: float = Field(1e-5, gt=0, lt=1, allow_inf_nan=False)
    weight_decay: float = Field(0.01, ge=0, allow_inf_nan=False)
    max_grad_norm: float = Field(1.0, gt=0, allow_inf_nan=False, description="Gradient norm clipping.")
    caption_dropout: float = Field(0.1, ge=0, lt=1, description="Share of steps' captions that are empty.")
    mixed_precision: Literal["no", "bf16"] = Field("no", description="Autocast dtype; weights stay fp32.")

    @field_validator("resolution")
    @classmethod
    def _whole_latents(cls, resolution: int | None) -> int | None:
        if resolution is not None and resolution % VAE_FACTOR:
            raise ValueError(f"must be a multiple of {VAE_FACTOR}, the VAE's block")
        return resolution


class SamplingConfig(Strict):
    num_prompts: int = Field(24, ge=1, le=1000)
    seeds_per_prompt: int = Field(4, ge=1, le=100)
    num_inference_steps: int = Field(25, ge=1, le=1000)
    guidance_scale: float = Field(7.5, ge=1, le=50, allow_inf_nan=False)
    batch_size: int = Field(16, ge=1, description="Fixed for a run, and stored: another size may differ by 1/255.")
    prompts: Path | None = Field(None, description="A text file, one prompt a line; default: held-out captions.")
    confirm_seeds: int = Field(4, ge=1, le=100, description="Fresh seeds a prompt that confirm a promotion.")


class JudgeConfig(Strict):
    baseline: str = Field("champion", description="champion, EXPERIMENT, or EXPERIMENT@EPOCH.")
    metric: Literal["effective_colors", "effective_colors_04", "unique_colors"] = "effective_colors"
    abandon_margin: float = Field(0.10, ge=0, le=10, description="Worse by more than this share is abandoned.")
    unmatched_margin: float = Field(0.50, ge=0, le=10, description="The same, without the baseline's epoch.")
    promote_margin: float = Field(0.05, ge=0, lt=1, description="Better by more than this share is promoted.")
    alpha: float = Field(0.05, gt=0, lt=0.5, description="False-abandon rate over all looks together.")
    patience: int = Field(2, ge=1, description="Epochs in a row that must agree.")
    grace: int = Field(0, ge=0, description="First epochs that are not judged.")

    @field_validator("baseline")
    @classmethod
    def _names_an_experiment(cls, baseline: str) -> str:
        if not re.fullmatch(rf"{NAME_PATTERN}(@[1-9][0-9]*)?", baseline):
            raise ValueError("must be champion, EXPERIMENT or EXPERIMENT@EPOCH")
        return baseline


class BudgetConfig(Strict):
    gpu: str = Field("A100-80GB", description="What is rented; a label.")
    usd_per_hour: float = Field(1.64, ge=0, allow_inf_nan=False)
    max_usd: float = Field(5.0, gt=0, allow_inf_nan=False, description="The run stops when it has cost this.")


class ExperimentConfig(Strict):
    name: Annotated[str, Field(pattern=f"^{NAME_PATTERN}$")]
    line: Annotated[str, Field(pattern=f"^{NAME_PATTERN}$")] | None = None
    seed: int = Field(1337, ge=0, lt=2**63)
    dataset: DatasetConfig
    captions: CaptionsConfig = CaptionsConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    sampling: SamplingConfig = SamplingConfig()
    judge: JudgeConfig = JudgeConfig()
    budget: BudgetConfig = BudgetConfig()

    @model_validator(mode="after")
    def _combinations(self) -> "ExperimentConfig":
        if self.training.resolution is not None and self.training.resolution < self.dataset.grid:
            raise ValueError(
                f"`training.resolution` must be at least `dataset.grid` ({self.dataset.grid}) "
                f"but got {self.training.resolution}"
            )
        if self.judge.grace >= self.training.epochs:
            raise ValueError(
                f"`judge.grace` must be below `training.epochs` ({self.training.epochs}) but got {self.judge.grace}"
            )
        if self.sampling.num_prompts < self.min_prompts:
            raise ValueError(
                f"`sampling.num_prompts` must be at least {self.min_prompts} but got {self.sampling.num_prompts}: "
                f"with fewer, no result can reach p < {self.judge.alpha:g} / {self.planned_looks} looks"
            )
        return self

    @property
    def planned_looks(self) -> int:
        """Epochs at which the judge looks: the error rate is spread over them."""
        return self.training.epochs - self.judge.grace

    @property
    def min_prompts(self) -> int:
        """Fewest prompts whose sign-flip test can reach alpha / looks: its smallest p is 2^-prompts."""
        return math.floor(math.log2(self.planned_looks / self.judge.alpha)) + 1

    @property
    def resolution(self) -> int:
        """Training and sampling size in px: as given, or the aligned default of the base."""
        latents_per_cell = 1 if self.model.base == "tiny" else 2
        return self.training.resolution or latents_per_cell * VAE_FACTOR * self.dataset.grid

    @property
    def line_name(self) -> str:
        """As given, or the dataset folder's name and the grid, with whatever a name cannot hold as a dash."""
        folder = re.sub(r"[^A-Za-z0-9._-]+", "-", self.dataset.path.resolve().name).strip("-._")[:60]
        return self.line or f"{folder or 'sprites'}-{self.dataset.grid}"

    def resolved(self) -> dict[str, Any]:
        """Plain JSON values with every default filled in: what is stored, compared and hashed."""
        config = self.model_dump(mode="json")
        config["line"] = self.line_name
        config["training"]["resolution"] = self.resolution
        return config


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

    Raises `ConfigError` with one line a problem; `name` defaults to the file's stem.
    """
    values = _read_yaml(path)
    values.setdefault("name", path.stem)
    for override in overrides:
        _apply_override(values, override)
    return parse_config(values, where=str(path))


def parse_config(values: dict[str, Any], where: str) -> ExperimentConfig:
    try:
        return ExperimentConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError("; ".join(f"{where}: {_one_line(problem)}" for problem in error.errors())) from None


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; it must be a YAML configuration") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: must be a mapping of fields but is {type(values).__name__}")
    return values


def _apply_override(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set {override}: must be key=value, e.g. training.epochs=4")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise ConfigError(f"--set {override}: the value is not YAML") from None
    *sections, field = key.strip().split(".")
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise ConfigError(f"--set {override}: `{section}` is not a section")
    values[field] = value


def _one_line(problem: Any) -> str:
    field = ".".join(str(part) for part in problem["loc"])
    message = " ".join(problem["msg"].removeprefix("Value error, ").split())
    if not field:
        return message
    if problem["type"] == "extra_forbidden":
        return f"`{field}` is not a field of the configuration"
    if problem["type"] == "missing":
        return f"`{field}` is missing"
    contract = message.removeprefix("Input should be ").removeprefix("must be ")
    return f"`{field}` must be {contract} but got {problem['input']!r}"
