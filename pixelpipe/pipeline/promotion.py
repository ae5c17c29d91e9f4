"""The rule's own promotion: the champion moves to a checkpoint that was confirmed against it. No torch."""

from pixelpipe.comparison.decision import Decision
from pixelpipe.lines import champion_history, move_champion
from pixelpipe.store import Store


def promote(store: Store, line: str, decision: Decision) -> bool:
    """Make the decision's checkpoint the line's champion; False where another one is than that which it beat.

    Can be repeated: what is, or has been, the champion by this decision is not made it again.
    """
    history = champion_history(store, line)
    reference = f"{decision.experiment_id}@{decision.epoch}"
    if any(entry.reference == reference for entry in history):
        return True
    if history and history[-1].reference != decision.champion:
        return False
    moved = move_champion(
        store,
        line,
        after=history[-1].sequence if history else 0,
        experiment_id=decision.experiment_id,
        epoch=decision.epoch,
        reason=str(decision.reason_code),
        set_by="rule",
    )
    return moved is not None
