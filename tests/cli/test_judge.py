"""`pixelpipe judge` on a store of the tests of the pipeline: what a person sees, and what a script gets."""

import csv
import io
import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pixelpipe.comparison.decision import DECISION_SCHEMA
from tests.conftest import make_painter


@pytest.fixture(scope="module")
def judged_once(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        painter = make_painter(tmp_path_factory.mktemp("judged"), patch)
        painter.run("first", lambda _: 27)
        return painter.store.url, painter.run("candidate", lambda _: 42)


@pytest.fixture
def judged(judged_once, tmp_path):
    """(store, candidate): a candidate that was abandoned at its second epoch."""
    store, candidate = judged_once
    return str(shutil.copytree(store, tmp_path / "judged")), candidate


def test_a_person_reads_each_epoch_and_that_the_record_holds(cli, judged):
    store, candidate = judged
    before = sorted(Path(store).rglob("*"))
    result = cli("judge", "candidate", "--store", store)
    assert result.exit_code == 0
    lines = [line.split() for line in result.out.splitlines()]
    assert lines[0][:3] == ["epoch", "verdict", "reason_code"]
    assert [line[:3] for line in lines[1:]] == [["1", "CONTINUE", "patience"], ["2", "ABANDONED", "worse"]]
    assert "the same" in result.out
    assert "abandoned." in result.err
    assert "2 epochs: every figure is as stored, to the last bit" in result.err
    assert sorted(Path(store).rglob("*")) == before
    assert candidate.startswith("candidate-")


def test_a_script_gets_every_column(cli, judged):
    store, candidate = judged
    records = [
        json.loads(line) for line in cli("judge", candidate, "--store", store, "--format", "json").out.splitlines()
    ]
    assert set(DECISION_SCHEMA.names) < set(records[0])
    assert [(each["equals_stored"], each["stored_verdict"]) for each in records] == [
        (True, "CONTINUE"),
        (True, "ABANDONED"),
    ]
    rows = list(csv.DictReader(io.StringIO(cli("judge", candidate, "--store", store, "--format", "csv").out)))
    assert [row["differs_in"] for row in rows] == ["", ""]


def test_a_record_that_does_not_hold_is_said_and_is_exit_code_1(cli, judged):
    store, candidate = judged
    path = Path(store) / f"results/v1/samples/{candidate}/epoch-02-1.parquet"
    rows = pq.read_table(path)
    at = rows.column_names.index("effective_colors")
    pq.write_table(rows.set_column(at, "effective_colors", [[9, *rows["effective_colors"].to_pylist()[1:]]]), path)
    result = cli("judge", candidate, "--store", store)
    assert result.exit_code == 1
    assert "NOT as stored" in result.err
    assert "p_value" in result.err or "candidate_mean" in result.err


def test_another_baseline(cli, judged):
    store, candidate = judged
    result = cli("judge", candidate, "--baseline", "first@3", "--store", store)
    assert result.exit_code == 0
    assert "against another baseline" in result.err
    assert cli("judge", "first", "--baseline", "champion", "--store", store).refused().startswith("--baseline must be")
    refusal = cli("judge", candidate, "--baseline", "first@9", "--store", store).refused()
    assert refusal.startswith("`judge.baseline` first-")


def test_a_plan_is_simulated_without_a_store(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = ["--set", "training.epochs=3", "--set", "sampling.num_prompts=12", "--runs", 10, "--format", "json"]
    result = cli("judge", "--simulate", *flags)
    assert result.exit_code == 0
    records = list(map(json.loads, result.out.splitlines()))
    assert [row["evaluation"] for row in records] == ["whole"] * 6 + ["adaptive"] * 6
    assert all(row["pictures"] == 1.0 for row in records[:6])
    assert all(0.25 <= row["pictures"] < 1.0 for row in records[6:])
    assert records[7]["saved_net"] > records[1]["saved_net"]
    rows = {row["true_difference"]: row for row in records}
    assert list(rows) == ["-15%", "+0%", "+10%", "+20%", "+40%", "+60%"]
    assert rows["+0%"]["abandoned"] == 0
    assert rows["+60%"]["abandoned"] >= 0.9
    assert rows["+60%"]["usd_saved"] is None
    assert Path("simulation.png").read_bytes().startswith(b"\x89PNG")
    assert not Path("pixelpipe-store").exists()
    assert "3 epochs, 12 prompts x 4 seeds" in result.err
    assert "default: SD1.5 fine-tunes" in result.err
    assert "the first look sees a difference of +" in result.err
    assert "dollars are not known" in result.err


def test_a_plan_of_a_line_with_experiments_uses_its_own_variances_and_prices(cli, painter, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    painter.run("first", lambda _: 30)
    painter.run("second", lambda _: 36)
    (tmp_path / "plan.yaml").write_text("line: art-24\ndataset: {path: art}\nsampling: {num_prompts: 8}\n")
    result = cli("judge", "plan.yaml", "--simulate", "--runs", 10, "--store", painter.store.url, "--plot", "p.png")
    assert result.exit_code == 0
    assert "deviation of image 0.0" in result.err
    assert "(measured: 2 experiments of line art-24)" in result.err
    assert "epochs of line art-24)" in result.err
    assert "dollars are not known" not in result.err
    assert (tmp_path / "p.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["judge"], "CANDIDATE must name an experiment"),
        (["judge", "--simulate", "nowhere.yaml"], "nowhere.yaml: must be a YAML configuration but does not exist"),
        (["judge", "--simulate", "--set", "training.epochs=0"], "--set: `training.epochs` must be "),
        (
            ["judge", "--simulate", "--set", "sampling.num_prompts=2"],
            "--set: `sampling.num_prompts` must be at least 8",
        ),
        (["judge", "--simulate", "--plot", "nowhere/x.png"], "--plot nowhere/x.png: must be in a folder that exists"),
    ],
)
def test_a_plan_that_cannot_be_is_one_line(cli, place, arguments, message):
    assert cli(*arguments).refused().startswith(message)
    assert sorted(path.name for path in place.iterdir()) == ["art", "base", "config.yaml"]
