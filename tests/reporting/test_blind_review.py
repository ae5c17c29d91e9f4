"""A blind review: nothing in the page tells the sides apart; votes become rows once; agreement is counted right."""

import base64
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from pixelpipe.errors import BadInputError
from pixelpipe.reporting.ballots import Ballot, read_ballot, store_votes
from pixelpipe.reporting.blind_review import make_review, read_review
from pixelpipe.reporting.description import describe
from pixelpipe.reporting.documents import write_documents
from pixelpipe.reporting.pages.review import review_page
from pixelpipe.reporting.vote_agreement import wilson
from pixelpipe.results.reader import read_table


def make(store, experiment_id, num_pairs=48, seed=0, epoch=None):
    return make_review(store, describe(store, experiment_id), epoch, num_pairs, np.random.default_rng(seed))


def ballot(review, choose, reviewer="Ann", pairs=None):
    """`choose`: (pair) -> candidate, baseline or equal."""
    votes = []
    for number, pair in enumerate(review.pairs, start=1):
        choice = choose(pair)
        if choice != "equal":
            other = "right" if pair.candidate_side == "left" else "left"
            choice = pair.candidate_side if choice == "candidate" else other
        votes.append({"pair": number, "choice": choice, "voted_at": "2026-11-26T15:00:00.000Z", "seconds": 1.5})
    return Ballot.model_validate({"review": review.review_id, "reviewer": reviewer, "votes": votes[:pairs]})


def test_the_page_holds_every_pair_and_does_not_know_the_sides(store, story, parse):
    baseline_id, candidate_id = story
    review, pictures = make(store, candidate_id)
    page = review_page(review, pictures)
    assert len(review.pairs) == 24
    assert {pair.candidate_side for pair in review.pairs} == {"left", "right"}
    assert read_review(store, review.review_id) == review
    for name in (baseline_id, candidate_id, "doomed", "candidate", "baseline", "epoch"):
        assert name not in re.sub(r"data:image/png;base64,[A-Za-z0-9+/=]*", "", page[page.index("<body>") :])
    [data] = re.findall(r'id="review-data">(.*?)</script>', page, re.DOTALL)
    rows = {side: images(store, name, 2) for side, name in (("ours", candidate_id), ("theirs", baseline_id))}
    for pair, shown in zip(review.pairs, json.loads(data)["pairs"], strict=True):
        assert set(shown) == {"prompt", "left", "right"}
        other = "right" if pair.candidate_side == "left" else "left"
        assert np.array_equal(pixels(shown[pair.candidate_side]), rows["ours"][pair.prompt_id, pair.seed])
        assert np.array_equal(pixels(shown[other]), rows["theirs"][pair.prompt_id, pair.seed])
    assert parse(page).tags.count("script") == 2
    assert parse(page).values("href") == ["data:,"]


def images(store, experiment_id, epoch):
    rows = read_table(store, "samples", experiment_id).to_pylist()
    return {
        (row["prompt_id"], row["seed"]): np.asarray(Image.open(io.BytesIO(row["sprite_png"])))
        for row in rows
        if row["epoch"] == epoch
    }


def pixels(uri):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))


def test_order_and_sides_are_drawn_anew_for_every_review(store, story):
    first, second = make(store, story[1], seed=1)[0], make(store, story[1], seed=2)[0]
    assert first.review_id != second.review_id
    assert [pair.prompt_id for pair in first.pairs] != [pair.prompt_id for pair in second.pairs]
    assert len(make(store, story[1], num_pairs=5)[0].pairs) == 5


@pytest.mark.parametrize(("which", "epoch"), [(0, None), (1, 9)])
def test_what_cannot_be_reviewed_is_refused_and_leaves_nothing(store, story, which, epoch):
    with pytest.raises(BadInputError):
        make(store, story[which], epoch=epoch)
    assert store.list("reviews") == []


def test_votes_become_rows_once(store, story):
    baseline_id, candidate_id = story
    review, _ = make(store, candidate_id)
    some = store_votes(store, ballot(review, lambda _: "baseline", pairs=10))
    assert (some.num_stored, some.num_known) == (10, 0)
    again = store_votes(store, ballot(review, lambda _: "candidate"))  # the first ten have been voted on
    assert (again.num_stored, again.num_known) == (14, 10)
    assert store_votes(store, ballot(review, lambda _: "candidate")).num_stored == 0
    assert store_votes(store, ballot(review, lambda _: "equal", reviewer="Bob")).num_stored == 24
    rows = read_table(store, "votes", candidate_id).to_pylist()
    assert len(rows) == 48
    assert len({(row["reviewer"], row["prompt_id"], row["seed"]) for row in rows}) == 48
    assert {row["baseline"] for row in rows} == {f"{baseline_id}@2"}
    choices = [row["choice"] for row in rows if row["reviewer"] == "Ann"]
    assert sorted(choices) == ["baseline"] * 10 + ["candidate"] * 14
    assert {(row["prompt_id"], row["seed"]): row["candidate_side"] for row in rows} == {
        (pair.prompt_id, pair.seed): pair.candidate_side for pair in review.pairs
    }


def test_people_who_see_what_the_judge_sees(store, story):
    """The candidate has twice the colors; nobody prefers it."""
    _, candidate_id = story
    review, _ = make(store, candidate_id)
    store_votes(store, ballot(review, lambda _: "baseline"))
    facts = describe(store, candidate_id).review
    assert (facts.num_reviewers, facts.num_votes, facts.num_pairs, facts.num_undecided) == (1, 24, 24, 0)
    assert (facts.candidate.value, facts.candidate.num_pairs) == (0, 24)
    assert (facts.candidate.low, facts.candidate.high) == pytest.approx(wilson(0, 12))  # 12 prompts
    assert facts.agrees_with_judge is True
    assert facts.judge_share.value == 1
    by_metric = {one.metric: one.share.value for one in facts.metrics}
    assert by_metric["effective_colors"] == 1
    assert by_metric["clean"] == 1  # more of it is better
    assert "orphan_ratio" not in by_metric  # the same on both sides: it tells no pair apart
    assert facts.reviewers_agree is None


def test_people_who_disagree_with_the_judge(store, story):
    _, candidate_id = story
    review, _ = make(store, candidate_id)
    store_votes(store, ballot(review, lambda _: "candidate"))
    store_votes(store, ballot(review, lambda pair: "candidate" if pair.seed % 100 else "equal", reviewer="Bob"))
    facts = describe(store, candidate_id).review
    assert facts.agrees_with_judge is False
    assert facts.judge_share.value == 0
    assert facts.reviewers_agree.value == 0.5
    uri = write_documents(store, candidate_id)["verdict.md"]
    document = store.read(f"experiments/{candidate_id}/verdict.md").decode()
    assert uri.endswith("verdict.md")
    assert "people **disagree**" in document
    assert "Two of them say the same of a pair in 50% of the cases" in document


def test_a_tie_of_two_reviewers_decides_nothing(store, story):
    _, candidate_id = story
    review, _ = make(store, candidate_id)
    for reviewer, choice in (("Ann", "candidate"), ("Bob", "baseline")):
        store_votes(store, ballot(review, lambda _, choice=choice: choice, reviewer=reviewer))
    facts = describe(store, candidate_id).review
    assert facts.num_undecided == 24
    assert facts.candidate is None
    assert facts.metrics == ()
    assert "No pair was decided" in verdict_of(store, candidate_id)


def verdict_of(store, experiment_id):
    write_documents(store, experiment_id)
    return store.read(f"experiments/{experiment_id}/verdict.md").decode()


def test_wilson_against_scipy():
    from scipy.stats import binomtest

    for successes, trials in ((0, 12), (3, 12), (12, 12), (40, 96)):
        expected = binomtest(successes, trials).proportion_ci(method="wilson")
        assert wilson(successes / trials, trials) == pytest.approx((expected.low, expected.high), abs=1e-6)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"reviewer": ""}, "reviewer"),
        ({"review": "../../etc"}, "review"),
        ({"review": "00000000"}, "review"),
        ({"votes": []}, "votes"),
        ({"more": 1}, "more"),
        ({"votes": [{"pair": 1, "choice": "up", "voted_at": "2026-11-26T15:00:00Z", "seconds": 1}]}, "choice"),
        ({"votes": [{"pair": 0, "choice": "left", "voted_at": "2026-11-26T15:00:00Z", "seconds": 1}]}, "pair"),
        ({"votes": [{"pair": 99, "choice": "left", "voted_at": "2026-11-26T15:00:00Z", "seconds": 1}]}, "pair"),
        ({"votes": [{"pair": 1, "choice": "left", "voted_at": "2026-11-26T15:00:00", "seconds": 1}]}, "voted_at"),
        ({"votes": [{"pair": 1, "choice": "left", "voted_at": "2026-11-26T15:00:00Z", "seconds": 1}] * 2}, "once"),
    ],
)
def test_bad_ballots_are_one_line_and_store_nothing(store, story, tmp_path, change, said):
    review, _ = make(store, story[1])
    path = tmp_path / "votes.json"
    path.write_text(json.dumps(ballot(review, lambda _: "equal").model_dump(mode="json") | change))
    with pytest.raises(BadInputError, match=said) as error:
        store_votes(store, read_ballot(path))
    assert "\n" not in str(error.value)
    assert read_table(store, "votes").num_rows == 0


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"a": 1}'])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "votes.json"
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=re.escape(str(path))):
        read_ballot(path)
    with pytest.raises(BadInputError):
        read_ballot(tmp_path / "absent.json")
