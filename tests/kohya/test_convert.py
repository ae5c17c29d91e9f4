"""sd-scripts' settings and what becomes of each."""

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pixelpipe.config import ExperimentConfig, parse_config
from pixelpipe.errors import ConfigError
from pixelpipe.kohya.conversion import Conversion
from pixelpipe.kohya.convert import convert
from pixelpipe.kohya.counterparts import ANYWAY, DERIVED, FIELDS, MISSING
from pixelpipe.kohya.read import read_kohya
from pixelpipe.kohya.report import note_lines, yaml_text

Convert = Callable[..., Conversion]
BASE = 'pretrained_model_name_or_path = "sd15.safetensors"\nresolution = 384\ntrain_batch_size = 4\n'


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Three sprites in `10_hero`, one in `5_villain`."""
    for name in ("10_hero/1", "10_hero/2", "10_hero/3", "5_villain/1"):
        path = tmp_path / f"img/{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (24, 24)).save(path)
    return tmp_path / "img"


@pytest.fixture
def made(tmp_path: Path) -> Convert:
    """The conversion of a TOML text; other files by name."""

    def make(text: str, **others: str) -> Conversion:
        for name, content in (others | {"train": text}).items():
            (tmp_path / f"{name}.toml").write_text(textwrap.dedent(content))
        path = tmp_path / "train.toml"
        return convert(read_kohya(path), 24, path)

    return make


def noted(conversion: Conversion, kind: str) -> str:
    return "\n".join(note.text for note in conversion.notes if note.kind == kind)


def config_of(conversion: Conversion) -> ExperimentConfig:
    return parse_config({"name": "x"} | conversion.values, "test")


def test_a_lora_of_the_usual_kind(made, images):
    conversion = made(f"""
        [model]
        pretrained_model_name_or_path = "models\\\\sd15.safetensors"
        [network]
        network_module = "networks.lora"
        network_dim = 32
        network_alpha = 16
        network_train_unet_only = true
        [training]
        train_data_dir = "{images / "10_hero"}"
        dataset_repeats = 10
        max_train_epochs = 8
        train_batch_size = 4
        gradient_accumulation_steps = 2
        unet_lr = 2e-4
        lr_scheduler = "cosine"
        lr_warmup_steps = 10
        optimizer_type = "AdamW"
        optimizer_args = ["weight_decay=0.1"]
        resolution = "384,384"
        mixed_precision = "bf16"
        seed = 42
        output_name = "my hero"
        min_snr_gamma = 5
        noise_offset = 0.05
        gradient_checkpointing = true
        shuffle_caption = true
        keep_tokens = 1
        caption_dropout_rate = 0.05
        caption_tag_dropout_rate = 0.2
        caption_extension = ".txt"
        flip_aug = true
        max_grad_norm = 0.5
        validation_split = 0.2
    """)  # fmt: skip
    config = config_of(conversion)
    assert (config.name, config.seed) == ("my-hero", 42)
    assert config.model.model_dump() == {
        "base": "models/sd15.safetensors", "method": "lora", "rank": 32, "alpha": 16.0,
        "targets": "attention+feed_forward",
    }  # fmt: skip
    assert (config.dataset.path, config.dataset.repeats) == (images / "10_hero", 10)
    assert config.dataset.validation_fraction == 0.2
    wanted: dict[str, Any] = {
        "resolution": 384, "epochs": 8, "batch_size": 8, "gradient_accumulation_steps": 2, "learning_rate": 2e-4,
        "lr_scheduler": "cosine", "lr_warmup_steps": 10, "weight_decay": 0.1, "max_grad_norm": 0.5,
        "min_snr_gamma": 5.0, "noise_offset": 0.05, "caption_dropout": 0.05, "shuffle_tags": True, "keep_tokens": 1,
        "tag_dropout": 0.2, "horizontal_flips": True, "mixed_precision": "bf16", "gradient_checkpointing": True,
    }  # fmt: skip
    assert {name: getattr(config.training, name) for name in wanted} == wanted
    assert noted(conversion, "missing") == noted(conversion, "unknown") == ""


def test_full_training_has_no_adapter(made):
    conversion = made(BASE + "network_dim = 8\nmax_train_epochs = 2\n")
    assert conversion.values["model"] == {"base": "sd15.safetensors", "method": "full"}
    assert "network_dim = 8: without network_module every weight is trained" in noted(conversion, "missing")


def test_sd_scripts_own_defaults_of_rank_and_alpha(made):
    """Rank 4 and alpha 1 where nothing is said: another alpha than pixelpipe's."""
    values = made(BASE + 'network_module = "networks.lora"\n').values["model"]
    assert (values["rank"], values["alpha"]) == (4, 1.0)


def test_folders_with_repeats_in_their_names(made, images):
    conversion = made(BASE + f'train_data_dir = "{images}"\nmax_train_steps = 100\n')
    assert conversion.values["dataset"] == {"grid": 24, "path": str(images), "repeats": 5}
    assert "2 folders (10_hero x 10, 5_villain x 5) become one dataset" in noted(conversion, "missing")
    assert conversion.values["training"]["epochs"] == 20  # 100 steps of 4 images, 4 sprites x 5 an epoch
    assert "about 20 epochs of 20 images" in noted(conversion, "changed")


def test_one_folder_with_repeats_in_its_name(made, images):
    (images / "5_villain").rename(images.parent / "elsewhere")
    conversion = made(BASE + f'train_data_dir = "{images}"\nmax_train_epochs = 3\ncaption_extension = ".txt"\n')
    assert conversion.values["dataset"] == {"grid": 24, "path": str(images / "10_hero"), "repeats": 10}
    assert noted(conversion, "missing") == ""


def test_a_dataset_config_beside_the_training_config(made, images):
    conversion = made(
        'pretrained_model_name_or_path = "sd15"\ndataset_config = "data.toml"\nmax_train_epochs = 4\n',
        data=f"""
            [general]
            shuffle_caption = true
            keep_tokens = 1
            caption_extension = ".txt"
            [[datasets]]
            resolution = [384, 384]
            batch_size = 16
            keep_tokens = 2
              [[datasets.subsets]]
              image_dir = "{images / "10_hero"}"
              num_repeats = 3
              keep_tokens = 3
        """,
    )
    training = conversion.values["training"]
    assert (training["batch_size"], training["resolution"], training["keep_tokens"]) == (16, 384, 3)
    assert training["shuffle_tags"] is True
    assert conversion.values["dataset"] == {"grid": 24, "path": str(images / "10_hero"), "repeats": 3}
    assert noted(conversion, "missing") == ""


def test_a_dataset_config_alone_with_subsets_that_differ(made, images):
    conversion = made(f"""
        [[datasets]]
        resolution = 384
          [[datasets.subsets]]
          image_dir = "{images / "10_hero"}"
          flip_aug = true
          [[datasets.subsets]]
          image_dir = "{images / "5_villain"}"
          flip_aug = false
          [[datasets.subsets]]
          image_dir = "regularization"
          is_reg = true
    """)
    assert conversion.values["dataset"]["path"] == str(images)
    assert conversion.values["training"]["horizontal_flips"] is True
    assert "flip_aug = False: True is used" in noted(conversion, "changed")
    assert "there are no regularization images" in noted(conversion, "missing")
    assert "model.base must be given" in noted(conversion, "missing")


@pytest.mark.parametrize(
    ("line", "kind", "said"),
    [
        ("frobnicate = 3", "unknown", "frobnicate = 3: not a setting that pixelpipe knows of sd-scripts"),
        ("clip_skip = 2", "missing", "clip_skip = 2: the last layer of the text encoder is used"),
        ("text_encoder_lr = 5e-5", "missing", "the text encoder is not trained"),
        ('optimizer_type = "Prodigy"', "changed", "AdamW, which sets its own learning rate"),
        ('lr_scheduler = "polynomial"', "changed", "cosine, which comes nearest"),
        ("lr_warmup_steps = 0.1", "missing", "a share of all steps"),
        ('resolution = "512,768"', "changed", "768 x 768: sprites are square"),
        ('network_module = "lycoris.kohya"', "changed", "a plain LoRA is trained instead"),
        ("xformers = true", "anyway", "attention is PyTorch's own fused one"),
        ('optimizer_args = ["betas=0.9,0.99"]', "missing", "betas cannot be set"),
        ('caption_extension = ".caption"', "missing", "captions must be .txt files beside the images"),
        ('pretrained_model_name_or_path = "x.ckpt"', "missing", "a pickle is never opened"),
    ],
)
def test_what_becomes_of_a_setting(made, images, line, kind, said):
    lines = {text.partition(" =")[0]: text for text in [*BASE.splitlines(), f'train_data_dir = "{images}"', line]}
    conversion = made("\n".join(lines.values()))
    assert said in noted(conversion, kind)


def test_what_is_off_is_not_missed(made):
    assert "color_aug" not in noted(made(BASE + "color_aug = false\n"), "missing")
    assert "clip_skip" not in noted(made(BASE + "clip_skip = 1\n"), "missing")


def test_every_line_says_where_it_stands(made, tmp_path):
    lines = list(note_lines(made("\n# a comment\nclip_skip = 2\n" + BASE + "frobnicate = 3\n")))
    assert lines[0].startswith(f"{tmp_path}/train.toml:7: not known: frobnicate = 3: ")
    assert any(line.startswith(f"{tmp_path}/train.toml:3: no counterpart: clip_skip = 2: ") for line in lines)
    assert lines == sorted(lines, key=lambda line: ["not known", "no counterpart", "changed", "needs no"].index(
        next(word for word in ("not known", "no counterpart", "changed", "needs no") if f": {word}" in line)
    ))  # fmt: skip


def test_no_setting_has_two_counterparts():
    tables = (FIELDS, DERIVED, ANYWAY, MISSING)
    assert len(set().union(*tables)) == sum(map(len, tables))


def test_every_counterpart_is_a_field():
    for path in FIELDS.values():
        section, _, name = path.rpartition(".")
        model = ExperimentConfig.model_fields[section].annotation if section else ExperimentConfig
        assert name in model.model_fields  # type: ignore[union-attr]


def test_the_documents_table_is_the_code():
    document = (Path(__file__).parents[2] / "docs/coming-from-kohya.md").read_text()
    for key, field in (FIELDS | DERIVED).items():
        assert f"| `{key}` | `{field}` |" in document or f"| `{key}` | {field} |" in document, key
    for key, said in (ANYWAY | MISSING).items():
        if said:
            assert f"`{key}`" in document, key
            assert said in document, said


def test_the_yaml_reads_back(made, tmp_path):
    import yaml

    conversion = made(BASE + "max_train_epochs = 2\n")
    assert yaml.safe_load(yaml_text(conversion, tmp_path / "train.toml")) == conversion.values


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = ", "must be TOML but is not: "),
        ("datasets = 3", "datasets must be tables ([[datasets]]) but is not"),
        ("general = 3", "general must be a section but is not"),
        ('train_batch_size = "4x"', "train.toml:1: train_batch_size must be of numbers but is 4x"),
        ("max_train_steps = 1.5", "train.toml:1: max_train_steps must be a whole number but is 1.5"),
        ("train_batch_size = true", "train.toml:1: train_batch_size must be of numbers but is True"),
        ('resolution = "big"', "train.toml:1: resolution must be of numbers but is big"),
        ("learning_rate = nan", "train.toml:1: learning_rate must be of numbers but is nan"),
        ('optimizer_args = ["weight_decay=x"]', "train.toml:1: optimizer_args must be of numbers but is "),
        ('train_data_dir = "~nobody-of-that-name/x"', "train_data_dir must begin with the home of a user that exists"),
        ('dataset_config = "none.toml"', "none.toml: must be a TOML file of sd-scripts but does not exist"),
    ],
)  # fmt: skip
def test_what_is_no_config(made, text, message):
    with pytest.raises(ConfigError) as error:
        made(text)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
