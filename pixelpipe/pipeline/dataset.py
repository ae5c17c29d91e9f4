"""What is trained on, as rows: every sprite with its caption, its split, and what it nearly repeats."""

import logging

from pixelpipe.analysis.duplicates import near_duplicates
from pixelpipe.pipeline.prepare import Experiment
from pixelpipe.results.reader import read_table
from pixelpipe.results.writer import table_of, write_rows
from pixelpipe.store import Store

logger = logging.getLogger(__name__)


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
    rows = [
        experiment.lineage
        | {
            "file_name": sample.sprite.file_name,
            "content_hash": sample.sprite.content_hash,
            "strategy": experiment.config.captions.strategy,
            "caption": sample.caption,
            "split": sample.split,
            "near_duplicate_of": samples[original[row]].sprite.file_name if row in original else None,
        }
        for row, sample in enumerate(samples)
    ]
    write_rows(store, "captions", experiment.experiment_id, "captions", table_of("captions", rows))
