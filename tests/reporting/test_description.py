"""The description says what the tables say, for an experiment in any state."""

import numpy as np
import pyarrow.compute as pc
import pytest

from pixelpipe.comparison.decision import BaselineKind, ReasonCode
from pixelpipe.errors import BadInputError
from pixelpipe.reporting.description import describe
from pixelpipe.reporting.judged_against import split_reference
from pixelpipe.results.reader import read_table


def test_an_abandoned_candidate_beside_its_baseline(store, story):
    baseline_id, candidate_id = story
    found = describe(store, candidate_id)
    rows = read_table(store, "decisions", candidate_id).to_pylist()
    assert (found.status, found.reason_code, found.planned_epochs) == ("abandoned", "worse", 4)
    assert len(found.epochs) == 2
    assert [facts.judged for facts in found.epochs] == [row["candidate_mean"] for row in rows]
    for facts, row in zip(found.epochs, rows, strict=True):
        theirs = found.baseline_of(facts)
        assert theirs.epoch == facts.epoch
        assert theirs.judged == pytest.approx(row["baseline_mean"], rel=1e-12)
    assert found.baseline.experiment_id == baseline_id
    assert found.baseline.champion == f"{baseline_id}@4"
    assert [factor.name for factor in found.factors] == ["captions", "resolution"]
    assert found.confounded
    assert len(found.factorial_runs) == 4


def test_cost_time_and_what_was_saved(store, story):
    found = describe(store, story[1])
    rows = read_table(store, "epochs", story[1])
    assert found.cost_usd == pytest.approx(pc.sum(rows["cost_usd"]).as_py())
    seconds = sum(pc.sum(rows[f"seconds_{stage}"]).as_py() for stage in ("train", "save", "sample", "analyze", "judge"))
    assert found.spend.seconds == pytest.approx(seconds)
    assert (found.savings.epochs, found.savings.seconds) == (2, pytest.approx(seconds))
    assert found.savings.cost_usd == pytest.approx(found.cost_usd)


def test_the_first_of_a_line_has_no_baseline(store, story):
    found = describe(store, story[0])
    assert (found.status, found.reason_code) == ("promoted", "first_baseline")
    assert found.is_first
    assert (found.baseline, found.factors, found.savings) == (None, None, None)
    images = read_table(store, "samples", story[0])
    values = images.filter(pc.equal(images["epoch"], 4))["effective_colors"].to_numpy()
    assert found.last.judged == pytest.approx(values.mean())
    assert found.last.quartiles == tuple(np.percentile(values, [25, 75]))
    assert (found.num_prompts, found.seeds_per_prompt) == (12, 2)


@pytest.mark.parametrize("status", ["running", "failed", "cancelled"])
def test_no_epoch_was_committed(store, fill, status):
    experiment_id = fill.start(fill.config(), status=status, message="Out of memory.")
    found = describe(store, experiment_id)
    assert (found.status, found.sentence, found.epochs, found.last) == (status, "Out of memory.", (), None)
    assert (found.cost_usd, found.spend.seconds, found.savings, found.decision) == (0, 0, None, None)
    assert not found.is_first


def test_a_running_experiment_so_far(store, fill):
    baseline_id = fill.run(fill.config("baseline"), [30, 28, 26, 24])
    experiment_id = fill.run(fill.config(training={"learning_rate": 3e-5}), [31, 29], baseline_id)
    found = describe(store, experiment_id)
    assert (found.status, len(found.epochs), found.savings) == ("running", 2, None)
    assert [factor.name for factor in found.factors] == ["learning rate"]
    assert not found.confounded


def test_an_unmatched_epoch_names_the_epoch_it_was_compared_with(store, fill):
    baseline_id = fill.run(fill.config("baseline", training={"epochs": 1}), [30])
    experiment_id = fill.run(fill.config(), [30, 30], baseline_id)
    found = describe(store, experiment_id)
    assert found.last.decision.baseline_kind is BaselineKind.UNMATCHED
    assert found.baseline_of(found.last).epoch == 1


def test_a_summary_baseline_has_no_trajectory_and_lends_no_floor(store, fill):
    experiment_id = fill.run(fill.config(), [40, 45], fill.summary(216.6))
    found = describe(store, experiment_id)
    assert found.decision.reason_code is ReasonCode.SUMMARY_BASELINE
    assert (found.metric, found.baseline.reference, found.baseline.trajectory) == (
        "unique_colors",
        "512px-epoch-8",
        (),
    )
    assert found.floor is None
    assert found.factors is None


def test_a_default_resolution_is_no_factor(store, fill):
    """One side wrote the default down, the other left it out."""
    baseline_id = fill.run(fill.config("baseline"), [30, 28, 26, 24])
    experiment_id = fill.run(fill.config(training={"resolution": None}), [31], baseline_id)
    assert describe(store, experiment_id).factors == ()


def test_dataset_facts_count_near_duplicates(store, fill):
    experiment_id = fill.start(fill.config())
    fill.captions(fill.prompts[:10], duplicates=3)
    facts = describe(store, experiment_id).dataset
    assert (facts.num_sprites, facts.num_train, facts.num_validation) == (10, 9, 1)
    assert (facts.num_near_duplicates, facts.strategies) == (3, ("sidecar",))


def test_an_unknown_experiment_is_one_line(store):
    with pytest.raises(BadInputError, match=r"^experiment nobody: must be one of the store .* but is not$"):
        describe(store, "nobody")


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("a-1@3", ("a-1", 3)),
        ("a@b@12", ("a@b", 12)),
        ("512px", (None, None)),
        (None, (None, None)),
        ("a@", (None, None)),
    ],
)
def test_references(reference, expected):
    assert split_reference(reference) == expected
