"""Retraining on a schedule: what is new, and a question for a person. Nothing here needs torch."""

import base64
from enum import StrEnum
from pathlib import Path

from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.input import RunInput
from pydantic import ConfigDict, Field

from pixelpipe.pipeline.news import News, find_news
from pixelpipe.pipeline.question import Answered, Question, answer
from pixelpipe.reporting.epoch_sheet import epoch_sheet
from pixelpipe.store import Store
from tasks.announcement import artifact_key


class Choice(StrEnum):
    """What the form offers."""

    KEEP = "keep the champion"
    PROMOTE = "promote the candidate"


class Answer(RunInput):
    """The form of a run that waits for a person."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    decision: Choice = Field(
        title="Decision", description="The candidate becomes the line's champion, or nothing changes."
    )
    who: str = Field(title="Your name", min_length=1, max_length=80, description="Recorded with the decision.")
    why: str = Field(title="Why", min_length=1, max_length=500, description="Recorded with the decision.")


@task(name="look for news", task_run_name="look for news", cache_policy=NO_CACHE)
def look_for_news(store: Store, line: str, dataset: Path | None) -> News:
    """Hash dataset, captions, base and code, and show them beside the champion's."""
    news = find_news(store, line, dataset)
    rows = [
        {
            "what": name,
            "the champion's": _short(before),
            "now": _short(now),
            "new": "yes" if name in news.changed else "no",
        }
        for name, (before, now) in news.hashes.items()
    ]
    create_table_artifact(table=rows, key=artifact_key("news", line), description=news.sentence)
    return news


def form_of(store: Store, question: Question) -> type[Answer]:
    """The form, with what the person must know above it: the rule's sentence, and the pictures of both sides."""
    sides = (("The candidate", question.reference), ("The champion", question.champion))
    pictures = "".join(f"{side}, {reference}:\n\n{_picture(store, reference)}\n\n" for side, reference in sides)
    return Answer.with_initial_data(
        description=f"**{question.reference}** was trained on new art and is no worse than the champion, "
        f"**{question.champion}**, but not better either. Which art the line learns from, only a person can say.\n\n"
        f"{question.sentence}\n\n{pictures}The same prompts and seeds at the same places."
    )


def _picture(store: Store, reference: str) -> str:
    experiment_id, _, epoch = reference.rpartition("@")
    png = base64.b64encode(epoch_sheet(store, experiment_id, int(epoch))).decode()
    return f"![{reference}](data:image/png;base64,{png})"


@task(name="answer", task_run_name="answer", cache_policy=NO_CACHE)
def record_answer(store: Store, question: Question, given: Answer) -> Answered:
    return answer(store, question, given.decision is Choice.PROMOTE, given.who, given.why)


def _short(digest: str | None) -> str:
    return "not recorded" if digest is None else digest[:12]
