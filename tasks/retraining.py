"""Retraining on a schedule: what is new, and a question for a person. Nothing here needs torch."""

from enum import StrEnum
from pathlib import Path

from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.input import RunInput
from pydantic import ConfigDict, Field

from pixelpipe.pipeline.news import News, find_news
from pixelpipe.pipeline.question import Answered, Question, answer
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


@task(name="answer", task_run_name="answer", cache_policy=NO_CACHE)
def record_answer(store: Store, question: Question, given: Answer) -> Answered:
    return answer(store, question, given.decision is Choice.PROMOTE, given.who, given.why)


def _short(digest: str | None) -> str:
    return "not recorded" if digest is None else digest[:12]
