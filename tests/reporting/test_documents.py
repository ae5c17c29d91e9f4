"""Documents are derived: they can be rebuilt, with the same bytes."""

import re

import pytest
from click.testing import CliRunner

from pixelpipe.cli import app
from pixelpipe.errors import BadInputError
from pixelpipe.keys import experiment_key, sample_key
from pixelpipe.reporting.documents import linking_to_samples, write_documents

NAMES = {"report.html", "verdict.md", "contact_sheet.png", "metric_by_epoch.png"}


def test_write_and_rebuild(store, story):
    written = write_documents(store, story[1])
    assert written == {name: store.uri(experiment_key(story[1], name)) for name in NAMES}
    first = {name: store.read(experiment_key(story[1], name)) for name in NAMES}
    store.replace(experiment_key(story[1], "verdict.md"), b"scribbled over")
    write_documents(store, story[1])
    assert first == {name: store.read(experiment_key(story[1], name)) for name in NAMES}


def test_nothing_is_written_about_the_unknown(store):
    with pytest.raises(BadInputError):
        write_documents(store, "nobody")
    assert store.list() == []


def _links(store, experiment_id):
    """Where the sprites of its report lead."""
    page = store.local_path(experiment_key(experiment_id, "report.html"))
    hrefs = re.findall(r'<a class="sprite [^>]*? href="([^"]*)"', page.read_text(encoding="utf-8"))
    return [(page.parent / href).resolve() for href in hrefs]


def test_no_report_links_to_a_picture_that_retention_removed(store, story):
    candidate = story[1]
    for experiment_id in story:
        for epoch in range(1, 5):
            for prompt in range(12):
                for seed in range(2):
                    store.put(sample_key(experiment_id, epoch, f"p{prompt:03d}", 100 * prompt + seed), b"png")
        write_documents(store, experiment_id)
    before = {experiment_id: _links(store, experiment_id) for experiment_id in story}
    assert [len(before[each]) for each in story] == [4 * 12, 2 * 2 * 12], (
        "the candidate's two epochs, and the baseline's"
    )
    for dry_run in (["--dry-run"], []):
        assert {each: _links(store, each) for each in story} == before
        done = CliRunner().invoke(app, ["maintain", "--samples-days", "0", *dry_run, "--store", store.url])
        assert done.exit_code == 0
    assert f"report of {candidate}\n" in done.stderr
    left = _links(store, candidate)
    assert len(left) == 2 * 12, "its own: the best and the last epoch stay, which the baseline's first two are not"
    assert all(path.is_file() for path in left)
    source = store.read(experiment_key(candidate, "report.html")).decode()
    assert "48 of the full-size images are no longer in the store: removed by retention" in source


def test_a_report_links_to_the_pictures_of_its_baseline_too(store, story):
    baseline, candidate = story
    assert linking_to_samples(store, story) == [], "neither has a report yet"
    for experiment_id in story:
        store.put(experiment_key(experiment_id, "report.html"), b"")
    assert linking_to_samples(store, [baseline]) == sorted(story)
    assert linking_to_samples(store, [candidate]) == [candidate]
    assert linking_to_samples(store, []) == []
