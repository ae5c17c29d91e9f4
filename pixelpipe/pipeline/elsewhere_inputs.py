"""What that which was trained elsewhere is judged with: a rule that can decide, and the art with its profile."""

import numpy as np

from pixelpipe.analysis.profile import Profile, build_profile
from pixelpipe.config import BACKGROUND, content_id, fewest_prompts
from pixelpipe.data.sprites import load_sprites
from pixelpipe.elsewhere import ElsewhereConfig
from pixelpipe.errors import BadInputError
from pixelpipe.lines import pinned_profile
from pixelpipe.store import Store


def judge_that_can_decide(config: ElsewhereConfig, last_epoch: int, num_prompts: int) -> ElsewhereConfig:
    """Patience no longer than the plan; refused where so few prompts can never reach the last look's part of alpha."""
    looks = last_epoch - config.judge.grace
    if looks < 1:
        raise BadInputError(f"`judge.grace` must leave an epoch to judge but is {config.judge.grace}")
    needed = fewest_prompts(config.judge.alpha, looks)
    if num_prompts < needed:
        raise BadInputError(
            f"the images must be of at least {needed} prompts but are of {num_prompts}: with fewer, the "
            f"last of {looks} looks can never decide (p < {config.judge.alpha:g} in all)"
        )
    judge = config.judge.model_copy(update={"patience": min(config.judge.patience, looks)})
    return config.model_copy(update={"judge": judge})


def art_of(config: ElsewhereConfig) -> np.ndarray | None:
    """(N, grid, grid, 3) uint8; None where it is not at hand."""
    if config.art is None:
        return None
    sprites = load_sprites(config.art, config.grid, config.dataset.background or BACKGROUND)
    return np.stack([sprite.pixels for sprite in sprites])


def profile_of(store: Store, config: ElsewhereConfig, sprites: np.ndarray | None) -> Profile:
    """The line's, or of the art that is at hand; without one nobody can say what is too flat or too busy."""
    pinned = pinned_profile(store, config.line, config.grid)
    if pinned is not None:
        return pinned
    if sprites is None:
        raise BadInputError(
            f"line {config.line} has no profile of its art yet: name a folder of its sprites with --art DIR"
        )
    return build_profile(sprites, content_id("art", config.grid, sorted(content_id(s.tolist()) for s in sprites)))
