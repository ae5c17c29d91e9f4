"""`pixelpipe judge` on a store of the tests of the pipeline: what a person sees, and what a script gets."""

import csv
import io
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pixelpipe.comparison.decision import DECISION_SCHEMA


@pytest.fixture
def judged(painter):
    """(store, candidate): a candidate that was abandoned at its second epoch."""
    painter.run("first", lambda _: 27)
    return painter.store.url, painter.run("candidate", lambda _: 42)


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
