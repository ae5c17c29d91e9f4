import pytest

from pixelpipe.captions.tokens import BUDGET, TokenBudget, check_budget, tokenizer_folder
from pixelpipe.errors import BaseModelError, DatasetError
from pixelpipe.models.layout import SD15, TINY

SD15_BUDGET = TokenBudget(SD15 / "tokenizer")


def test_the_vocabulary_is_the_bases_own(tmp_path):
    (tmp_path / "tokenizer").mkdir()
    (tmp_path / "tokenizer/vocab.json").write_text("{}")
    assert tokenizer_folder("tiny") == TINY / "tokenizer"
    assert tokenizer_folder(str(tmp_path)) == tmp_path / "tokenizer"
    for base in ("stable-diffusion-v1-5/stable-diffusion-v1-5", "/models/v1-5.safetensors", "x" * 300):
        assert tokenizer_folder(base) == SD15 / "tokenizer"


def test_tokens_are_counted_as_each_base_counts_them():
    """Ids and so counts of CLIP's vocabulary are published: "a photo of a cat" has 5 tokens, "bozuman" 3."""
    assert SD15_BUDGET.num_tokens("a photo of a cat") == 5
    assert SD15_BUDGET.num_tokens("bozuman") == 3
    assert TokenBudget(TINY / "tokenizer").num_tokens("bozuman") > 3


def test_what_is_cut_begins_after_75_tokens():
    assert SD15_BUDGET.cut(" ".join(["cat"] * BUDGET)) == ""
    assert SD15_BUDGET.cut(" ".join(["cat"] * BUDGET + ["last", "words"])) == "last words"


def test_a_caption_of_10000_words_is_counted():
    assert SD15_BUDGET.num_tokens("cat " * 10_000) == 10_000
    assert len(SD15_BUDGET.cut("cat " * 10_000).split()) == 10_000 - BUDGET


def test_other_scripts_are_counted_by_their_bytes():
    chinese = "像素画肖像，" * 20
    assert SD15_BUDGET.num_tokens(chinese) > BUDGET
    assert SD15_BUDGET.cut(chinese)
    assert chinese.endswith(SD15_BUDGET.cut(chinese))


def test_shortened_drops_whole_phrases():
    caption = ", ".join(["red cat"] * 40)  # 3 tokens each with its comma
    short = SD15_BUDGET.shortened(caption)
    assert short == ", ".join(["red cat"] * 24)
    assert SD15_BUDGET.cut(short) == ""
    assert SD15_BUDGET.shortened("cat " * 100) == " ".join(["cat"] * 75)
    assert SD15_BUDGET.shortened("red cat") == "red cat"


def test_late_words_are_those_after_the_20th_token():
    caption = " ".join(["cat"] * 20 + ["hat"])
    assert caption[SD15_BUDGET.late(caption) :] == "hat"
    assert SD15_BUDGET.late("cat") == 3


def test_over_budget_is_an_error_with_the_words_that_are_cut():
    with pytest.raises(DatasetError) as error:
        check_budget({"a.png": "cat", "b.png": "cat " * 80, "c.png": "cat " * 90}, SD15_BUDGET)
    assert str(error.value).startswith(
        "b.png: its caption must fit in 75 tokens but has 80, and would lose 'cat cat cat cat cat ' (and 1 more of 3"
    )


def test_a_tokenizer_that_cannot_be_read_is_named(tmp_path):
    for name in ("vocab.json", "merges.txt"):
        (tmp_path / name).write_text("no json")
    with pytest.raises(BaseModelError, match="its tokenizer cannot be loaded"):
        TokenBudget(tmp_path).num_tokens("cat")
