"""The documents of an experiment: derived from Parquet, so they are replaced, never edited."""

from collections.abc import Iterable

from pixelpipe.keys import SITE, experiment_key
from pixelpipe.reporting.contact_sheet import contact_sheet
from pixelpipe.reporting.description import describe
from pixelpipe.reporting.judged_against import split_reference
from pixelpipe.reporting.pages.report import html_report
from pixelpipe.reporting.plots import metric_plot
from pixelpipe.reporting.verdict import CONTACT_SHEET, METRIC_PLOT, verdict_markdown
from pixelpipe.results.reader import read_table
from pixelpipe.store import Store

REPORT, VERDICT = "report.html", "verdict.md"


def linking_to_samples(store: Store, experiment_ids: Iterable[str]) -> list[str]:
    """Experiments with a report that links to full-size images of these: themselves, and those judged against them."""
    decisions = read_table(store, "decisions", columns=["experiment_id", "baseline"]).to_pylist()
    removed = set(experiment_ids)
    judged = {row["experiment_id"] for row in decisions if split_reference(row["baseline"])[0] in removed}
    return [each for each in sorted(removed | judged) if store.exists(experiment_key(each, REPORT))]


def write_documents(store: Store, experiment_id: str) -> dict[str, str]:
    """Write (or rebuild) all documents under `experiments/<id>/`; name -> absolute path or URL.

    The pictures are written first: the text never links to one that is not there. The verdict is written last: what it
    says, all say. `BadInputError` for an experiment that the store does not know.
    """
    description = describe(store, experiment_id)
    sheet = {CONTACT_SHEET: contact_sheet(store, description)} if description.has_images else {}
    documents = sheet | {
        METRIC_PLOT: metric_plot(description),
        REPORT: html_report(store, description, site=SITE if store.exists(SITE) else None).encode(),
        VERDICT: verdict_markdown(description).encode(),
    }
    for name, data in documents.items():
        store.replace(experiment_key(experiment_id, name), data)
    return {name: store.uri(experiment_key(experiment_id, name)) for name in documents}


def refresh_documents(store: Store, experiment_id: str) -> None:
    """Rebuild them where one is missing, or where the verdict says other things than the tables by now."""
    report, verdict = (experiment_key(experiment_id, name) for name in (REPORT, VERDICT))
    there = store.exists(report) and store.exists(verdict)
    if not there or store.read(verdict) != verdict_markdown(describe(store, experiment_id)).encode():
        write_documents(store, experiment_id)
