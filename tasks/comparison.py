"""Judge an epoch and commit it; at the end, conclude the experiment and say so to whoever listens in Prefect."""

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext
from prefect.events import emit_event

from pixelpipe.comparison.decision import Decision
from pixelpipe.pipeline.conclude import conclude
from pixelpipe.pipeline.evaluate import Measured
from pixelpipe.pipeline.outcome import Outcome
from pixelpipe.pipeline.run import ExperimentRun
from pixelpipe.training.engine import EpochRecord


@task(name="judge", task_run_name="judge epoch {record.epoch}", cache_policy=NO_CACHE)
def judge_epoch(run: ExperimentRun, record: EpochRecord, samples: Measured) -> Decision:
    """Decide and commit: after this the epoch exists."""
    decision = run.judge_epoch(record, samples)
    run.commit_epoch(record, samples, decision)
    return decision


@task(name="conclude", task_run_name="conclude", cache_policy=NO_CACHE)
def conclude_experiment(run: ExperimentRun, decision: Decision) -> Outcome:
    return conclude(run, decision)


@task(name="announce", task_run_name="announce", cache_policy=NO_CACHE, retries=2, retry_delay_seconds=2)
def announce(outcome: Outcome, line: str) -> None:
    """Tag the flow run `outcome:<status>` and emit `pixelpipe.experiment.<status>`."""
    context = FlowRunContext.get()
    if context is not None and context.flow_run is not None:
        tags = sorted({*context.flow_run.tags, f"outcome:{outcome.status}", f"line:{line}"})
        with get_client(sync_client=True) as client:
            client.update_flow_run(context.flow_run.id, tags=tags)
    emit_event(
        event=f"pixelpipe.experiment.{outcome.status}",
        resource={
            "prefect.resource.id": f"pixelpipe.experiment.{outcome.experiment_id}",
            "prefect.resource.name": outcome.experiment_id,
            "pixelpipe.line": line,
        },
        payload={"reason_code": outcome.reason_code, "sentence": outcome.sentence, "epochs": outcome.epochs},
    )
