"""Prefect's process worker, but for one thing: `python -m flows.process_worker` is its `prefect worker start`.

A run that crashed is rescheduled at once, and may come back to the worker that still holds a slot for it: until the
server has answered that it crashed. Prefect's own worker dies of that (a RuntimeError of anyio's CapacityLimiter,
github.com/PrefectHQ/prefect/issues/16806), and with it a GPU is lost until a person looks. Here the run waits for the
next look.
"""

import sys
import warnings
from typing import TYPE_CHECKING

from prefect.workers.process import ProcessWorker

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun
    from prefect.client.schemas.responses import WorkerFlowRunResponse

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # "the existing type will be overridden": that is what is meant

    class PatientWorker(ProcessWorker):
        """The type `process` from here on."""

        async def _submit_scheduled_flow_runs(
            self, flow_run_response: "list[WorkerFlowRunResponse]"
        ) -> "list[FlowRun]":
            held = self._limiter.statistics().borrowers if self._limiter else ()
            free = [each for each in flow_run_response if each.flow_run.id not in held]
            return await super()._submit_scheduled_flow_runs(free)


def main() -> None:
    from prefect.cli import app

    sys.argv[:1] = ["prefect", "worker", "start"]
    app()


if __name__ == "__main__":
    main()
