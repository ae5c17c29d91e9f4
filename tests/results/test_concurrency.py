"""The small version of benchmarks/results_concurrency.py: every row once, no failed read, whoever dies."""

from pathlib import Path

import pytest
import s3fs

from benchmarks.faulty_s3 import BUCKET, CREDENTIALS, serving
from benchmarks.results_concurrency import run
from benchmarks.results_speed import SAMPLES


def test_on_a_disk_with_a_writer_that_is_killed(tmp_path: Path):
    outcome = run(str(tmp_path / "store"), writers=2, num_epochs=6, killed=1, readers=1)
    assert outcome.problems == []
    assert len(outcome.epochs) == 2 * 6 * SAMPLES
    assert outcome.reads > 0


def test_on_s3_while_requests_fail(monkeypatch: pytest.MonkeyPatch):
    with serving(faults=0.1) as (address, faulty):
        for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": address}.items():
            monkeypatch.setenv(name, value)
        outcome = run(f"s3://{BUCKET}/store", writers=2, num_epochs=2, killed=0, readers=1)
        s3fs.S3FileSystem.clear_instance_cache()
    assert outcome.problems == []
    assert len(outcome.epochs) == 2 * 2 * SAMPLES
    assert min(outcome.reads, sum(faulty.injected.values())) > 0
