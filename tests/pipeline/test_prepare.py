import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pixelpipe.analysis.profile import build_profile
from pixelpipe.config import ExperimentConfig, parse_config
from pixelpipe.data.sprites import upscale
from pixelpipe.errors import BadInputError, ConfigError, DatasetError
from pixelpipe.lines import pin_profile, pin_prompts
from pixelpipe.models.layout import TINY
from pixelpipe.pipeline.prepare import Experiment, prepare
from pixelpipe.sampling.evaluation import Prompt
from pixelpipe.store import Store

NUM_SPRITES = 16


def art(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (24, 24, 3), dtype=np.uint8)


def write_captions(folder: Path, **changed: str) -> None:
    rows = []
    for number in range(NUM_SPRITES):
        name = f"{number:02d}.png"
        rows.append({"file_name": name, "text": changed.get(f"n{number}", f"sprite {number}"), "other": f"o {number}"})
    (folder / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A dataset, and a base of links: replace one, never write into it."""
    folder = tmp_path / "art"
    folder.mkdir()
    for number in range(NUM_SPRITES):
        Image.fromarray(art(number)).save(folder / f"{number:02d}.png")
    write_captions(folder)
    shutil.copytree(TINY, tmp_path / "base", copy_function=os.symlink)
    return tmp_path


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


@pytest.fixture
def make(place: Path) -> Callable[..., ExperimentConfig]:
    def make(**changes: Any) -> ExperimentConfig:
        values: dict[str, Any] = {
            "name": "small",
            "line": "art-24",
            "dataset": {"path": str(place / "art"), "validation_fraction": 0.3},
            "model": {"base": str(place / "base")},
            "sampling": {"num_prompts": 8},
        }
        for key, change in changes.items():
            values[key] = {**values.get(key, {}), **change} if isinstance(change, dict) else change
        return parse_config(values, "test")

    return make


@pytest.fixture
def identity(store: Store, make) -> Callable[..., str]:
    return lambda **changes: prepare(store, make(**changes)).experiment_id


def test_preparing_writes_nothing(place, store, make):
    experiment = prepare(store, make())
    assert isinstance(experiment, Experiment)
    assert experiment.evaluation.eval_set_id
    assert not (place / "store").exists()


def test_the_id_is_the_name_and_8_hex_digits(identity):
    name, _, digits = identity(name="512px-plain").rpartition("-")
    assert name == "512px-plain"
    assert len(digits) == 8
    int(digits, 16)
    assert identity() == identity()


RESULT = [
    {"seed": 8},
    {"line": "other-24"},
    {"dataset": {"background": "#000000"}},
    {"dataset": {"repeats": 2}},
    {"dataset": {"validation_fraction": 0.4}},
    {"captions": {"column": "other"}},
    {"captions": {"trigger": "pxl"}},
    {"captions": {"strategy": "traits", "template": "{other}"}},
    {"captions": {"framing": "figure"}},
    {"captions": {"vlm_prompt": "hair?"}},
    {"captions": {"vlm_max_new_tokens": 5}},
    {"captions": {"strategy": "enhanced"}},
    {"training": {"resolution": 192}},
    {"training": {"epochs": 7}},
    {"training": {"batch_size": 15}},
    {"training": {"learning_rate": 2e-5}},
    {"training": {"weight_decay": 0.02}},
    {"training": {"max_grad_norm": 2.0}},
    {"training": {"caption_dropout": 0.2}},
    {"training": {"mixed_precision": "bf16"}},
    {"training": {"lr_scheduler": "cosine"}},
    {"training": {"lr_warmup_steps": 5}},
    {"training": {"ema_decay": 0.999}},
    {"training": {"min_snr_gamma": 5.0}},
    {"training": {"noise_offset": 0.1}},
    {"training": {"shuffle_tags": True}},
    {"training": {"keep_tokens": 1}},
    {"training": {"tag_dropout": 0.1}},
    {"training": {"horizontal_flips": True}},
    {"model": {"method": "lora"}},
    {"model": {"method": "lora", "rank": 8}},
    {"model": {"method": "lora", "alpha": 8.0}},
    {"model": {"method": "lora", "targets": "attention"}},
    {"sampling": {"num_prompts": 9}},
    {"sampling": {"seeds_per_prompt": 5}},
    {"sampling": {"num_inference_steps": 24}},
    {"sampling": {"guidance_scale": 7.0}},
    {"sampling": {"batch_size": 15}},
    {"sampling": {"confirm_seeds": 5}},
    {"sampling": {"num_prompts": 10, "seeds_per_prompt": 2}},
    {"sampling": {"num_prompts": 10, "seeds_per_prompt": 2, "adaptive": True}},
]
NOT_RESULT = [
    {"judge": {"abandon_margin": 0.2, "alpha": 0.06, "patience": 1, "metric": "unique_colors"}},
    {"budget": {"gpu": "L4", "usd_per_hour": 9.0, "max_usd": 1.0}},
    {"training": {"gradient_accumulation_steps": 4, "gradient_checkpointing": True}},
    {"training": {"num_processes": 2, "compile": "on"}},
    {"model": {"rank": 8, "alpha": 8.0, "targets": "attention"}},  # of an adapter that there is not
]


def test_every_setting_that_changes_the_result_changes_the_id(identity):
    ids = [identity(), *(identity(**change) for change in RESULT)]
    assert len(set(ids)) == len(ids)


def test_every_field_is_known_to_change_the_result_or_not(make):
    """A new field must be put on one of the lists above."""
    listed = {(section, field) for change in RESULT + NOT_RESULT for section, fields in change.items()
              if isinstance(fields, dict) for field in fields}  # fmt: skip
    by_content = {("dataset", "path"), ("model", "base"), ("sampling", "prompts"), ("dataset", "grid")}
    by_content |= {("captions", "table"), ("captions", "vlm"), ("captions", "vlm_batch_size")}
    by_rule = {
        ("judge", "baseline"),
        ("judge", "run_sd"),
        ("judge", "unmatched_margin"),
        ("judge", "promote_margin"),
        ("judge", "grace"),
    }
    resolved = make().resolved()
    fields = {(name, field) for name, section in resolved.items() if isinstance(section, dict) for field in section}
    assert fields == listed | by_content | by_rule


def test_judge_and_budget_do_not(identity):
    assert len({identity(), *(identity(**change) for change in NOT_RESULT)}) == 1


def test_the_name_stands_before_the_digits_and_not_in_them(identity):
    assert identity(name="a").removeprefix("a-") == identity(name="b").removeprefix("b-")


def test_places_and_file_names_do_not(place, identity, monkeypatch):
    before = identity()
    shutil.copytree(place / "art", place / "copy")
    shutil.copytree(place / "base", place / "moved-base")
    assert identity(dataset={"path": str(place / "copy")}, model={"base": str(place / "moved-base")}) == before
    monkeypatch.chdir(place)
    assert identity(dataset={"path": "art"}, model={"base": "base"}) == before
    for number in range(NUM_SPRITES):  # the other way round, as text files, upscaled, in another format
        path = place / "copy" / f"{number:02d}.png"
        path.unlink()
        renamed = place / "copy" / f"x{NUM_SPRITES - number:02d}.bmp"
        Image.fromarray(upscale(art(number), 72)).save(renamed)
        renamed.with_suffix(".txt").write_text(f"sprite {number}\n")
    (place / "copy/metadata.jsonl").unlink()
    assert identity(dataset={"path": str(place / "copy")}) == before


def test_contents_do(place, identity):
    ids = [identity()]
    changed = art(3)
    changed[0, 0, 0] ^= 1
    Image.fromarray(changed).save(place / "art/03.png")
    ids.append(identity())
    write_captions(place / "art", n5="something else")
    ids.append(identity())
    config = place / "base/unet/config.json"
    changed = config.read_text().replace("{", '{"other": 1,', 1)
    config.unlink()
    config.write_text(changed)
    ids.append(identity())
    assert len(set(ids)) == 4


def test_written_prompts_count_by_their_text(place, identity):
    for name, first in (("one", "a"), ("same", "a"), ("other", "b")):
        (place / f"{name}.txt").write_text("\n".join([first, *"cdefghi"]))
    drawn, one, same, other = (identity(), *(
        identity(sampling={"prompts": str(place / f"{name}.txt")}) for name in ("one", "same", "other")
    ))  # fmt: skip
    assert one == same
    assert len({drawn, one, other}) == 3


def test_a_repetition_is_another_experiment(store, make):
    ids = {prepare(store, make(), repetition).experiment_id for repetition in range(3)}
    assert len(ids) == 3


def test_lineage_is_that_of_the_inputs(place, store, make):
    first = prepare(store, make()).lineage
    assert set(first) == {"experiment_id", "line", "dataset_hash", "captions_hash", "config_hash", "base_hash"}
    write_captions(place / "art", n5="something else")
    second = prepare(store, make()).lineage
    differing = {name for name in first if first[name] != second[name]}
    assert differing == {"experiment_id", "captions_hash"}
    third = prepare(store, make(judge={"patience": 3})).lineage
    assert {name for name in first if second[name] != third[name]} == {"config_hash"}


def stored(num: int) -> tuple[Prompt, ...]:
    return tuple(Prompt(prompt_id=f"p{n:03d}", text=f"old {n}", source="x", held_out=True) for n in range(1, num + 1))


def test_candidates_inherit_the_prompts_of_their_line(store, make):
    pin_prompts(store, "art-24", stored(10))
    experiment = prepare(store, make(sampling={"num_prompts": 9}))
    assert experiment.evaluation.prompts == stored(9)
    assert prepare(store, make(line="other-24")).evaluation.prompts[0].text.startswith("sprite ")
    with pytest.raises(
        ConfigError, match=r"`sampling.num_prompts` must be at most 10, the prompts of line art-24, but"
    ):
        prepare(store, make(sampling={"num_prompts": 11}))


def test_a_line_is_not_asked_other_prompts(place, store, make):
    pin_prompts(store, "art-24", stored(10))
    path = place / "prompts.txt"
    path.write_text("\n".join(prompt.text for prompt in stored(10)))
    assert prepare(store, make(sampling={"prompts": str(path)})).evaluation.prompts == stored(8)
    path.write_text("\n".join("abcdefghij"))
    with pytest.raises(
        ConfigError, match=r"`sampling.prompts` must be null or the prompts that line art-24 already has"
    ):
        prepare(store, make(sampling={"prompts": str(path)}))


def test_a_line_has_one_grid(store, make):
    pin_profile(store, "art-24", build_profile(np.zeros((2, 32, 32, 3), np.uint8), "x"))
    with pytest.raises(ConfigError, match=r"`dataset.grid` must be 32, that of line art-24, but got 24"):
        prepare(store, make())


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"dataset": {"path": "nowhere"}}, DatasetError, "nowhere: must be a folder of sprites but is missing"),
        ({"dataset": {"grid": 32}}, DatasetError, r"must be 32x32 px .* but is 24x24 \(and 15 more of 16 files\)"),
        ({"captions": {"column": "none"}}, DatasetError, "must have a text in `none`"),
        ({"sampling": {"num_prompts": 17}}, DatasetError, "has only 16 different captions"),
        (
            {"model": {"base": "./nowhere"}},
            BadInputError,
            "`model.base` must be tiny, a folder, a .safetensors file or a hub id",
        ),
    ],
)
def test_bad_inputs(place, store, make, changes, error, message):
    with pytest.raises(error, match=message):
        prepare(store, make(**changes))
    assert not (place / "store").exists()
