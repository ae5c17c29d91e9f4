"""On a schedule: is anything new? If so, a candidate against the champion; where only a person can choose, a question.

Most nights nothing is new: torch is imported only when there is something to train.
"""

from typing import Any

from prefect import State, flow, suspend_flow_run
from prefect.states import Completed
from prefect.utilities.urls import url_for

from flows.parameters import Days, Folder, Line, StoreUrl
from pixelpipe.errors import ExperimentHeldError
from pixelpipe.lease import check_free
from pixelpipe.pipeline.news import News
from pixelpipe.pipeline.outcome import Outcome
from pixelpipe.pipeline.question import Question, ask, asks_a_person, open_questions, question_of
from pixelpipe.store import DEFAULT_STORE, Store
from tasks.announcement import announce, emit, tag_run, this_run
from tasks.retraining import Answer, form_of, look_for_news, record_answer

SECONDS_A_DAY = 24 * 3600


@flow(name="retrain", flow_run_name="retrain-{line}")
def retrain(line: Line, store: StoreUrl = DEFAULT_STORE, dataset: Folder = None, days_to_answer: Days = 14) -> State:
    """Train a line's champion anew if its art, captions, base or code are new, and judge the candidate against it.

    Nothing new: Completed("skipped: ..."). A candidate on new art that is no worse than the champion, but not better,
    needs a person: the run is suspended, on no worker, until somebody answers its form.

    Args:
        line: One that has a champion; `pixelpipe baseline show` lists them.
        store: Path or URL of the store; a relative path begins where the worker was started.
        dataset: On the worker's machine; default: the champion's.
        days_to_answer: How long a question waits, 1 to 90; unanswered, the run fails and the champion stays.
    """
    place = Store.open(store)
    question = question_of(place, line, str(this_run().id))
    if question is None:
        for waiting in open_questions(place, line):
            return _skipped(line, f"{waiting.reference} waits for a person's answer since {waiting.asked_at}")
        news = look_for_news(place, line, dataset)
        if news.candidate is None:
            return _skipped(line, news.sentence)
        try:
            check_free(place, news.candidate.experiment_id)  # before a run below this one fails of it
            outcome = _train(place, news)
        except ExperimentHeldError as error:
            return _skipped(line, str(error))
        if this_run().deployment_id is None or not asks_a_person(place, line, outcome):  # only a deployment can wait
            tag_run(f"line:{line}", f"outcome:{outcome.status}")
            return Completed(message=f"{outcome.status}: {outcome.sentence}", data=outcome)
        question = ask(place, line, outcome, str(this_run().id))
        said = {"sentence": question.sentence, "champion": question.champion, "url": url_for(this_run()) or ""}
        emit("question", question.experiment_id, line, said)
    given = suspend_flow_run(
        wait_for_input=form_of(place, question),
        timeout=days_to_answer * SECONDS_A_DAY,
        key=question.experiment_id,
    )
    return _answered(place, question, given)


def _train(store: Store, news: News) -> Outcome:
    """The candidate as an experiment: a flow run of its own below this one."""
    from flows.experiment import run_experiment  # brings torch and diffusers

    assert news.candidate is not None, "only what is new is trained"
    state: Any = run_experiment(news.candidate.config, store.url, news.candidate.repetition, return_state=True)
    return state.result()


def _answered(store: Store, question: Question, given: Answer) -> State:
    answered = record_answer(store, question, given)
    outcome = Outcome(question.experiment_id, answered.status, answered.reason_code, answered.sentence, question.epoch)
    announce(outcome, question.line, store.url)
    return Completed(message=f"{outcome.status}: {outcome.sentence}", data=outcome)


def _skipped(line: str, why: str) -> State:
    tag_run(f"line:{line}", "outcome:skipped")
    return Completed(message=f"skipped: {why}")
