"""`pixelpipe review` from the page to the report, and what it refuses."""

import json
import re

import pytest

import pixelpipe.cli
from pixelpipe.reporting.blind_review import read_review


@pytest.fixture
def pixelpipe_command(store, monkeypatch, capsys):
    def call(*arguments):
        monkeypatch.setattr("sys.argv", ["pixelpipe", *map(str, arguments), "--store", store.url])
        return pixelpipe.cli._exit_code(), capsys.readouterr()

    return call


def test_from_the_page_to_the_report(store, story, tmp_path, pixelpipe_command):
    page = tmp_path / "review.html"
    code, output = pixelpipe_command("review", "make", "doomed", "--to", page, "--pairs", 6)
    assert (code, output.out) == (0, f"{page}\n")
    [review_id] = re.findall(r'"review": "([0-9a-f]{8})"', page.read_text())
    review = read_review(store, review_id)
    assert len(review.pairs) == 6
    votes = [
        {"pair": number, "choice": "left", "voted_at": "2026-11-26T15:00:00.000Z", "seconds": 2.5}
        for number in range(1, 7)
    ]
    ballot = tmp_path / "votes.json"
    ballot.write_text(json.dumps({"review": review_id, "reviewer": "Zoë <b>", "votes": votes}))
    code, output = pixelpipe_command("review", "import", ballot)
    assert code == 0
    assert "6 votes of Zoë <b> stored" in output.err
    assert output.out.strip() == store.uri(f"experiments/{story[1]}/report.html")
    assert "1 person voted on 6 pairs" in store.read(f"experiments/{story[1]}/report.html").decode()
    assert "6 were there already" in pixelpipe_command("review", "import", ballot)[1].err


def test_what_cannot_be_reviewed_is_one_line_and_writes_no_page(story, tmp_path, pixelpipe_command):
    page = tmp_path / "review.html"
    for arguments in (
        ("baseline", "--to", page),  # the line's first was compared with nothing
        ("doomed", "--to", page, "--epoch", 7),
        ("doomed", "--to", tmp_path / "absent" / "review.html"),
        ("nobody", "--to", page),
        ("doomed", "--to", tmp_path / "review.txt"),
    ):
        code, output = pixelpipe_command("review", "make", *arguments)
        assert (code, output.out) == (2, "")
        assert output.err.count("\n") == 1
    assert list(tmp_path.glob("*.html")) == []


def test_votes_of_another_store_are_refused(tmp_path, pixelpipe_command, store, story):
    ballot = tmp_path / "votes.json"
    vote = {"pair": 1, "choice": "left", "voted_at": "2026-11-26T15:00:00Z", "seconds": 1}
    ballot.write_text(json.dumps({"review": "01234567", "reviewer": "Ann", "votes": [vote]}))
    code, output = pixelpipe_command("review", "import", ballot)
    assert (code, output.err.count("\n")) == (2, 1)
    assert output.err.startswith(f"pixelpipe: {ballot}: `review` must be a review of the store")
    assert store.list("results/v1/votes") == []
