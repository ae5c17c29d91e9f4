"""A person's decision against the rule's: recorded beside it, with who and why."""

from datetime import UTC, datetime

from pixelpipe.comparison.decision import ReasonCode, Verdict
from pixelpipe.keys import epoch_stem
from pixelpipe.lines import Champion
from pixelpipe.results.reader import read_table
from pixelpipe.results.writer import table_of, write_rows
from pixelpipe.store import Store


def record_override(store: Store, champion: Champion) -> str:
    """Append a row to `decisions`: the rule's about that epoch, but for its verdict. Returns the sentence.

    The rule's own row stays. Streaks, reports and `judge` go by that one.
    """
    rows = read_table(store, "decisions", champion.experiment_id).to_pylist()
    [rule] = [
        row for row in rows if row["epoch"] == champion.epoch and row["reason_code"] != str(ReasonCode.OVERRIDDEN)
    ]
    said = (
        f"Epoch {champion.epoch} was made the champion by {champion.set_by} ({champion.reason}), "
        f"where the rule had said {rule['verdict']} ({rule['reason_code']}): promoted."
    )
    row = rule | {
        "verdict": str(Verdict.PROMOTED),
        "reason_code": str(ReasonCode.OVERRIDDEN),
        "sentence": said,
        "decided_at": datetime.now(UTC),
        "overridden_by": champion.set_by,
        "override_reason": champion.reason,
    }
    stem = epoch_stem(champion.epoch, rule["attempt"], f"override{champion.sequence:06d}")
    write_rows(store, "decisions", champion.experiment_id, stem, table_of("decisions", [row]))
    return said
