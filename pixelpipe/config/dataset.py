"""The sprites, and where their captions come from."""

from typing import Literal

from pydantic import Field

from pixelpipe.config.strict import Strict, UserPath
from pixelpipe.config.yaml_file import COLOR_PATTERN

# Sampling begins with noise whose mean a model takes for a mid-gray picture: art on white fills up (decision 0030).
BACKGROUND = "#808080"


class DatasetConfig(Strict):
    path: UserPath = Field(description="Folder of sprites (PNG) with captions.")
    grid: int = Field(default=24, ge=8, le=128, description="Sprite side in cells.")
    background: str = Field(default=BACKGROUND, pattern=COLOR_PATTERN, description="Shown through transparent pixels.")
    repeats: int | None = Field(
        default=None, ge=1, description="Times that every sprite is seen in an epoch; default: 1, the tiny base's is 6."
    )
    validation_fraction: float = Field(default=0.1, gt=0, le=0.5, description="Share of sprites held out.")


class CaptionsConfig(Strict):
    strategy: Literal["sidecar", "traits", "palette", "vlm", "simple", "enhanced"] = Field(
        default="sidecar",
        description="sidecar: files beside the sprites, also simple and enhanced; traits: a table; "
        "palette: colors; vlm: a model.",
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
