import pytest

from pixelpipe.training.captions import shuffled_captions

CAPTIONS = ["knight, red, hat,smile", "mage,  blue"] * 50


def shuffled(captions=CAPTIONS, seed=1, epoch=1, shuffle=True, keep_tokens=0, tag_dropout=0.0):
    return shuffled_captions(captions, seed, epoch, shuffle=shuffle, keep_tokens=keep_tokens, tag_dropout=tag_dropout)


def tags(caption):
    return [tag.strip() for tag in caption.split(",")]


def test_without_shuffling_a_caption_is_as_it_was():
    assert shuffled(shuffle=False) == CAPTIONS


def test_a_shuffled_caption_has_the_same_tags_at_its_own_place():
    found = shuffled()
    assert [sorted(tags(a)) for a in found] == [sorted(tags(b)) for b in CAPTIONS]
    assert len(set(found)) > 10


def test_order_is_a_function_of_seed_and_epoch():
    assert shuffled() == shuffled()
    assert shuffled() != shuffled(epoch=2)
    assert shuffled() != shuffled(seed=2)


@pytest.mark.parametrize("keep_tokens", [1, 2, 10])
def test_the_first_tags_stay(keep_tokens):
    for found, original in zip(shuffled(keep_tokens=keep_tokens, tag_dropout=0.5), CAPTIONS, strict=True):
        kept = tags(original)[:keep_tokens]
        assert tags(found)[: len(kept)] == kept


def test_that_share_of_the_tags_is_dropped():
    found = [
        tag for caption in shuffled(["a, b, c, d"] * 1000, shuffle=False, tag_dropout=0.3) for tag in tags(caption)
    ]
    assert 0.67 < len([tag for tag in found if tag]) / 4000 < 0.73
