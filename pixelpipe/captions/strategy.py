"""One interface for everything that can caption a sprite, and the place that makes one from a configuration.

A strategy is deterministic: its identity and the sprites decide the captions.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from pixelpipe.captions.palette import PaletteStrategy
from pixelpipe.captions.presets import PresetStrategy
from pixelpipe.captions.sidecar import SidecarStrategy
from pixelpipe.captions.tokens import TokenBudget
from pixelpipe.captions.traits import TraitsStrategy
from pixelpipe.captions.vlm import VlmStrategy
from pixelpipe.config import CaptionsConfig, content_id
from pixelpipe.data.sprites import Sprite


class Strategy(Protocol):
    @property
    def from_pixels(self) -> bool:
        """The pixels alone decide a caption, so it is kept by content; else what lies beside the sprites does."""
        ...

    @property
    def identity(self) -> dict[str, Any]:
        """JSON values of all that decides a caption besides the sprite: no path, but hashes of what lies there."""
        ...

    def describe(self, sprites: Sequence[Sprite]) -> list[str]:
        """A text for every sprite, in order; "" where there is nothing to say. `DatasetError` for bad input."""
        ...


def make_strategy(config: CaptionsConfig, dataset: Path, grid: int, budget: TokenBudget) -> Strategy:
    """The strategy that a configuration names, for the sprites of side `grid` in the folder `dataset`."""
    if config.strategy == "traits":
        return TraitsStrategy.of(config, dataset)
    if config.strategy == "palette":
        return PaletteStrategy()
    if config.strategy == "vlm":
        return VlmStrategy.of(config)
    sidecar = SidecarStrategy(dataset, config.column)
    if config.strategy == "sidecar":
        return sidecar
    return PresetStrategy(config.strategy, sidecar, grid, config.framing, budget)


def strategy_id(strategy: Strategy) -> str:
    """16 hex digits."""
    return content_id("caption strategy", strategy.identity)[:16]
