"""A checkpoint that exists becomes a candidate or a baseline: the pipeline without its training."""

from prefect import State, flow
from prefect.states import Completed

from flows.parameters import (
    Checkpoint,
    FileEpoch,
    Known,
    OwnLine,
    OwnName,
    Person,
    Prompts,
    Reason,
    Role,
    StoreUrl,
)
from pixelpipe.lease import acquire
from pixelpipe.pipeline.checkpoint import CheckpointEvaluation
from pixelpipe.pipeline.outcome import Outcome
from pixelpipe.store import DEFAULT_STORE, Store
from tasks.announcement import announce
from tasks.evaluation import (
    analyze_checkpoint,
    conclude_evaluation,
    judge_checkpoint,
    prepare_checkpoint,
    sample_checkpoint,
)
from tasks.reporting import report_experiment
from tasks.worker import under_worker


@flow(name="evaluate-checkpoint", flow_run_name="{checkpoint}")
@under_worker()
def evaluate_checkpoint(
    checkpoint: Checkpoint,
    store: StoreUrl = DEFAULT_STORE,
    role: Role = "candidate",
    line: OwnLine = None,
    name: OwnName = None,
    epoch: FileEpoch = None,
    known: Known = None,
    prompts: Prompts = None,
    who: Person = None,
    why: Reason = None,
) -> State[Outcome]:
    """Draw with a checkpoint on its line's evaluation set, measure, and judge it as an epoch of a run is judged.

    Args:
        checkpoint: EXPERIMENT[@EPOCH] of the store, a model's folder or .safetensors file, or a LoRA's.
        store: Path or URL of the store; a relative path begins where the run, or its worker, was started.
        role: candidate: judged against the line's champion; baseline: it becomes the champion, since a person says so.
        line: It is judged in; default: its own, or the store's only one.
        name: What it is called; default: the experiment's or file's name.
        epoch: With which of the baseline's epochs a file is compared, from 1; default: the champion's.
        known: How it was trained and is to be drawn, as far as that is known: sections of a configuration, as JSON,
            e.g. {"model": {"base": "sd15"}, "training": {"resolution": 512}}.
        prompts: A text file on the worker, one prompt a line, where the line is new.
        who: Of a baseline: your name, which is recorded.
        why: Of a baseline: your reason, which is recorded.
    """
    place = Store.open(store)
    evaluation = prepare_checkpoint(
        place, checkpoint, known or {}, role, who, why, line=line, name=name, epoch=epoch, prompts_file=prompts
    )
    with acquire(place, evaluation.experiment_id) as lease:
        run = CheckpointEvaluation(lease, evaluation)
        for number in run.begin():
            sample_checkpoint(run, number)
            if judge_checkpoint(run, number, analyze_checkpoint(run, number)).ends_run:
                break
        outcome = conclude_evaluation(run)
    announce(outcome, evaluation.config.line, store)
    report_experiment(place, outcome.experiment_id)
    return Completed(message=f"{outcome.status}: {outcome.sentence}", data=outcome)
