import pytest

from pixelpipe.captions.grammar import parse, segments, singular


def shape(caption: str) -> list[list[tuple[str, str, str]]]:
    return [[(s.text, s.connector, s.host) for s in phrase] for phrase in parse(caption)]


def test_phrases_segments_and_hosts():
    assert shape("Black Glasses with thin temples behind ears, a red hat") == [
        [("black glasses", "", ""), ("thin temple", "with", "glasses"), ("ear", "behind", "glasses")],
        [("red hat", "", "")],
    ]


def test_words_know_their_characters():
    caption = "the  gold earrings"
    [segment] = segments(caption)
    assert [caption[word.start : word.end] for word in segment.words] == ["gold", "earrings"]
    assert [word.text for word in segment.modifiers] == ["gold"]


def test_sentences_and_signs():
    assert [s.text for s in segments("A man. He's wearing a t-shirt!")] == ["man", "he's", "t-shirt"]
    assert segments("") == segments(" ,;. ") == segments("with and of") == []


@pytest.mark.parametrize(
    ("plural", "expected"),
    [
        ("temples", "temple"), ("ears", "ear"), ("glasses", "glasses"), ("lashes", "lash"), ("boxes", "box"),
        ("berries", "berry"), ("scarves", "scarf"), ("moss", "moss"), ("iris", "iris"), ("hats", "hat"),
    ],
)  # fmt: skip
def test_singular(plural, expected):
    assert singular(plural) == expected


def test_other_scripts_and_markup_are_words_too():
    assert [s.text for s in segments("像素 肖像")] == ["像素 肖像"]
    assert "script" in " ".join(s.text for s in segments("<script>alert(1)</script>"))
