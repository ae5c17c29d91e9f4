import json
from pathlib import Path

import pytest

from pixelpipe.captions.strategy import make_strategy, strategy_id
from pixelpipe.captions.tokens import TokenBudget
from pixelpipe.captions.traits import TraitsStrategy
from pixelpipe.config import CaptionsConfig
from pixelpipe.errors import BadInputError, ConfigError, DatasetError
from pixelpipe.models.layout import SD15

BUDGET = TokenBudget(SD15 / "tokenizer")

TEMPLATE = "{skin} skin, {hair} {hair_color} hair, {eyewear}, {background} background"


def table(folder: Path, content: str | list | dict, name: str = "traits.csv") -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def described(folder: Path, make_sprite, template: str | None = None, names: tuple[str, ...] = ("a.png",), **table_):
    config = CaptionsConfig(strategy="traits", template=template, **table_)
    return make_strategy(config, folder, 24, BUDGET).describe([make_sprite(name) for name in names])


CSV = "file_name,skin,hair,hair_color,eyewear,background\na.png,tan,short,red,none,teal\nb.png,pale,bald,,3d glasses,\n"


def test_phrases_with_an_absent_trait_fall_away(tmp_path, make_sprite):
    path = table(tmp_path, CSV)
    assert described(tmp_path, make_sprite, TEMPLATE, ("a.png", "b.png"), table=path) == [
        "tan skin, short red hair, teal background",
        "pale skin, 3d glasses",
    ]


def test_without_a_template_colors_are_followed_by_their_column(tmp_path, make_sprite):
    row = {"file_name": "a.png", "hair_color": "red", "hat": "top hat", "scar": True, "eyes": None}
    path = table(tmp_path, [row], "t.json")
    assert described(tmp_path, make_sprite, table=path) == ["red hair, top hat, scar"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.jsonl", '{"file_name": "a.png", "hat": "cap", "text": "x"}\n'),
        ("t.json", {"a.png": {"hat": "cap"}}),
        ("t.json", [{"file_name": "./a.png", "attributes": [{"trait_type": "hat", "value": "cap"}]}]),
        ("t.csv", "\ufefffile_name,hat\r\na.png,cap\r\n"),
    ],
)
def test_every_kind_of_table(tmp_path, make_sprite, name, content):
    assert described(tmp_path, make_sprite, table=table(tmp_path, content, name)) == ["cap"]


def test_the_datasets_own_metadata_is_the_default(tmp_path, make_sprite):
    table(tmp_path, '{"file_name": "a.png", "text": "long caption", "hat": "cap"}\n', "metadata.jsonl")
    assert described(tmp_path, make_sprite) == ["cap"]


def test_columns_that_the_table_lacks_are_refused_and_named(tmp_path, make_sprite):
    path = table(tmp_path, CSV)
    with pytest.raises(ConfigError, match=r"names beard, hat, but the columns of .*traits.csv are background, eyewear"):
        described(tmp_path, make_sprite, "{hat} hat, {beard}, {skin} skin", table=path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", "file_name,hat\na.png,cap\na.png,hat\n", r"t.csv:3: a.png stands twice"),
        ("t.csv", "name,hat\na.png,cap\n", r"t.csv:1: must be names of columns, .* but is .name,hat"),
        ("t.csv", "file_name,text\na.png,cap\n", r"t.csv: must hold traits"),
        ("t.csv", "file_name,hat\nb.png,cap\n", r"t.csv: must name every image but has no line for a.png"),
        ("t.json", "{oops", r"t.json: must be JSON but is not"),
        ("t.json", "[[1]]", r"t.json: must be a list of objects, or an object from file name to object"),
        ("t.json", '{"a.png": {"hat": ["cap"]}}', r"`hat` must be text, a number or a truth value but is list"),
        ("t.json", '{"a.png": {"attributes": "x"}}', r"`attributes` must be a list of trait_type and value"),
        ("t.xlsx", "x", r"must be .csv, .jsonl or .json"),
    ],
)
def test_bad_tables(tmp_path, make_sprite, name, content, message):
    with pytest.raises(DatasetError, match=message):
        described(tmp_path, make_sprite, table=table(tmp_path, content, name))


def test_bad_template(tmp_path, make_sprite):
    with pytest.raises(ConfigError, match=r"`captions.template` must be text with \{column\} in it but: "):
        described(tmp_path, make_sprite, "{skin", table=table(tmp_path, CSV))
    with pytest.raises(BadInputError, match=r"`captions.table` must name a table"):
        described(tmp_path / "empty", make_sprite)


def test_the_template_is_part_of_the_identity_and_names_are_not(tmp_path):
    traits = {"a.png": {"hat": "cap"}}
    one, other = (TraitsStrategy(tmp_path, traits, template) for template in ("{hat}", "a {hat}"))
    assert strategy_id(one) != strategy_id(other)
    assert strategy_id(one) == strategy_id(TraitsStrategy(tmp_path / "x", {"b.png": {"hat": "cap"}}, "{hat}"))
