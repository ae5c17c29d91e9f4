"""The whole experiment: its sections, the combinations that are refused, and the defaults that depend on the base."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from pixelpipe.config.budget import BudgetConfig
from pixelpipe.config.dataset import CaptionsConfig, DatasetConfig
from pixelpipe.config.judge import FIRST_STAGE_SHARE, JudgeConfig, fewest_prompts
from pixelpipe.config.sampling import SamplingConfig
from pixelpipe.config.strict import Strict
from pixelpipe.config.training import VAE_FACTOR, ModelConfig, TrainingConfig
from pixelpipe.config.yaml_file import NAME_PATTERN

SECTIONS = frozenset({"dataset", "captions", "model", "training", "sampling", "judge", "budget"})


@dataclass(frozen=True, slots=True)
class _DefaultsOfBase:
    """What holds where nothing is given: SD1.5's, as diffusers' scripts and pipeline have them where they have any."""

    latents_per_cell: int = 2
    guidance_scale: float = 7.5
    repeats: int = 1
    learning_rate: float = 1e-5
    lora_learning_rate: float = 1e-4
    ema_decay: float | None = None
    noise_offset: float = 0.0


_SD15 = _DefaultsOfBase()
# A picture book of 3 million weights: it has nearly all to learn, bears larger steps, and a guidance of 7.5 makes it
# shout (docs/decisions/0031-how-the-tiny-base-learns.md).
_TINY = _DefaultsOfBase(
    latents_per_cell=1,
    guidance_scale=3.0,
    repeats=6,
    learning_rate=2e-4,
    lora_learning_rate=1e-3,
    ema_decay=0.99,
    noise_offset=0.1,
)


def _section(default: Strict, description: str) -> Any:
    """With a title of its own: the form would show the name of the class."""
    return Field(default=default, title=type(default).__name__.removesuffix("Config"), description=description)


class ExperimentConfig(Strict):
    name: str = Field(
        default="experiment",
        pattern=f"^{NAME_PATTERN}$",
        description="Begins the experiment's id: letters, digits, '.', '_', '-'; default of a YAML file: its name.",
    )
    line: str | None = Field(
        default=None,
        pattern=f"^{NAME_PATTERN}$",
        description="Experiments that are compared with each other; default: folder and grid.",
    )
    seed: int = Field(default=1337, ge=0, lt=2**63, description="Of data order, noise and dropout.")
    dataset: DatasetConfig = Field(title="Dataset", description="The sprites.")
    captions: CaptionsConfig = _section(CaptionsConfig(), "The texts that sprites are trained with.")
    model: ModelConfig = _section(ModelConfig(), "What is fine-tuned, and how much of it.")
    training: TrainingConfig = _section(TrainingConfig(), "Length, size and numbers of the training.")
    sampling: SamplingConfig = _section(SamplingConfig(), "The pictures that every epoch is judged on.")
    judge: JudgeConfig = _section(JudgeConfig(), "What a candidate is compared with, and when it is given up.")
    budget: BudgetConfig = _section(BudgetConfig(), "What is rented, and how much may be spent.")

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
    def _defaults(self) -> _DefaultsOfBase:
        return _TINY if self.model.base == "tiny" else _SD15

    @property
    def repeats(self) -> int:
        """Times that every sprite is seen in an epoch: as given, or the base's."""
        return self.dataset.repeats or self._defaults.repeats

    @property
    def resolution(self) -> int:
        """Training and sampling size in px: as given, or the aligned default of the base."""
        return self.training.resolution or self._defaults.latents_per_cell * VAE_FACTOR * self.dataset.grid

    @property
    def resolved_training(self) -> TrainingConfig:
        """With the base's defaults."""
        given, usual = self.training, self._defaults
        learning_rate = usual.lora_learning_rate if self.model.method == "lora" else usual.learning_rate
        filled_in = {
            "resolution": self.resolution,
            "learning_rate": given.learning_rate or learning_rate,
            "ema_decay": usual.ema_decay if given.ema_decay is None else given.ema_decay,
            "noise_offset": usual.noise_offset if given.noise_offset is None else given.noise_offset,
        }
        return given.model_copy(update=filled_in)

    @property
    def guidance_scale(self) -> float:
        """As given, or the base's."""
        return self.sampling.guidance_scale or self._defaults.guidance_scale

    @property
    def line_name(self) -> str:
        """As given, or the dataset folder's name and the grid, with whatever a name cannot hold as a dash."""
        folder = as_name(self.dataset.path.resolve().name, "sprites")
        return self.line or f"{folder}-{self.dataset.grid}"

    def resolved(self) -> dict[str, Any]:
        """Plain JSON values with every default filled in and paths absolute: what is stored and compared."""
        config = self.model_dump(mode="json")
        config["line"] = self.line_name
        config["dataset"] |= {"path": str(self.dataset.path.absolute()), "repeats": self.repeats}
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


def as_name(text: str, default: str) -> str:
    """`text` with whatever a name cannot hold as a dash."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:60] or default
