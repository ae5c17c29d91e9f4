"""The vlm strategy with a randomly initialised LLaVA of 40,000 weights, saved in its real folder format."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
)

from pixelpipe.captions.cache import described
from pixelpipe.captions.captioning import caption_sprites
from pixelpipe.captions.colors import color_name
from pixelpipe.captions.mending import mend
from pixelpipe.captions.strategy import make_strategy, strategy_id
from pixelpipe.captions.tokens import BUDGET, TokenBudget
from pixelpipe.captions.vlm import enlarged
from pixelpipe.config import CaptionsConfig
from pixelpipe.errors import BaseModelError, ConfigError
from pixelpipe.models.layout import SD15
from pixelpipe.store import Store

WORDS = ["<pad>", "<s>", "</s>", "<image>", "<unk>", "USER", "ASSISTANT", "red", "blue", "hair", "hat", ",", "a", "of"]
CHAT = (
    "{% for m in messages %}USER {% for c in m['content'] %}{% if c['type'] == 'image' %}<image> {% else %}"
    "{{ c['text'] }} {% endif %}{% endfor %}{% endfor %}ASSISTANT"
)
SD15_BUDGET = TokenBudget(SD15 / "tokenizer")


def save_model(folder: Path, seed: int) -> Path:
    """A LLaVA with random weights and a vocabulary of a few words."""
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>", unk_token="<unk>",
        additional_special_tokens=["<image>"], padding_side="left",
    )  # fmt: skip
    images = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    processor = LlavaProcessor(
        images, fast, patch_size=16, vision_feature_select_strategy="default", chat_template=CHAT,
        image_token="<image>", num_additional_image_tokens=1,
    )  # fmt: skip
    vision = CLIPVisionConfig(
        hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=32, patch_size=16,
        projection_dim=32,
    )  # fmt: skip
    text = LlamaConfig(
        vocab_size=len(WORDS), hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        pad_token_id=0, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    torch.manual_seed(seed)
    model = LlavaForConditionalGeneration(
        LlavaConfig(vision_config=vision, text_config=text, image_token_index=3, image_token_id=3, image_seq_length=4)
    ).eval()
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return save_model(tmp_path_factory.mktemp("llava"), seed=0)


def config(folder: Path | str, **changes) -> CaptionsConfig:
    return CaptionsConfig(strategy="vlm", vlm=str(folder), **{"vlm_max_new_tokens": 12, "vlm_batch_size": 3} | changes)


def strategy(folder: Path | str, **changes):
    return make_strategy(config(folder, **changes), Path(), 24, SD15_BUDGET)


def test_a_model_in_its_real_folder_describes_sprites_the_same_twice(model, make_sprite):
    sprites = [make_sprite(f"{number}.png", number) for number in range(4)]
    first = strategy(model).describe(sprites)
    assert len(first) == 4
    assert any(first)
    assert all("USER" not in text and "Describe" not in text for text in first)
    assert strategy(model).describe(sprites) == first
    assert strategy(model).describe(sprites[:1]) == first[:1]


def test_texts_are_kept_by_content(model, make_sprite, tmp_path):
    store = Store.open(tmp_path / "store")
    sprites = [make_sprite(f"{number}.png", number) for number in range(3)]
    first = described(store, strategy(model), sprites)
    unused = strategy(model)
    assert described(store, unused, sprites) == first
    assert "_pipeline" not in vars(unused)  # the model was not even loaded


def test_identity_is_the_models_content_and_the_question(model, tmp_path):
    copy = save_model(tmp_path / "copy", seed=0)
    other = save_model(tmp_path / "other", seed=1)
    assert strategy_id(strategy(model)) == strategy_id(strategy(copy))
    assert strategy_id(strategy(model)) == strategy_id(strategy(model, vlm_batch_size=1))
    ids = {strategy_id(s) for s in (strategy(model), strategy(other), strategy(model, vlm_prompt="hair?"))}
    assert len(ids) == 3


def test_whatever_the_model_says_becomes_a_caption(model, make_sprite, tmp_path):
    """Random weights repeat themselves: what is mended is counted."""
    sprites = [make_sprite(f"{number}.png", number) for number in range(6)]
    captions = caption_sprites(
        Store.open(tmp_path / "store"), config(model, trigger="pxl"), strategy(model), sprites, SD15_BUDGET
    )
    assert all(caption.text.startswith("pxl, ") for caption in captions.values())
    assert all(SD15_BUDGET.num_tokens(caption.text) <= BUDGET for caption in captions.values())
    assert {note for caption in captions.values() for note in caption.notes} <= {"empty", "repeated", "cut"}
    assert any(caption.notes for caption in captions.values())


def mended(text: str, trigger: str | None = None) -> tuple[str, tuple[str, ...]]:
    return mend(text, lambda: "teal background", trigger, SD15_BUDGET)


@pytest.mark.parametrize(
    ("said", "caption", "notes"),
    [
        ("red hair, blue hat", "red hair, blue hat", ()),
        ("The image shows a man, red hat.", "a man, red hat", ()),
        ("Sure! Here is a caption: red hair.", "red hair", ()),
        ("", "teal background", ("empty",)),
        (" ... , !", "teal background", ("empty",)),
        ("red hair, red hair, red hair, hat", "red hair, hat", ("repeated",)),
        ("a red a red a red hat", "a red hat", ("repeated",)),
        ("red red red red", "red", ("repeated",)),
    ],
)
def test_mending(said, caption, notes):
    assert mended(said) == (caption, notes)


def test_over_budget_is_cut_at_a_phrase_and_counted():
    said = ", ".join(f"word{number} hat" for number in range(60))
    caption, notes = mended(said, "pxl art")
    assert notes == ("cut",)
    assert said.startswith(caption)
    assert caption.endswith(" hat")
    assert SD15_BUDGET.num_tokens(f"pxl art, {caption}") <= BUDGET


def test_sprites_are_enlarged_by_a_whole_factor_without_a_new_color():
    sprite = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    image = np.asarray(enlarged(sprite))
    assert image.shape == (384, 384, 3)
    assert np.array_equal(image[::16, ::16], sprite)
    assert len(np.unique(image.reshape(-1, 3), axis=0)) == len(np.unique(sprite.reshape(-1, 3), axis=0))
    assert enlarged(np.zeros((32, 32, 3), np.uint8)).size == (384, 384)
    assert enlarged(np.zeros((48, 48, 3), np.uint8)).size == (384, 384)
    assert color_name((255, 255, 255)) == "white"


@pytest.mark.parametrize(
    ("vlm", "message"),
    [
        ("/none/such", "`captions.vlm` must be a folder or a hub id"),
        ("nobody/no-model", "no such folder, and the hub did not give it"),
    ],
)
def test_models_that_are_not_there(vlm, message):
    with pytest.raises(BaseModelError, match=message):
        strategy(vlm)


def test_a_folder_that_is_no_model(tmp_path, make_sprite):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(BaseModelError, match=r"cannot be loaded: "):
        strategy(tmp_path).describe([make_sprite("a.png")])
    with pytest.raises(ConfigError, match=r"`captions.vlm` must name a folder"):
        make_strategy(CaptionsConfig(strategy="vlm"), Path(), 24, SD15_BUDGET)
