"""Summary figures from elsewhere: what is recorded, and what is refused in one line."""

import pytest

from pixelpipe.lines import champion
from pixelpipe.results.reader import latest_status, read_table
from pixelpipe.store import Store

OPTIONS = {
    "--name": "512px",
    "--line": "art-24",
    "--epoch": "8",
    "--mean": "216.6",
    "--images": "7",
    "--why": "best so far",
}


def given(**changes):
    options = OPTIONS | {f"--{name.replace('_', '-')}": value for name, value in changes.items()}
    return [part for name, value in options.items() if value is not None for part in (name, value)]


def test_options_are_enough(cli, tmp_path):
    extra = ["--clean-rate", "0.4", "--set", "training.resolution=512", "--set", "captions.strategy=simple"]
    done = cli("baseline", "import", *given(), *extra, "--store", tmp_path / "store")
    assert done.exit_code == 0, done.err
    store = Store.open(tmp_path / "store")
    entry = champion(store, "art-24")
    assert entry is not None
    assert (entry.epoch, entry.reason, entry.set_by != "rule") == (8, "best so far", True)
    [epoch] = read_table(store, "epochs", entry.experiment_id).to_pylist()
    assert (epoch["mean_unique_colors"], epoch["clean_rate"], epoch["num_samples"]) == (216.6, 0.4, 7)
    assert (epoch["images_seen"], epoch["train_loss"], epoch["resolution"]) == (None, None, 512)
    [decision] = read_table(store, "decisions", entry.experiment_id).to_pylist()
    assert (decision["overridden_by"], decision["override_reason"]) == (entry.set_by, "best so far")
    assert (decision["reason_code"], latest_status(store, entry.experiment_id)["status"]) == ("declared", "promoted")
    shown = cli("baseline", "show", "--format", "json", "--store", tmp_path / "store")
    assert '"reason": "best so far"' in shown.out


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mean": None}, "--mean: must be given, or a FIGURES.yaml"),
        ({"line": None}, "options: `line` is missing"),
        ({"mean": "-3"}, "options: `figures.0.unique_colors` must be greater than 0 but got -3.0"),
        ({"mean": "nan"}, "options: `figures.0.unique_colors` must be"),
        ({"epoch": "0"}, "options: `figures.0.epoch` must be greater than or equal to 1 but got 0"),
        ({"images": "0"}, "options: `figures.0.images` must be greater than or equal to 1 but got 0"),
        ({"clean_rate": "40"}, "options: `figures.0.clean_rate` must be less than or equal to 1 but got 40.0"),
        ({"name": "../x"}, "options: `name` must be letters, digits"),
        ({"set": "training.resolutoin=512"}, "options: `training.resolutoin` is not a field of the configuration"),
        ({"set": "training.resolution=big"}, "options: `training.resolution` must be a whole number but got 'big'"),
    ],
)
def test_refused_before_anything_is_written(cli, tmp_path, changes, message):
    refused = cli("baseline", "import", *given(**changes), "--store", tmp_path / "store").refused()
    assert refused.startswith(message)
    assert not (tmp_path / "store").exists()


FILES = {
    "missing": (None, "must be a YAML configuration but does not exist"),
    "no figures": ("line: x\n", "`figures` must hold at least one epoch"),
    "no mean": ("line: x\nfigures: [{epoch: 1, images: 7}]\n", "must have `unique_colors` or `effective_colors`"),
    "twice": (
        "line: x\nfigures: [{epoch: 1, images: 7, unique_colors: 9}, {epoch: 1, images: 7, unique_colors: 8}]\n",
        "`figures` must name every epoch once but epoch 1 stands twice",
    ),
    "not a list": ("line: x\nfigures: many\n", "`figures` must be"),
    "binary": ("\0", "must be YAML but is not"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_bad_file_is_one_line(cli, tmp_path, case):
    content, message = FILES[case]
    path = tmp_path / "figures.yaml"
    if content is not None:
        path.write_text(content)
    refused = cli("baseline", "import", path, "--why", "x", "--store", tmp_path / "store").refused()
    assert refused.startswith(f"{path}: ")
    assert message in refused
    assert not (tmp_path / "store").exists()


def test_a_candidate_needs_a_baseline_that_knows_the_same_metric(cli, tmp_path):
    path = tmp_path / "candidate.yaml"
    path.write_text("line: art-24\nfigures: [{epoch: 1, images: 7, effective_colors: 30}]\n")
    lonely = cli("evaluate", "--figures", path, "--store", tmp_path / "store").refused()
    assert lonely.startswith("line art-24 has no champion to judge a candidate against: bring the baseline first")
    cli("baseline", "import", *given(), "--store", tmp_path / "store")
    other = cli("evaluate", "--figures", path, "--store", tmp_path / "store").refused()
    assert other.startswith("`figures` of epoch 1 must have the mean of unique_colors")


def test_a_baseline_from_elsewhere_needs_a_reason(cli, tmp_path):
    path = tmp_path / "figures.yaml"
    path.write_text("line: x\nfigures: [{epoch: 1, images: 7, unique_colors: 9}]\n")
    refused = cli("evaluate", "--figures", path, "--as", "baseline", "--store", tmp_path / "store").refused()
    assert refused == "--why: must be given with --as baseline"
