import pytest

from pixelpipe.comparison.difference import (
    FACTOR_NAMES,
    Factor,
    Setting,
    changed_factors,
    confounded,
    factorial_runs,
    unstated_factors,
)
from pixelpipe.config import ExperimentConfig, parse_config
from pixelpipe.elsewhere import parse_elsewhere

HASHES = {"dataset": "a" * 64, "captions": "b" * 64, "base": "c" * 64}


def resolved(**sections):
    return parse_config({"name": "x", "dataset": {"path": "art"}} | sections, "test").resolved()


def names(factors):
    return [factor.name for factor in factors]


def test_the_same_configuration_has_no_factors():
    assert changed_factors(resolved(), resolved(), HASHES, HASHES) == []


@pytest.mark.parametrize(
    "sections",
    [
        {"name": "other"},
        {"line": "other"},
        {"judge": {"alpha": 0.01}},
        {"budget": {"max_usd": 1.0}},
        {"dataset": {"path": "elsewhere"}},
        {"sampling": {"num_prompts": 30, "seeds_per_prompt": 2, "confirm_seeds": 9, "batch_size": 1}},
        {"sampling": {"prompts": "prompts.txt"}},
        {"training": {"resolution": 192}},  # the default, written out
    ],
)
def test_what_makes_no_checkpoint_is_no_factor(sections):
    assert changed_factors(resolved(**sections), resolved(), HASHES, HASHES) == []


@pytest.mark.parametrize(
    ("sections", "factor"),
    [
        ({"seed": 1}, Factor("seed", "1", "1337")),
        ({"training": {"resolution": 384}}, Factor("resolution", "384", "192")),
        ({"training": {"learning_rate": 2e-5}}, Factor("learning rate", "2e-05", "0.0002")),
        ({"training": {"batch_size": 8}}, Factor("batch size", "8", "16")),
        ({"sampling": {"guidance_scale": 5.0}}, Factor("guidance scale", "5", "3")),
        ({"dataset": {"path": "art", "repeats": 4}}, Factor("repeats", "4", "6")),
    ],
)
def test_a_changed_field_is_named_with_both_values(sections, factor):
    assert changed_factors(resolved(**sections), resolved(), HASHES, HASHES) == [factor]


def test_the_seeds_experiment_is_confounded():
    factors = changed_factors(
        resolved(training={"resolution": 256}),
        resolved(training={"resolution": 512}),
        HASHES | {"captions": "f" * 64},
        HASHES,
    )
    assert names(factors) == ["captions", "resolution"]
    assert confounded(factors)
    assert [run.text for run in factorial_runs(factors)] == [
        "captions: bbbbbbbb, resolution: 512 (the baseline)",
        "captions: bbbbbbbb, resolution: 256",
        "captions: ffffffff, resolution: 512",
        "captions: ffffffff, resolution: 256 (the candidate)",
    ]


def test_content_decides_not_its_name():
    renamed = resolved(
        dataset={"path": "art", "repeats": 6},
        model={"base": "/models/tiny"},
        training={"resolution": 192, "learning_rate": 2e-4, "ema_decay": 0.99, "noise_offset": 0.1},
        sampling={"guidance_scale": 3},
    )
    assert changed_factors(renamed, resolved(), HASHES, HASHES) == []
    assert changed_factors(renamed, resolved(), HASHES | {"base": "f" * 64}, HASHES) == [
        Factor("base model", "/models/tiny", "tiny")
    ]
    assert changed_factors(resolved(), resolved(), HASHES | {"base": "f" * 64}, HASHES) == [
        Factor("base model", "ffffffff", "cccccccc")
    ]


def test_another_caption_column_is_the_captions_factor():
    other = resolved(captions={"column": "simple"})
    assert changed_factors(other, resolved(), HASHES, HASHES) == []
    assert changed_factors(other, resolved(), HASHES | {"captions": "f" * 64}, HASHES) == [
        Factor("captions", "simple", "text")
    ]


def test_a_field_that_one_side_does_not_know():
    older = resolved()
    del older["training"]["caption_dropout"]
    (factor,) = changed_factors(resolved(), older, HASHES, HASHES)
    assert str(factor) == "caption dropout: 0.1 (baseline: not set)"


@pytest.mark.parametrize(
    ("count", "rows", "exist"), [(0, 0, 0), (1, 0, 0), (2, 4, 2), (3, 8, 2), (4, 16, 2), (5, 5, 0)]
)
def test_factorial_has_every_combination_once(count, rows, exist):
    factors = [Factor(f"f{index}", "new", "old", (Setting(f"f{index}", "new", "old"),)) for index in range(count)]
    runs = factorial_runs(factors)
    assert len(set(runs)) == len(runs) == rows
    assert sum(run.exists for run in runs) == exist
    assert confounded(factors) == (count > 1)


def test_a_run_of_the_factorial_is_a_command_on_the_baselines_configuration():
    baseline = resolved(training={"resolution": 512}, captions={"column": "simple"})
    candidate = resolved(training={"resolution": 256}, captions={"column": "detailed"})
    factors = changed_factors(candidate, baseline, HASHES | {"captions": "f" * 64}, HASHES)
    commands = {run.overrides: run.exists for run in factorial_runs(factors)}
    assert commands == {
        (): True,
        ("training.resolution=256",): False,
        ("captions.column=detailed",): False,
        ("captions.column=detailed", "training.resolution=256"): True,
    }


def test_what_no_field_says_has_no_command():
    """The captions of one folder changed in place: no command brings the old ones back."""
    factors = changed_factors(resolved(seed=7), resolved(), HASHES | {"captions": "f" * 64}, HASHES)
    assert [run.overrides for run in factorial_runs(factors)] == [(), ("seed=7",), None, None]


def test_another_folder_is_how_other_art_is_named():
    moved = resolved(dataset={"path": "new-art"}, seed=7)
    hashes = HASHES | {"dataset": "d" * 64, "captions": "f" * 64}
    settings = {factor.name: factor.settings for factor in changed_factors(moved, resolved(), hashes, HASHES)}
    [place] = settings["dataset"]
    assert (place.key, place.candidate.endswith("/new-art")) == ("dataset.path", True)
    assert settings["captions"] == ()  # they come with the folder: neither can be changed alone


def elsewhere(**stated):
    figures = [{"epoch": 1, "images": 7, "unique_colors": 200}]
    values = {"origin": "figures", "name": "x", "line": "x", "figures": figures}
    return parse_elsewhere(values | stated, "test").stated()


UNKNOWN = {"dataset": None, "captions": None, "base": None}


def test_of_what_was_trained_elsewhere_only_what_both_state_can_differ():
    ours = elsewhere(training={"resolution": 256, "epochs": 8}, captions={"strategy": "enhanced"}, seed=1)
    theirs = elsewhere(training={"resolution": 512}, captions={"strategy": "simple"}, model={"base": "sd15"})
    factors = changed_factors(ours, theirs, UNKNOWN, UNKNOWN)
    assert factors == [Factor("caption strategy", "enhanced", "simple"), Factor("resolution", "256", "512")]
    assert unstated_factors(ours, theirs) == ["seed", "base model"]
    against_ours = changed_factors(ours, resolved(seed=1), UNKNOWN, HASHES)
    assert names(against_ours) == ["caption strategy", "resolution"]
    assert "learning rate" in unstated_factors(ours, resolved())
    assert unstated_factors(resolved(seed=1), resolved()) == []


def test_every_named_field_exists():
    for path in FACTOR_NAMES:
        model = ExperimentConfig
        for field in path:
            annotation = model.model_fields[field].annotation
            model = annotation if isinstance(annotation, type) else model
