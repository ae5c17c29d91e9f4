"""Keep a store small and quick, and say what was done."""

from typing import Any

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from pixelpipe.pipeline.retention import Removal, Retention, prune, without_samples
from pixelpipe.reporting.documents import linking_to_samples, write_documents
from pixelpipe.reporting.maintenance import maintenance_document
from pixelpipe.results.compaction import TableCompaction, compact
from pixelpipe.store import Store


@task(name="compact", task_run_name="compact", cache_policy=NO_CACHE, retries=2, retry_delay_seconds=60)
def compact_results(store: Store, dry_run: bool) -> list[TableCompaction]:
    """A retry goes on from what was committed: a compaction is one step or none."""
    return compact(store, dry_run=dry_run)


@task(name="prune", task_run_name="prune", cache_policy=NO_CACHE, retries=2, retry_delay_seconds=60)
def prune_experiments(store: Store, retention: Retention, dry_run: bool) -> list[Removal]:
    return prune(store, retention, dry_run=dry_run)


@task(name="rebuild reports", task_run_name="rebuild reports", cache_policy=NO_CACHE, retries=2, retry_delay_seconds=60)
def rebuild_reports(store: Store, removals: list[Removal]) -> None:
    """Of what linked to pictures that are gone now."""
    for experiment_id in linking_to_samples(store, without_samples(removals)):
        write_documents(store, experiment_id)


@task(name="report", task_run_name="report maintenance", cache_policy=NO_CACHE)
def report_maintenance(store: Store, records: list[dict[str, Any]], dry_run: bool) -> None:
    create_markdown_artifact(
        markdown=maintenance_document(store.url, records, dry_run),
        key="maintenance",
        description="What would be done" if dry_run else "What was done",
    )
