"""Maintenance of a store, on a schedule: compact the results, remove what the policy no longer keeps."""

from prefect import State, flow
from prefect.states import Completed

from flows.parameters import DryRun, Keep, StoreUrl
from pixelpipe.pipeline.maintenance import maintenance_records
from pixelpipe.pipeline.retention import Retention
from pixelpipe.reporting.maintenance import maintenance_sentence
from pixelpipe.store import DEFAULT_STORE, Store
from tasks.maintenance import compact_results, prune_experiments, rebuild_reports, report_maintenance
from tasks.worker import under_worker

NOTHING_REMOVED = Retention()


@flow(name="maintenance", flow_run_name="maintenance of {store}")
@under_worker()
def maintain_store(
    store: StoreUrl = DEFAULT_STORE, retention: Keep = NOTHING_REMOVED, dry_run: DryRun = False
) -> State:
    """Compact small result files into few, and remove old checkpoints and full-size pictures.

    Runs beside experiments and readers. A run that is killed leaves nothing half-done that anybody counts.

    Args:
        store: Path or URL of the store; a relative path begins where the worker was started.
        retention: From when on checkpoints and pictures are removed; by default nothing is.
        dry_run: Only say what would be done, with sizes.
    """
    place = Store.open(store)
    place.check_reachable()
    compactions = compact_results(place, dry_run)
    removals = prune_experiments(place, retention, dry_run)
    if not dry_run:
        rebuild_reports(place, removals)
    records = maintenance_records(compactions, removals)
    report_maintenance(place, records, dry_run)
    return Completed(message=maintenance_sentence(records, dry_run))
