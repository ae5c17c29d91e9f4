"""A question for a person: a candidate on new art that is no worse than the champion, which the rule cannot choose.

`lines/<line>/questions/<experiment>.json` is put when it is asked and stays; its answer is a row of `decisions` with
who and why, and, where it is yes, an entry of the champion's history.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict

from pixelpipe.comparison.decision import BY_A_PERSON, ReasonCode
from pixelpipe.errors import AlreadyExistsError
from pixelpipe.keys import line_key
from pixelpipe.lines import Champion, champion, champion_history, move_champion
from pixelpipe.pipeline.outcome import Outcome
from pixelpipe.pipeline.override import record_decline, record_override
from pixelpipe.results.reader import read_table
from pixelpipe.store import Store


class Question(BaseModel):
    """Whether a checkpoint becomes its line's champion."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    line: str
    experiment_id: str
    epoch: int
    champion: str  # <experiment>@<epoch> that it was judged against
    sentence: str  # what the rule said
    asked_by: str  # the flow run that waits for the answer
    asked_at: str  # ISO 8601, UTC

    @property
    def reference(self) -> str:
        return f"{self.experiment_id}@{self.epoch}"


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of an answer."""

    status: str  # promoted, or inconclusive: the champion stays
    reason_code: str
    sentence: str


def asks_a_person(store: Store, line: str, outcome: Outcome) -> bool:
    """Whether an experiment ended with a question that is still of interest: its champion is the line's."""
    if outcome.reason_code != str(ReasonCode.NEW_ART_NON_INFERIOR):
        return False
    current = champion(store, line)
    return current is not None and current.reference == _judged_against(store, outcome)


def ask(store: Store, line: str, outcome: Outcome, asked_by: str) -> Question:
    """Put the question, once; returns the one that is there."""
    question = Question(
        line=line,
        experiment_id=outcome.experiment_id,
        epoch=outcome.epochs,
        champion=_judged_against(store, outcome),
        sentence=outcome.sentence,
        asked_by=asked_by,
        asked_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    key = line_key(line, "questions", f"{outcome.experiment_id}.json")
    try:
        store.put(key, question.model_dump_json(indent=1).encode())
    except AlreadyExistsError:
        return Question.model_validate_json(store.read(key))
    return question


def open_questions(store: Store, line: str) -> list[Question]:
    """Those that nobody has answered and whose champion is still the line's."""
    current = champion(store, line)
    reference = current.reference if current else None
    asked = _questions(store, line)
    return [question for question in asked if question.champion == reference and not _is_answered(store, question)]


def question_of(store: Store, line: str, asked_by: str) -> Question | None:
    """What a flow run asked before it was suspended: it is resumed from its beginning."""
    return next((question for question in _questions(store, line) if question.asked_by == asked_by), None)


def answer(store: Store, question: Question, promote: bool, who: str, why: str) -> Answered:
    """Do what the person says, and record it with who and why; can be repeated, e.g. by a run that was killed in here.

    The champion moves only if it still is the one that the person was asked about.
    """
    if not promote:
        if not _is_answered(store, question):
            record_decline(store, question.experiment_id, question.epoch, who, why)
        return Answered("inconclusive", str(ReasonCode.DECLINED), f"{who} kept {question.champion}: {why}")
    moved = _moved(store, question, who, why)
    if moved is None:
        now = champion(store, question.line)
        assert now is not None, "a line does not lose its champion"
        said = f"{who} chose {question.reference}, but {now.reference} has become the champion since: it stays"
        return Answered("inconclusive", "champion_moved", said)
    if not _is_answered(store, question):
        record_override(store, moved)
    return Answered("promoted", str(ReasonCode.OVERRIDDEN), f"{who} made {question.reference} the champion: {why}")


def _moved(store: Store, question: Question, who: str, why: str) -> Champion | None:
    """The entry of the history that makes it the champion, put now or before; None: another one is."""
    history = champion_history(store, question.line)
    made = next((entry for entry in history if entry.reference == question.reference), None)
    if made is not None or history[-1].reference != question.champion:
        return made
    return move_champion(
        store,
        question.line,
        after=history[-1].sequence,
        experiment_id=question.experiment_id,
        epoch=question.epoch,
        reason=why,
        set_by=who,
    )


def _questions(store: Store, line: str) -> list[Question]:
    keys = [key for key in store.list(line_key(line, "questions")) if key.endswith(".json")]
    return [Question.model_validate_json(store.read(key)) for key in keys]


def _is_answered(store: Store, question: Question) -> bool:
    rows = read_table(store, "decisions", question.experiment_id, columns=["epoch", "reason_code"]).to_pylist()
    return any(row["epoch"] == question.epoch and row["reason_code"] in BY_A_PERSON for row in rows)


def _judged_against(store: Store, outcome: Outcome) -> str:
    """The champion in the last decision, <experiment>@<epoch>."""
    rows = read_table(
        store, "decisions", outcome.experiment_id, columns=["epoch", "champion", "reason_code"]
    ).to_pylist()
    [reference] = [
        row["champion"] for row in rows if row["epoch"] == outcome.epochs and row["reason_code"] not in BY_A_PERSON
    ]
    return reference
