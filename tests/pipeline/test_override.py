"""A person's decision stands beside the rule's, with who and why, and changes nothing that the rule had said."""

from pixelpipe.comparison.evidence import past_decisions
from pixelpipe.lines import champion, champion_history, move_champion
from pixelpipe.pipeline.override import record_override
from pixelpipe.pipeline.rejudge import rejudge
from pixelpipe.reporting.trajectory import decisions_by_epoch
from pixelpipe.results.reader import read_table


def test_an_override_is_recorded_and_the_rules_row_stays(painter):
    store = painter.store
    first = painter.run("first", lambda _: 27)
    worse = painter.run("worse", lambda _: 42)
    before = past_decisions(read_table(store, "decisions", worse))
    moved = move_champion(store, "art-24", after=1, experiment_id=worse, epoch=2, reason="I like it", set_by="anna")
    said = record_override(store, moved)
    assert said == (
        "Epoch 2 was made the champion by anna (I like it), where the rule had said ABANDONED (worse): promoted."
    )
    rows = [row for row in read_table(store, "decisions", worse).to_pylist() if row["overridden_by"]]
    assert [(row["epoch"], row["verdict"], row["reason_code"]) for row in rows] == [(2, "PROMOTED", "overridden")]
    assert (rows[0]["overridden_by"], rows[0]["override_reason"]) == ("anna", "I like it")
    assert rows[0]["p_value"] == before[-1].p_value
    assert past_decisions(read_table(store, "decisions", worse)) == before
    assert decisions_by_epoch(store, worse)[2].verdict == "ABANDONED"
    assert all(not each.differs_in for each in rejudge(store, worse))
    assert champion(store, "art-24").reference == f"{worse}@2"
    assert [entry.reference for entry in champion_history(store, "art-24")] == [f"{first}@4", f"{worse}@2"]
