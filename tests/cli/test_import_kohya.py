import yaml

TRAIN = """\
pretrained_model_name_or_path = "sd15.safetensors"
train_batch_size = 4
max_train_epochs = 8
resolution = 384
caption_extension = ".txt"
train_data_dir = "art"
"""


def test_a_configuration_that_runs(cli, place):
    (place / "train.toml").write_text(TRAIN)
    result = cli("import-kohya", "train.toml", "--to", "out.yaml", "--grid", 32)
    assert (result.exit_code, result.out) == (0, "out.yaml\n")
    said = "train_data_dir = art: has no folders such as 10_name: taken as the folder of sprites itself"
    assert result.err == f"train.toml:6: changed: {said}\n"
    values = yaml.safe_load((place / "out.yaml").read_text())
    assert values["dataset"] == {"grid": 32, "path": "art", "repeats": 1}
    assert cli("import-kohya", "train.toml", "--to", "out.yaml").refused() == (
        "--to out.yaml: exists already; give another file, or --overwrite"
    )
    assert cli("import-kohya", "train.toml", "--to", "out.yaml", "--overwrite").exit_code == 0


def test_stdout_is_the_yaml_alone(cli, place):
    (place / "train.toml").write_text(TRAIN)
    assert yaml.safe_load(cli("import-kohya", "train.toml").out)["training"]["epochs"] == 8


def test_unknown_settings_are_said_and_told_by_the_exit_code(cli, place):
    (place / "train.toml").write_text(TRAIN + "frobnicate = 1\n")
    result = cli("import-kohya", "train.toml")
    assert result.exit_code == 1
    assert "train.toml:7: not known: frobnicate = 1" in result.err


def test_a_configuration_that_is_not_valid_says_why(cli, place):
    (place / "train.toml").write_text(TRAIN.replace("384", "100"))
    result = cli("import-kohya", "train.toml")
    assert result.exit_code == 1
    assert "to be mended: stdout: `training.resolution` must be a multiple of 8" in result.err


def test_what_is_no_file_or_cannot_be_written(cli, place):
    assert cli("import-kohya", "none.toml").refused() == (
        "none.toml: must be a TOML file of sd-scripts but does not exist"
    )
    (place / "train.toml").write_text(TRAIN)
    assert cli("import-kohya", "train.toml", "--to", "no/out.yaml").refused().startswith("no/out.yaml: must be a file")
