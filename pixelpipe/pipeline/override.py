"""A person's decision against the rule's, or where it asked for one: recorded beside it, with who and why."""

from datetime import UTC, datetime

from pixelpipe.comparison.decision import BY_A_PERSON, ReasonCode, Verdict
from pixelpipe.keys import epoch_stem
from pixelpipe.lines import Champion
from pixelpipe.results.reader import read_table
from pixelpipe.results.writer import table_of, write_rows
from pixelpipe.store import Store


def record_override(store: Store, champion: Champion) -> str:
    """A person made this the champion: append that to `decisions`. Returns the sentence.

    The rule's own row stays. Streaks, reports and `judge` go by that one.
    """
    said = f"was made the champion by {champion.set_by} ({champion.reason})"
    changes = {"verdict": str(Verdict.PROMOTED), "reason_code": str(ReasonCode.OVERRIDDEN)}
    changes |= {"overridden_by": champion.set_by, "override_reason": champion.reason}
    suffix = f"override{champion.sequence:06d}"
    return _record(store, champion.experiment_id, champion.epoch, said, "promoted", changes, suffix)


def record_decline(store: Store, experiment_id: str, epoch: int, who: str, why: str) -> str:
    """A person was asked and kept the champion: append that to `decisions`. Returns the sentence."""
    said = f"was not made the champion by {who} ({why})"
    changes = {"reason_code": str(ReasonCode.DECLINED), "overridden_by": who, "override_reason": why}
    return _record(store, experiment_id, epoch, said, "the champion stays", changes, "declined")


def _record(
    store: Store, experiment_id: str, epoch: int, said: str, ending: str, changes: dict[str, str], suffix: str
) -> str:
    """The rule's row about that epoch with these changes."""
    rows = read_table(store, "decisions", experiment_id).to_pylist()
    [rule] = [row for row in rows if row["epoch"] == epoch and row["reason_code"] not in BY_A_PERSON]
    sentence = f"Epoch {epoch} {said}, where the rule had said {rule['verdict']} ({rule['reason_code']}): {ending}."
    row = rule | changes | {"sentence": sentence, "decided_at": datetime.now(UTC)}
    write_rows(
        store, "decisions", experiment_id, epoch_stem(epoch, rule["attempt"], suffix), table_of("decisions", [row])
    )
    return sentence
