import numpy as np
import pytest

from pixelpipe.captions.presets import enhanced_caption, simple_caption
from pixelpipe.captions.priors import find_priors
from pixelpipe.captions.strategy import make_strategy, strategy_id
from pixelpipe.captions.tokens import BUDGET, TokenBudget
from pixelpipe.config import CaptionsConfig
from pixelpipe.data.portraits import detailed_caption, draw_traits, plain_caption
from pixelpipe.models.layout import SD15

SD15_BUDGET = TokenBudget(SD15 / "tokenizer")


@pytest.mark.parametrize("seed", range(12))
def test_simple_takes_the_details_out_again(seed):
    traits = draw_traits(np.random.default_rng(seed))
    simple = simple_caption(detailed_caption(traits, np.random.default_rng(seed)), 24, "portrait", SD15_BUDGET)
    assert find_priors(simple.replace("earrings", ""), 24, "portrait") == []
    kept = [phrase for phrase in plain_caption(traits).split(", ") if phrase in simple]
    assert len(kept) == len(plain_caption(traits).split(", "))


def test_simple_leaves_plain_captions_alone():
    plain = "pixel art portrait, tan skin, red hair, gold earrings, black glasses, blue background"
    assert simple_caption(plain, 24, "portrait", SD15_BUDGET) == plain


def test_enhanced_is_the_seeds_other_kind(tmp_path, make_sprite):
    (tmp_path / "a.txt").write_text("pixel art portrait, red hair, black glasses, blue background")
    strategy = make_strategy(CaptionsConfig(strategy="enhanced"), tmp_path, 24, SD15_BUDGET)
    [text] = strategy.describe([make_sprite("a.png", 1)])
    assert text.startswith("pixel art portrait, red hair with ")
    assert len(find_priors(text, 24, "portrait")) >= 3
    assert strategy.describe([make_sprite("a.png", 1)]) == [text]
    assert SD15_BUDGET.num_tokens(text) <= BUDGET
    assert len({enhanced_caption("red hair, smile", str(number)) for number in range(20)}) > 3


def test_grid_and_framing_are_part_of_the_identity(tmp_path):
    ids = {
        strategy_id(make_strategy(CaptionsConfig(strategy=preset, framing=framing), tmp_path, grid, SD15_BUDGET))
        for preset in ("simple", "enhanced")
        for framing in ("portrait", "none")
        for grid in (24, 32)
    }
    assert len(ids) == 8
