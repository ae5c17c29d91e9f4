import pytest

from pixelpipe.captions.cache import CHUNK, described, read_cache
from pixelpipe.captions.captioning import caption_sprites
from pixelpipe.captions.palette import PaletteStrategy
from pixelpipe.captions.phrases import put_first
from pixelpipe.captions.strategy import make_strategy, strategy_id
from pixelpipe.captions.tokens import TokenBudget
from pixelpipe.config import CaptionsConfig
from pixelpipe.errors import BadInputError, DatasetError
from pixelpipe.models.layout import SD15
from pixelpipe.store import Store

BUDGET = TokenBudget(SD15 / "tokenizer")


class Counting(PaletteStrategy):
    """Palette, and which sprites it was asked for; dies before the n-th chunk when told to."""

    def __init__(self, dies_at: int | None = None) -> None:
        self.asked: list[str] = []
        self.calls = 0
        self.dies_at = dies_at

    def describe(self, sprites):
        self.calls += 1
        if self.calls == self.dies_at:
            raise KeyboardInterrupt
        self.asked += [sprite.file_name for sprite in sprites]
        return super().describe(sprites)


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / "store")


@pytest.fixture
def sprites(make_sprite):
    return [make_sprite(f"{number:03d}.png", number) for number in range(CHUNK * 2 + 10)]


def test_captions_are_made_once(store, sprites):
    strategy = Counting()
    first = described(store, strategy, sprites)
    assert first == PaletteStrategy().describe(sprites)
    assert described(store, strategy, list(reversed(sprites))) == list(reversed(first))
    assert len(strategy.asked) == len(sprites)


def test_an_interrupted_run_goes_on_after_its_last_chunk(store, sprites):
    with pytest.raises(KeyboardInterrupt):
        described(store, Counting(dies_at=3), sprites)
    again = Counting()
    steps: list[int] = []
    assert described(store, again, sprites, steps.append) == PaletteStrategy().describe(sprites)
    assert again.asked == [sprite.file_name for sprite in sprites[2 * CHUNK :]]
    assert steps == [2 * CHUNK, 10]


def test_new_art_is_all_that_is_captioned_then(store, sprites, make_sprite):
    described(store, PaletteStrategy(), sprites)
    more = Counting()
    described(store, more, [*sprites, make_sprite("new.png", 999), make_sprite("copy.png", 999)])
    assert more.asked == ["copy.png"]  # equal sprites are described once


def test_a_damaged_file_of_the_cache_is_named(store, sprites):
    described(store, PaletteStrategy(), sprites[:2])
    [key] = store.list("captions")
    store.replace(key, b"{oops")
    with pytest.raises(BadInputError, match=r"must be captions as JSON Lines but is not; delete it"):
        read_cache(store, strategy_id(PaletteStrategy()))


def test_what_lies_beside_the_sprites_is_read_anew_each_time(store, tmp_path, make_sprite):
    folder = tmp_path / "art"
    folder.mkdir()
    strategy = make_strategy(CaptionsConfig(), folder, 24, BUDGET)
    for text in ("one", "two"):
        (folder / "a.txt").write_text(text)
        assert described(store, strategy, [make_sprite("a.png")]) == [text]
    assert store.list() == []


def test_the_trigger_comes_first(store, tmp_path, make_sprite):
    (tmp_path / "a.txt").write_text("Red hair, PXL art")
    config = CaptionsConfig(trigger="pxl art, bust")
    strategy = make_strategy(config, tmp_path, 24, BUDGET)
    captions = caption_sprites(store, config, strategy, [make_sprite("a.png")], BUDGET)
    assert captions["a.png"].text == "pxl art, bust, Red hair"


def test_a_trigger_alone_is_a_caption_and_nothing_is_none(store, make_sprite):
    class Silent(PaletteStrategy):
        def describe(self, sprites):
            return [""] * len(sprites)

    sprite = make_sprite("a.png")
    config = CaptionsConfig(strategy="palette")
    with pytest.raises(DatasetError, match=r"a.png: palette has nothing to say of it; add `captions.trigger`"):
        caption_sprites(store, config, Silent(), [sprite], BUDGET)
    with_trigger = CaptionsConfig(strategy="palette", trigger="pxl")
    assert caption_sprites(store, with_trigger, Silent(), [sprite], BUDGET)["a.png"].text == "pxl"


@pytest.mark.parametrize(("caption", "expected"), [("a, b", "b, a"), ("B; c", "b, c"), ("", "b"), ("b", "b")])
def test_put_first(caption, expected):
    assert put_first(caption, "b") == expected
    assert put_first(caption, None) == caption
