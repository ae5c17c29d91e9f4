"""What a candidate is compared with, and how alpha is spread over the looks."""

import math
import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from pixelpipe.config.strict import Strict
from pixelpipe.config.yaml_file import NAME_PATTERN


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
    unmatched_margin: float = Field(
        default=0.50, ge=0, le=10, description="The same, where the baseline has no such epoch."
    )
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


def fewest_prompts(alpha: float, looks: int) -> int:
    """The smallest p of a sign-flip test is 2^-prompts, and must be below what the last look may spend."""
    return math.floor(-math.log2(alpha_of_look(1.0, looks, looks)) - math.log2(alpha)) + 1
