"""From sprites to the captions that are trained on: a strategy's texts, mended, counted, the trigger first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from pixelpipe.captions.cache import described
from pixelpipe.captions.mending import mend
from pixelpipe.captions.palette import palette_caption
from pixelpipe.captions.phrases import put_first
from pixelpipe.captions.strategy import Strategy
from pixelpipe.captions.tokens import TokenBudget
from pixelpipe.config import CaptionsConfig
from pixelpipe.data.sprites import Sprite
from pixelpipe.errors import DatasetError
from pixelpipe.store import Store


@dataclass(frozen=True, slots=True)
class Caption:
    text: str
    notes: tuple[str, ...] = ()  # what had to be mended in a generated text


def caption_sprites(
    store: Store,
    config: CaptionsConfig,
    strategy: Strategy,
    sprites: Sequence[Sprite],
    budget: TokenBudget,
    advance: Callable[[int], None] = lambda _: None,
) -> dict[str, Caption]:
    """The caption of every sprite, by file name, in their order; never empty.

    Writes nothing but what is kept by content (`captions.cache`). Raises `DatasetError` for bad input.
    """
    captions = {}
    texts = described(store, strategy, sprites, advance)
    for sprite, text in zip(sprites, texts, strict=True):
        notes: tuple[str, ...] = ()
        if config.strategy == "vlm":
            text, notes = mend(text, partial(palette_caption, sprite.pixels), config.trigger, budget)
        text = put_first(text, config.trigger)
        if not text:
            raise DatasetError(
                f"{sprite.file_name}: {config.strategy} has nothing to say of it; add `captions.trigger`"
            )
        captions[sprite.file_name] = Caption(text, notes)
    return captions
