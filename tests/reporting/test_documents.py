"""Documents are derived: they can be rebuilt, with the same bytes."""

import pytest

from pixelpipe.errors import BadInputError
from pixelpipe.keys import experiment_key
from pixelpipe.reporting.documents import write_documents

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
