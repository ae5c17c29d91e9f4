"""Deciding again from Parquet alone: every field of every decision, to the last bit."""

import shutil
from datetime import timedelta
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pixelpipe.comparison.decision import DECISION_SCHEMA, BaselineKind, ReasonCode, Verdict
from pixelpipe.errors import BadInputError
from pixelpipe.pipeline.rejudge import rejudge
from pixelpipe.store import Store


def assert_reproduced(store: Store, experiment_id: str):
    """Every column of every epoch; then also with nothing but Parquet in the store."""
    found = rejudge(store, experiment_id)
    for each in found:
        ours, theirs = each.decision.row(), each.stored.row()
        assert ours.keys() == set(DECISION_SCHEMA.names)
        assert {name: repr(value) for name, value in ours.items()} == {k: repr(v) for k, v in theirs.items()}
        assert each.differs_in == []
    bare = Path(store.url).with_name("parquet-alone")
    shutil.rmtree(bare, ignore_errors=True)
    shutil.copytree(Path(store.url) / "results", bare / "results")
    assert rejudge(Store.open(bare), experiment_id) == found
    return [each.decision for each in found]


def test_every_kind_of_run_is_reproduced(painter):
    first = painter.run("first", lambda _: 28)
    assert assert_reproduced(painter.store, first)[-1].reason_code is ReasonCode.FIRST_BASELINE
    worse = assert_reproduced(painter.store, painter.run("worse", lambda _: 42))
    assert [each.verdict for each in worse] == [Verdict.CONTINUE, Verdict.ABANDONED]
    equal = assert_reproduced(painter.store, painter.run("equal", lambda _: 30))
    assert len(equal) == 4
    blank = assert_reproduced(painter.store, painter.run("blank", lambda _: 2))
    assert blank[-1].reason_code is ReasonCode.DEGENERATE
    other = painter.run("more", lambda _: 40, dataset={"repeats": 3})
    assert assert_reproduced(painter.store, other)[-1].baseline_kind is BaselineKind.UNMATCHED
    dear = painter.run("dear", lambda _: 29, budget={"max_usd": 0.01})
    assert assert_reproduced(painter.store, dear)[-1].reason_code is ReasonCode.BUDGET_REACHED


def test_a_confirmed_promotion_is_reproduced_and_the_later_champion_changes_nothing(painter):
    first = painter.run("first", lambda _: 40)
    better = painter.run("better", lambda _: 30, fresh={"candidate": 30, "baseline": 40})
    decisions = assert_reproduced(painter.store, better)
    assert decisions[-1].verdict is Verdict.PROMOTED
    assert decisions[-1].confirmation_p_value < 0.05
    last = painter.run("last", lambda _: 29, fresh={"candidate": 30, "baseline": 30})
    assert assert_reproduced(painter.store, last)[-1].champion == f"{better}@4"
    assert assert_reproduced(painter.store, better)[-1].champion == f"{first}@4"


def test_another_baseline_is_another_question(painter):
    first = painter.run("first", lambda _: 27)
    easy = painter.run("easy", lambda _: 40, judge={"patience": 9})
    candidate = painter.run("candidate", lambda _: 38)
    assert [each.decision.verdict for each in rejudge(painter.store, candidate)] == ["CONTINUE", "ABANDONED"]
    found = rejudge(painter.store, candidate, easy)
    assert {each.decision.baseline for each in found} == {f"{easy}@1", f"{easy}@2"}
    assert [each.decision.verdict for each in found] == ["CONTINUE", "CONTINUE"]
    assert all("verdict" in each.differs_in or each.decision.epoch == 1 for each in found)
    assert [each.decision for each in rejudge(painter.store, candidate, "champion")] == [
        each.stored for each in rejudge(painter.store, candidate)
    ]
    assert rejudge(painter.store, candidate, f"{first}@2")[-1].decision.champion == f"{first}@2"


def test_what_cannot_be_judged_is_refused(painter):
    first = painter.run("first", lambda _: 24)
    with pytest.raises(BadInputError, match="must be another experiment"):
        rejudge(painter.store, first, "champion")
    with pytest.raises(BadInputError, match="must be in the store"):
        rejudge(painter.store, first, "nobody-00000000")
    with pytest.raises(BadInputError, match="has none yet"):
        rejudge(painter.store, "nobody-00000000")


def test_an_epoch_of_the_baseline_that_came_later_is_not_used(painter):
    """The baseline was still being trained: its third epoch did not exist when the candidate's was judged."""
    first = painter.run("first", lambda _: 24)
    candidate = painter.run("candidate", lambda _: 28, judge={"baseline": first})
    path = Path(painter.store.url) / f"results/v1/epochs/{first}/epoch-04-1.parquet"
    rows = pq.read_table(path)
    later = pc.add(rows["committed_at"], timedelta(days=1))
    pq.write_table(rows.set_column(rows.column_names.index("committed_at"), "committed_at", later), path)
    found = rejudge(painter.store, candidate)[-1]
    assert found.decision.baseline == f"{first}@3"
    assert found.stored.baseline == f"{first}@4"
