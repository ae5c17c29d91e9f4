import copy
import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from pixelpipe.config import (
    SECTIONS,
    ExperimentConfig,
    alignment_warning,
    alpha_of_look,
    content_id,
    load_config,
    parse_config,
)
from pixelpipe.errors import ConfigError

MINIMAL = {"name": "small", "dataset": {"path": "art"}}
# every field, each with a value that is not its default
EVERY_FIELD: dict[str, Any] = {
    "name": "every-field",
    "line": "knights-32",
    "seed": 7,
    "dataset": {
        "path": "/art/knights",
        "grid": 32,
        "background": "#102030",
        "repeats": 3,
        "validation_fraction": 0.25,
    },
    "captions": {
        "strategy": "traits",
        "column": "detailed",
        "trigger": "pxl knight",
        "table": "/art/traits.csv",
        "template": "{hair} hair",
        "framing": "figure",
        "vlm": "someone/vlm",
        "vlm_prompt": "hair?",
        "vlm_max_new_tokens": 33,
        "vlm_batch_size": 3,
    },
    "model": {"base": "someone/sd15", "method": "lora", "rank": 8, "alpha": 4.0, "targets": "attention"},
    "training": {
        "resolution": 256,
        "epochs": 5,
        "batch_size": 12,
        "gradient_accumulation_steps": 3,
        "learning_rate": 0.002,
        "lr_scheduler": "cosine",
        "lr_warmup_steps": 20,
        "weight_decay": 0.03,
        "max_grad_norm": 0.5,
        "ema_decay": 0.995,
        "min_snr_gamma": 5.0,
        "noise_offset": 0.05,
        "caption_dropout": 0.2,
        "shuffle_tags": True,
        "keep_tokens": 2,
        "tag_dropout": 0.15,
        "horizontal_flips": True,
        "mixed_precision": "bf16",
        "gradient_checkpointing": True,
        "num_processes": 2,
        "compile": "on",
    },
    "sampling": {
        "num_prompts": 30,
        "seeds_per_prompt": 6,
        "num_inference_steps": 11,
        "guidance_scale": 4.5,
        "batch_size": 9,
        "prompts": "/art/prompts.txt",
        "confirm_seeds": 8,
        "adaptive": True,
    },
    "judge": {
        "baseline": "old-1a2b3c4d@3",
        "metric": "unique_colors",
        "abandon_margin": 0.12,
        "unmatched_margin": 0.6,
        "promote_margin": 0.07,
        "alpha": 0.04,
        "patience": 3,
        "grace": 1,
        "run_sd": 0.06,
    },
    "budget": {"gpu": "L4", "usd_per_hour": 0.8, "max_usd": 2.5},
}


BAD_PARTS = "`training.gradient_accumulation_steps` must be a whole number from 1, or auto but got "


def leaves(values: dict[str, Any], *path: str) -> dict[tuple[str, ...], Any]:
    flat: dict[tuple[str, ...], Any] = {}
    for key, value in values.items():
        flat |= leaves(value, *path, key) if isinstance(value, dict) else {(*path, key): value}
    return flat


def write(folder: Path, text: str, name: str = "config.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def refused(path: Path, *overrides: str) -> str:
    """The message behind the path of the file."""
    with pytest.raises(ConfigError) as error:
        load_config(path, overrides)
    message = str(error.value)
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def refused_values(**sections: Any) -> str:
    with pytest.raises(ConfigError) as error:
        parse_config({**MINIMAL, **sections}, where="c.yaml")
    message = str(error.value)
    assert message.startswith("c.yaml: ")
    assert "\n" not in message
    return message.removeprefix("c.yaml: ")


@pytest.mark.parametrize(
    ("model", "repeats", "learning_rate", "ema_decay", "noise_offset", "guidance_scale"),
    [
        ({"base": "tiny"}, 6, 2e-4, 0.99, 0.1, 3.0),
        ({"base": "tiny", "method": "lora"}, 6, 1e-3, 0.99, 0.1, 3.0),
        ({"base": "someone/sd15"}, 1, 1e-5, None, 0.0, 7.5),
        ({"base": "someone/sd15", "method": "lora"}, 1, 1e-4, None, 0.0, 7.5),
    ],
)
def test_defaults_follow_the_base(model, repeats, learning_rate, ema_decay, noise_offset, guidance_scale):
    resolved = parse_config({**MINIMAL, "model": model}, "test").resolved()
    assert resolved["dataset"]["repeats"] == repeats
    assert resolved["training"]["learning_rate"] == learning_rate
    assert resolved["training"]["ema_decay"] == ema_decay
    assert resolved["training"]["noise_offset"] == noise_offset
    assert resolved["sampling"]["guidance_scale"] == guidance_scale


@pytest.mark.parametrize("field", ["ema_decay", "noise_offset"])
def test_none_stays_none_where_something_is_the_default(field):
    given = parse_config({**MINIMAL, "training": {field: 0}}, "test")
    assert getattr(parse_config(given.resolved(), "test").resolved_training, field) == 0


def test_every_field_reaches_the_resolved_configuration():
    resolved = parse_config(EVERY_FIELD, "test").resolved()
    assert resolved == EVERY_FIELD
    defaults = leaves(parse_config(MINIMAL, "test").resolved())
    assert defaults.keys() == leaves(resolved).keys()
    same = {path for path, value in leaves(resolved).items() if value == defaults[path]}
    assert not same


def test_the_resolved_configuration_reads_back_as_itself():
    config = parse_config(EVERY_FIELD, "test")
    assert ExperimentConfig.model_validate_json(config.model_dump_json()) == config
    assert parse_config(config.resolved(), "test") == config


def test_on_and_off_may_be_written_as_yaml_reads_them(tmp_path):
    for text, setting in (("on", "on"), ("off", "off"), ('"on"', "on"), ("auto", "auto")):
        path = write(tmp_path, f"dataset: {{path: art}}\ntraining: {{compile: {text}}}")
        assert load_config(path).training.compile == setting


def test_sections_are_those_of_the_model():
    fields = ExperimentConfig.model_fields
    assert {name for name in fields if name not in ("name", "line", "seed")} == SECTIONS


def test_a_folder_of_sprites_is_all_that_is_needed(tmp_path):
    config = load_config(write(tmp_path, "dataset: {path: art}", "my knights (2).yaml"))
    assert (config.name, config.line_name, config.resolution) == ("my-knights-2", "art-24", 192)


def test_the_default_size_is_aligned_to_the_base():
    assert parse_config(MINIMAL | {"model": {"base": "tiny"}}, "test").resolution == 8 * 24
    config = parse_config(MINIMAL | {"model": {"base": "a/b"}, "dataset": {"path": "x", "grid": 32}}, "test")
    assert config.resolution == 16 * 32
    assert alignment_warning(config.resolution, 32) is None


@pytest.mark.parametrize(
    ("folder", "line"), [("Blue Knights!", "Blue-Knights-24"), ("рыцари", "sprites-24"), ("a" * 200, "a" * 60 + "-24")]
)
def test_the_line_is_named_after_the_folder(folder, line):
    config = parse_config(MINIMAL | {"dataset": {"path": f"/nowhere/{folder}"}}, "test")
    assert config.line_name == config.resolved()["line"] == line
    assert parse_config(MINIMAL | {"line": line}, "test").line_name == line  # and is a valid one


def test_home_is_expanded(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    config = parse_config(MINIMAL | {"dataset": {"path": "~/art"}, "sampling": {"prompts": "~/prompts.txt"}}, "test")
    assert config.dataset.path == tmp_path / "art"
    assert config.sampling.prompts == tmp_path / "prompts.txt"
    assert "`dataset.path` must begin with the home" in refused_values(dataset={"path": "~nobody-of-that-name/art"})


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"training": {"epochs": 0}}, "`training.epochs` must be greater than or equal to 1 but got 0"),
        ({"training": {"epochs": "many"}}, "`training.epochs` must be a whole number but got 'many'"),
        ({"training": {"epochs": 2.5}}, "`training.epochs` must be a whole number but got 2.5"),
        ({"training": {"epochs": None}}, "`training.epochs` must be a whole number but got nothing"),
        ({"training": {"epochs": [1]}}, "`training.epochs` must be a whole number but got [1]"),
        (
            {"training": {"resolution": 100}},
            "`training.resolution` must be a multiple of 8, the VAE's block but got 100",
        ),
        ({"training": {"resolution": 8}}, "`training.resolution` must be greater than or equal to 16 but got 8"),
        ({"training": {"learning_rate": -1}}, "`training.learning_rate` must be greater than 0 but got -1"),
        ({"training": {"learning_rate": "fast"}}, "`training.learning_rate` must be a number but got 'fast'"),
        (
            {"training": {"mixed_precision": "fp8"}},
            "`training.mixed_precision` must be 'no', 'bf16' or 'fp16' but got 'fp8'",
        ),
        ({"training": {"gradient_accumulation_steps": 0}}, BAD_PARTS + "0"),
        ({"training": {"gradient_accumulation_steps": "many"}}, BAD_PARTS + "'many'"),
        (
            {"training": {"gradient_accumulation_steps": 9, "batch_size": 8}},
            "`training.gradient_accumulation_steps` must be at most `training.batch_size` (8) but got 9",
        ),
        (
            {"training": {"batch_size": "auto"}},
            "`training.batch_size` must be a whole number (`pixelpipe plan CONFIG --max-batch` finds the largest that "
            "fits) but got 'auto'",
        ),
        ({"training": {"compile": "yes"}}, "`training.compile` must be 'auto', 'on' or 'off' but got 'yes'"),
        (
            {"training": {"num_processes": 3, "batch_size": 8}},
            "`training.batch_size` must be a multiple of `training.num_processes` (3) but got 8",
        ),
        (
            {"training": {"num_processes": 2, "batch_size": 8, "gradient_accumulation_steps": 5}},
            "`training.gradient_accumulation_steps` must be at most 4, the sprites that each of 2 processes has of a "
            "batch, but got 5",
        ),
        (
            {"training": {"epcohs": 3}},
            "`training.epcohs` is not a field of the configuration (did you mean `training.epochs`?)",
        ),
        (
            {"trainning": {"epochs": 3}},
            "`trainning` is not a field of the configuration (did you mean `training`?)",
        ),
        (
            {"batch_size": 3},
            "`batch_size` is not a field of the configuration "
            "(did you mean `training.batch_size` or `sampling.batch_size`?)",
        ),
        ({"training": 5}, "`training` must be a section with fields of its own but got 5"),
        (
            {"captions": {"strategy": "blip"}},
            "`captions.strategy` must be 'sidecar', ",
        ),
        ({"captions": {"column": ""}}, "`captions.column` must not be empty but got ''"),
        ({"dataset": {}}, "`dataset.path` is missing"),
        ({"dataset": {"path": ""}}, "`dataset.path` must be a path but got ''"),
        ({"dataset": {"path": "a\0b"}}, "`dataset.path` must be a path but got 'a\\x00b'"),
        ({"dataset": {"path": 7}}, "`dataset.path` must be a path but got 7"),
        (
            {"dataset": {"path": "a", "background": "red"}},
            "`dataset.background` must be a color as '#rrggbb' but got 'red'",
        ),
        (
            {"name": "../x"},
            "`name` must be letters, digits, '.', '_' or '-', at most 80, and begin with a letter or digit "
            "but got '../x'",
        ),
        ({"name": 512}, "`name` must be text (in quotes, if it reads as something else) but got 512"),
        ({"judge": {"grace": 8}}, "`judge.grace` must be below `training.epochs` (8) but got 8"),
        ({"judge": {"baseline": "../x@1"}}, "`judge.baseline` must be champion, EXPERIMENT or EXPERIMENT@EPOCH"),
        ({"judge": {"baseline": "x@0"}}, "`judge.baseline` must be champion, EXPERIMENT or EXPERIMENT@EPOCH"),
        (
            {"training": {"resolution": 24}, "dataset": {"path": "a", "grid": 32}},
            "`training.resolution` must be at least `dataset.grid` (32) but got 24",
        ),
    ],
)
def test_a_bad_value_is_one_line_with_field_contract_and_value(sections, message):
    assert refused_values(**sections).startswith(message)


@pytest.mark.parametrize("name", ["", ".", "..", "-x", "a/b", "a\n", "a b", "é", "x" * 81])
def test_names_that_could_leave_the_store_are_refused(name):
    assert refused_values(name=name).startswith("`name` must be letters")
    assert refused_values(line=name).startswith("`line` must be letters")


NUMBERS = [
    path
    for path, value in leaves(EVERY_FIELD).items()
    if isinstance(value, int | float) and not isinstance(value, bool)
]
BOOLEANS = [path for path, value in leaves(EVERY_FIELD).items() if isinstance(value, bool)]
FLOATS = [path for path in NUMBERS if isinstance(leaves(EVERY_FIELD)[path], float)]


def with_value(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    values = copy.deepcopy(EVERY_FIELD)
    section = values
    for key in path[:-1]:
        section = section[key]
    section[path[-1]] = value
    return values


@pytest.mark.parametrize("path", NUMBERS, ids=".".join)
@pytest.mark.parametrize("value", [True, False])
def test_a_boolean_is_no_number(path, value):
    assert refused_values(**with_value(path, value)).startswith(f"`{'.'.join(path)}` must not be a boolean")


@pytest.mark.parametrize("path", BOOLEANS, ids=".".join)
@pytest.mark.parametrize("value", [0, 1, "yes", None])
def test_nothing_else_is_a_boolean(path, value):
    assert (
        refused_values(**with_value(path, value))
        == f"`{'.'.join(path)}` must be true or false but got {'nothing' if value is None else repr(value)}"
    )


@pytest.mark.parametrize("path", FLOATS, ids=".".join)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_are_finite(path, value):
    assert refused_values(**with_value(path, value)) == f"`{'.'.join(path)}` must be a finite number but got {value}"


def test_several_problems_are_one_line():
    message = refused_values(name="../x", training={"epochs": 0, "epcohs": 1}, captions={"strategy": "blip"})
    parts = message.split("; ")
    assert [part.split("`")[1] for part in parts] == ["name", "captions.strategy", "training.epochs", "training.epcohs"]
    assert "c.yaml" not in message


def test_a_long_value_is_cut():
    assert len(refused_values(training={"epochs": ["x" * 100] * 100})) < 300


@pytest.mark.parametrize(("epochs", "grace", "alpha", "fewest"), [(8, 0, 0.05, 8), (8, 7, 0.05, 5), (1, 0, 0.125, 4)])
def test_too_few_prompts_for_the_rule(epochs, grace, alpha, fewest):
    """The smallest p of a sign-flip test of n prompts is 2^-n, and must be below what the last look may spend."""
    looks = epochs - grace
    assert 2.0**-fewest < alpha_of_look(alpha, looks, looks) <= 2.0 ** -(fewest - 1)
    sections = {"training": {"epochs": epochs}, "judge": {"grace": grace, "alpha": alpha}}
    assert parse_config(MINIMAL | sections | {"sampling": {"num_prompts": fewest}}, "test").min_prompts == fewest
    message = refused_values(**sections, sampling={"num_prompts": fewest - 1})
    assert message.startswith(f"`sampling.num_prompts` must be at least {fewest} but got {fewest - 1}: ")


def test_an_absurd_alpha_asks_for_absurdly_many_prompts():
    assert "must be at least 1078" in refused_values(judge={"alpha": 5e-324})


@pytest.mark.parametrize("path", list(leaves(EVERY_FIELD)), ids=".".join)
def test_any_field_can_be_overridden(tmp_path, path):
    value = leaves(EVERY_FIELD)[path]
    base = {"dataset": {"path": "art"}, "model": {"method": "lora"}}
    file = write(tmp_path, yaml.safe_dump(base))
    text = f'"{value}"' if isinstance(value, str) else str(value)
    assert leaves(load_config(file, (f"{'.'.join(path)}={text}",)).resolved())[path] == value


def test_a_color_can_be_set_without_quotes(tmp_path):
    config = load_config(write(tmp_path, "dataset: {path: art}"), ("dataset.background=#102030",))
    assert config.dataset.background == "#102030"


def test_overrides_apply_in_order_and_over_an_empty_section(tmp_path):
    file = write(tmp_path, "dataset: {path: art}\ntraining:\n")
    config = load_config(file, ("training.epochs=3", "training={epochs: 2, batch_size: 1}", "training.epochs=4"))
    assert (config.training.epochs, config.training.batch_size) == (4, 1)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.epochs", "--set training.epochs: must be key=value, e.g. training.epochs=4"),
        ("=4", "--set =4: must be key=value, e.g. training.epochs=4"),
        ("training.epochs=[4", "--set training.epochs=[4: the value must be YAML but is not"),
        ("name.first=4", "--set name.first=4: `name` must be a section but is a field"),
        ("training..epochs=4", "--set training..epochs=4: must be key=value, e.g. training.epochs=4"),
        (".epochs=4", "--set .epochs=4: must be key=value, e.g. training.epochs=4"),
        ("dataset.background=#fff", "`dataset.background` must be a color as '#rrggbb' but got '#fff'"),
        ("nope.epochs=4", "`nope` is not a field of the configuration"),
        ("training.epochs=", "`training.epochs` must be a whole number but got nothing"),
        ("seed=2024-13-45", "--set seed=2024-13-45: the value must be YAML but is not"),
    ],
)
def test_bad_overrides(tmp_path, override, message):
    assert refused(write(tmp_path, "dataset: {path: art}"), override) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must be a mapping of fields but is empty"),
        ("# nothing\n", "must be a mapping of fields but is empty"),
        ("- a\n- b\n", "must be a mapping of fields but is a list"),
        ("just words", "must be a mapping of fields but is a str"),
        ("a: [1", "must be YAML but is not: "),
        ("a:\n\tb: 2", "must be YAML but is not: line 2, column 1: a tab, where YAML wants spaces"),
        ("a: 1\n---\nb: 2", "must be YAML but is not: line 2, column 1: a second document (---), where one is wanted"),
        ("seed: 2024-13-45", "must be YAML but is not: "),
        ("!!python/object/apply:os.system [ls]", "must be YAML but is not: "),
        ("[" * 5000, "must be YAML but is not: it is nested too deeply"),
        (
            "training: {epochs: 1}\nseed: 1\ntraining: {epochs: 2}",
            "must be YAML but is not: line 3, column 1: 'training' stands twice",
        ),
        ("training: {epochs: 1, epochs: 2}", "must be YAML but is not: line 1, column 23: 'epochs' stands twice"),
        ("1: x\ndataset: {path: art}", "`1` must be named by text but got 1"),
    ],
)
def test_files_that_are_no_configuration(tmp_path, text, message):
    assert refused(write(tmp_path, text)).startswith(message)


def test_files_that_cannot_be_read(tmp_path):
    assert refused(tmp_path / "none.yaml") == "must be a YAML configuration but does not exist"
    assert refused(tmp_path) == "must be a YAML configuration but cannot be read: Is a directory"
    (tmp_path / "utf16.yaml").write_text("name: x", encoding="utf-16")
    assert refused(tmp_path / "utf16.yaml") == "must be a YAML configuration but is not UTF-8 text"


def test_yaml_as_people_write_it(tmp_path):
    text = "\ufeffdataset: {path: art}\njudge:\ntraining:\n  learning_rate: 1e-5\n  epochs: 3\n"
    config = load_config(write(tmp_path, text))
    assert (config.training.learning_rate, config.training.epochs, config.judge.patience) == (1e-5, 3, 2)


@pytest.mark.parametrize(
    ("resolution", "grid", "nearest"),
    [
        (192, 24, None),
        (384, 24, None),
        (256, 32, None),
        (512, 32, None),
        (512, 24, "384 or 576"),
        (256, 24, "192 or 384"),
        (96, 24, "192"),
        (384, 32, "256 or 512"),
        (128, 32, "256"),
    ],
)
def test_alignment(resolution, grid, nearest):
    warning = alignment_warning(resolution, grid)
    if nearest is None:
        assert warning is None
    else:
        assert warning is not None
        assert f"{resolution} is not a multiple of 8 x {grid} = {8 * grid}" in warning
        assert warning.endswith(f"size is {nearest}")


def test_content_id_is_of_values_not_of_their_order():
    assert content_id({"a": 1, "b": [1, 2]}) == content_id({"b": [1, 2], "a": 1})
    different = [content_id(x) for x in ({"a": 1}, {"a": 2}, {"a": "1"}, {"b": 1}, [1], None, "é", "e")]
    assert len({content_id("a", "b"), content_id("ab"), *different}) == 10
