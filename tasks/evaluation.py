"""Judge a checkpoint that exists: a task for every stage of an epoch, as in a run, but for its training."""

from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from pixelpipe.comparison.decision import Decision
from pixelpipe.errors import BadInputError
from pixelpipe.pipeline.checkpoint import CheckpointEvaluation, Evaluation, prepare_evaluation
from pixelpipe.pipeline.elsewhere import Declaration
from pixelpipe.pipeline.outcome import Outcome
from pixelpipe.pipeline.pictures import Measured
from pixelpipe.store import Store


@task(name="prepare", task_run_name="prepare", cache_policy=NO_CACHE)
def prepare_checkpoint(
    store: Store,
    checkpoint: str,
    known: dict[str, Any],
    role: str,
    who: str | None,
    why: str | None,
    *,
    line: str | None,
    name: str | None,
    epoch: int | None,
    prompts_file: Path | None,
) -> Evaluation:
    """Raises `BadInputError` for a baseline that no person declares, and whatever `prepare_evaluation` refuses."""
    if role == "baseline" and not (who and why):
        raise BadInputError("`who` and `why` must be given of a baseline: who says so, and for what reason")
    declared = Declaration(who, why) if role == "baseline" and who and why else None
    return prepare_evaluation(
        store, checkpoint, known, declared=declared, line=line, name=name, epoch=epoch, prompts_file=prompts_file
    )


@task(name="sample", task_run_name="sample epoch {epoch}", cache_policy=NO_CACHE)
def sample_checkpoint(run: CheckpointEvaluation, epoch: int) -> int:
    return run.sample(epoch)


@task(name="analyze", task_run_name="analyze epoch {epoch}", cache_policy=NO_CACHE)
def analyze_checkpoint(run: CheckpointEvaluation, epoch: int) -> Measured:
    return run.analyze(epoch)


@task(name="judge", task_run_name="judge epoch {epoch}", cache_policy=NO_CACHE)
def judge_checkpoint(run: CheckpointEvaluation, epoch: int, measured: Measured) -> Decision:
    """Decide and commit: after this the epoch exists."""
    return run.judge(epoch, measured)


@task(name="conclude", task_run_name="conclude", cache_policy=NO_CACHE)
def conclude_evaluation(run: CheckpointEvaluation) -> Outcome:
    return run.conclude()
