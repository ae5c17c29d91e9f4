"""What is trained on, as rows: every sprite with its caption, its split, and what it nearly repeats."""

import json
import logging
from typing import Any

from pixelpipe.analysis.duplicates import near_duplicates
from pixelpipe.captions.findings import LintReport
from pixelpipe.pipeline.captions import lint_experiment
from pixelpipe.pipeline.prepare import Experiment
from pixelpipe.results.reader import read_table
from pixelpipe.results.writer import table_of, write_rows
from pixelpipe.store import Store

logger = logging.getLogger(__name__)


def findings_by_file(report: LintReport) -> dict[str, list[dict[str, Any]]]:
    """File name -> rows of its findings, without words that only stand late."""
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in report.captions}
    for finding in report.findings:
        if finding.rule != "late":
            rows[finding.file_name].append({key: value for key, value in finding.row().items() if key != "file_name"})
    return rows


def _say_findings(report: LintReport) -> None:
    terms = [term for term in report.terms if term.num_flagged and term.text != "late words"][:5]
    if terms:
        named = ", ".join(f"{term.text} ({term.num_flagged})" for term in terms)
        logger.warning(
            "%d of %d captions name what their sprites cannot or do not show: %s (pixelpipe captions lint)",
            report.num_flagged, len(report.captions), named,
        )  # fmt: skip


def record_dataset(store: Store, experiment: Experiment) -> None:
    """Put the `captions` rows of an experiment, once, and say how many sprites repeat another one."""
    if read_table(store, "captions", experiment.experiment_id, columns=["file_name"]).num_rows:
        return
    samples = experiment.manifest.samples
    original: dict[int, int] = {}
    for first, second in near_duplicates(experiment.manifest.pixels()):
        original.setdefault(second, first)
    if original:
        second, first = next((samples[second], samples[first]) for second, first in original.items())
        logger.warning(
            "%d of %d sprites nearly repeat another one, e.g. %s and %s (captions table, near_duplicate_of)",
            len(original), len(samples), first.sprite.file_name, second.sprite.file_name,
        )  # fmt: skip
    report = lint_experiment(experiment)
    _say_findings(report)
    findings = findings_by_file(report)
    rows = [
        experiment.lineage
        | {
            "file_name": sample.sprite.file_name,
            "content_hash": sample.sprite.content_hash,
            "strategy": experiment.config.captions.strategy,
            "caption": sample.caption,
            "split": sample.split,
            "near_duplicate_of": samples[original[row]].sprite.file_name if row in original else None,
            "caption_notes": ", ".join(experiment.caption_notes.get(sample.sprite.file_name, ())) or None,
            "num_tokens": report.num_tokens[sample.sprite.file_name],
            "num_findings": len(findings[sample.sprite.file_name]),
            "findings_json": json.dumps(findings[sample.sprite.file_name], ensure_ascii=False),
        }
        for row, sample in enumerate(samples)
    ]
    write_rows(store, "captions", experiment.experiment_id, "captions", table_of("captions", rows))
