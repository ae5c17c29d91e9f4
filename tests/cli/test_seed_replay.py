"""The seed's verdict, replayed: its figures are all that is known, and the rule says what it says of them."""

import shutil
import subprocess
from pathlib import Path

import pytest

from pixelpipe.lines import champion
from pixelpipe.pipeline.rejudge import rejudge
from pixelpipe.results.reader import list_experiments, read_table
from pixelpipe.store import Store

EXAMPLE = Path(__file__).parents[2] / "examples/seed-replay"


@pytest.fixture(scope="module")
def replayed_once(tmp_path_factory):
    """Where the store is put once it is made."""
    return tmp_path_factory.mktemp("replayed") / "store"


@pytest.fixture
def replayed(cli, replayed_once, tmp_path):
    """The store after the two commands of the example."""
    if not replayed_once.exists():
        place = ("--store", replayed_once)
        baseline = cli("baseline", "import", EXAMPLE / "baseline.yaml", "--why", "the best of ten", *place)
        candidate = cli("evaluate", "--figures", EXAMPLE / "candidate.yaml", *place)
        assert (baseline.exit_code, candidate.exit_code) == (0, 0), baseline.err + candidate.err
    return Store.open(shutil.copytree(replayed_once, tmp_path / "store"))


def the_candidate(store):
    return next(row for row in list_experiments(store) if row["name"] == "256px-enhanced-captions")


def test_it_is_abandoned_by_its_summary_baseline(replayed):
    candidate = the_candidate(replayed)
    assert (candidate["status"], candidate["reason_code"]) == ("abandoned", "summary_baseline")
    rows = read_table(replayed, "decisions", candidate["experiment_id"]).to_pylist()
    assert [row["verdict"] for row in rows] == ["CONTINUE", "ABANDONED", "ABANDONED"]
    assert {row["p_value"] for row in rows} == {None}
    entry = champion(replayed, "portraits-24")
    assert entry is not None
    assert (entry.epoch, entry.reason) == (8, "the best of ten")


def test_the_document_reads_as_the_seeds_with_the_caveats_that_it_lacks(replayed):
    document = replayed.read(f"experiments/{the_candidate(replayed)['experiment_id']}/verdict.md").decode()
    assert "| 216.6 | 395.7 - 449.7 | +83% to +108% WORSE |" in document
    assert "**Status:** ABANDONED (`summary_baseline`)" in document
    for caveat in (
        "2 factors changed at once: this experiment cannot tell which of them is to blame",
        "Unmatched epochs: epochs 1-3 of this experiment were compared with epoch 8",
        "Few images: the means are over 7 an epoch",
        "no p-value is claimed",
        "Unique colors mostly count noise",
        "the rule would have stopped it after epoch 2",
        "The other 5 epochs of the plan would have cost about $2.50",
    ):
        assert caveat in document
    assert "pixelpipe run CONFIG.yaml --set training.resolution=256\n" in document
    assert "pixelpipe run CONFIG.yaml --set captions.strategy=enhanced\n" in document
    assert "contact_sheet" not in document  # there is no image


def test_the_script_is_the_two_commands(tmp_path):
    script = (EXAMPLE / "replay.sh").read_text()
    assert subprocess.run(["sh", "-n", EXAMPLE / "replay.sh"], check=False).returncode == 0
    assert 'pixelpipe baseline import "$here/baseline.yaml"' in script
    assert 'pixelpipe evaluate --figures "$here/candidate.yaml"' in script


def test_again_changes_nothing_and_an_epoch_more_is_judged(replayed, cli, tmp_path):
    before = replayed.list("results")
    again = cli("evaluate", "--figures", EXAMPLE / "candidate.yaml", "--store", replayed.url)
    assert (again.exit_code, replayed.list("results")) == (0, before)
    assert "ABANDONED after epoch 3" in again.out
    longer = tmp_path / "candidate.yaml"
    longer.write_text(
        (EXAMPLE / "candidate.yaml")
        .read_text()
        .replace("figures:\n", "figures:\n  - {epoch: 4, images: 7, unique_colors: 200.0}\n")
    )
    more = cli("evaluate", "--figures", longer, "--store", replayed.url)
    assert "256px-enhanced-captions" in more.out
    assert [
        row["epoch"] for row in read_table(replayed, "epochs", the_candidate(replayed)["experiment_id"]).to_pylist()
    ] == [
        1,
        2,
        3,
        4,
    ]
    assert the_candidate(replayed)["status"] == "running"  # four epochs of the plan are still to come


def test_judging_it_again_from_parquet_gives_the_same_decisions(replayed):
    again = rejudge(replayed, the_candidate(replayed)["experiment_id"])
    assert [decided.differs_in for decided in again] == [[], [], []]


def test_what_was_judged_stays(replayed, cli, tmp_path):
    changed = tmp_path / "candidate.yaml"
    changed.write_text((EXAMPLE / "candidate.yaml").read_text().replace("421.0", "221.0"))
    refused = cli("evaluate", "--figures", changed, "--store", replayed.url).refused()
    assert refused.startswith("`figures` of epoch 2 differ from what the store has of 256px-enhanced-captions-")
