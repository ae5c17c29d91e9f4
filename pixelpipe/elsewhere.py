"""What is known of an experiment that was trained elsewhere: the fields of a configuration, each of them optional.

A field that nobody states is unknown, not a default: unknown is never counted as a difference.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError, create_model, model_validator

from pixelpipe.config import (
    BudgetConfig,
    CaptionsConfig,
    DatasetConfig,
    JudgeConfig,
    ModelConfig,
    SamplingConfig,
    Strict,
    TrainingConfig,
    content_id,
)
from pixelpipe.config.yaml_file import NAME_PATTERN, describe_problem
from pixelpipe.errors import ConfigError

Origin = Literal["figures", "images", "checkpoint"]
DEFAULT_GRID = 24
NOT_IDENTITY = frozenset({"name", "judge", "budget", "figures", "note", "usd_per_epoch"})  # change no weight, no image
_PLACES = (("dataset", "path"), ("sampling", "prompts"), ("captions", "table"), ("captions", "vlm"))


def _known(section: type[BaseModel], without: str = "") -> Any:
    """The section with every field optional; choices are free text, since other tools have other ones."""
    fields: dict[str, Any] = {}
    for name, field in section.model_fields.items():
        if name == without:
            continue
        kind: Any = field.annotation
        if name == "gradient_accumulation_steps":  # a number, or a word
            kind = int | Annotated[str, Field(min_length=1)]
        elif kind is str or "Literal" in str(kind):
            kind = Annotated[str, Field(min_length=1)]
        elif field.metadata:
            kind = Annotated[(kind, *field.metadata)]
        fields[name] = (kind | None, None)
    return create_model(f"Known{section.__name__}", __base__=Strict, **fields)


KnownDataset, KnownCaptions, KnownModel = _known(DatasetConfig), _known(CaptionsConfig), _known(ModelConfig)
KnownTraining = _known(TrainingConfig)
KnownSampling = _known(SamplingConfig, without="adaptive")  # what is not trained here is there whole


class Figures(Strict):
    """What somebody measured of one epoch's images."""

    epoch: int = Field(ge=1, le=100_000)
    images: int = Field(ge=1, description="How many images the means are over.")
    images_seen: int | None = Field(default=None, ge=1, description="Training images seen up to this epoch.")
    unique_colors: float | None = Field(default=None, gt=0, description="Mean over the images.")
    effective_colors: float | None = Field(default=None, gt=0, description="Mean over the images.")
    clean_rate: float | None = Field(default=None, ge=0, le=1, description="Share of clean images.")

    @model_validator(mode="after")
    def _has_a_mean(self) -> "Figures":
        if self.unique_colors is None and self.effective_colors is None:
            raise ValueError("must have `unique_colors` or `effective_colors`, the mean over the images")
        return self


class ElsewhereConfig(Strict):
    """An experiment of another tool, as far as somebody states it."""

    origin: Origin
    name: str = Field(pattern=f"^{NAME_PATTERN}$")
    line: str = Field(pattern=f"^{NAME_PATTERN}$")
    seed: int | None = Field(default=None, ge=0, lt=2**63)
    dataset: KnownDataset = KnownDataset()  # type: ignore[valid-type]
    captions: KnownCaptions = KnownCaptions()  # type: ignore[valid-type]
    model: KnownModel = KnownModel()  # type: ignore[valid-type]
    training: KnownTraining = KnownTraining()  # type: ignore[valid-type]
    sampling: KnownSampling = KnownSampling()  # type: ignore[valid-type]
    judge: JudgeConfig = JudgeConfig()
    figures: tuple[Figures, ...] = ()
    budget: BudgetConfig | None = None  # of a checkpoint that is drawn with here
    usd_per_epoch: float = Field(default=0.0, ge=0, description="What an epoch cost, where somebody knows it.")
    images_per_epoch: int | None = Field(default=None, ge=1, description="Training images seen in an epoch.")
    note: str = ""

    @model_validator(mode="after")
    def _epochs_once(self) -> "ElsewhereConfig":
        epochs = [figures.epoch for figures in self.figures]
        for epoch in epochs:
            if epochs.count(epoch) > 1:
                raise ValueError(f"`figures` must name every epoch once but epoch {epoch} stands twice")
        if self.origin == "figures" and not epochs:
            raise ValueError("`figures` must hold at least one epoch")
        return self

    @property
    def line_name(self) -> str:
        return self.line

    @property
    def grid(self) -> int:
        return self.dataset.grid or DEFAULT_GRID

    @property
    def art(self) -> Path | None:
        """The sprites that the line is about, where they are at hand."""
        return self.dataset.path

    def planned_epochs(self, last: int) -> int:
        """As stated; else the last epoch that there is was meant to be the last."""
        return self.training.epochs or last

    def stated(self) -> dict[str, Any]:
        """Plain JSON values of what is known and of nothing else, by section: what is stored and compared."""
        return self.model_dump(mode="json", exclude_none=True)

    def identity(self, *contents: Any) -> str:
        """`<name>-<8 hex>` of the line, of all that is stated of the training, and of `contents`."""
        stated = {key: value for key, value in self.stated().items() if key not in NOT_IDENTITY}
        for section, place in _PLACES:
            stated[section] = {key: value for key, value in stated[section].items() if key != place}
        if self.origin == "checkpoint":  # a place, too: its content is in `contents`
            stated["model"] = {key: value for key, value in stated["model"].items() if key != "base"}
        return f"{self.name}-{content_id('elsewhere', stated, *contents)[:8]}"


def is_elsewhere(config: dict[str, Any]) -> bool:
    """Whether a stored `config_json` is of an experiment that was trained elsewhere."""
    return "origin" in config


def parse_elsewhere(values: dict[str, Any], where: str) -> ElsewhereConfig:
    """What plain values state; `ConfigError` begins with `where`."""
    try:
        return ElsewhereConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"{where}: {'; '.join(map(describe_problem, error.errors()))}") from None
