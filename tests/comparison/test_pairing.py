import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelpipe.comparison.pairing import pair
from pixelpipe.errors import BadInputError


def table(rows):
    """Rows of (prompt_id, seed, value); one evaluation set."""
    columns = list(zip(*rows, strict=True)) if rows else [(), (), ()]
    return pa.table(
        {
            "prompt_id": pa.array(columns[0], pa.string()),
            "seed": pa.array(columns[1], pa.int64()),
            "eval_set_id": pa.array(["set"] * len(rows), pa.string()),
            "effective_colors": pa.array(columns[2], pa.float64()),
        }
    )


def test_means_are_of_the_same_pairs_and_floored():
    candidate = table([("a", 1, 30.0), ("a", 2, 10.0), ("b", 1, 50.0), ("b", 2, 70.0)])
    baseline = table([("b", 2, 20.0), ("b", 1, 40.0), ("a", 2, 24.0), ("a", 1, 5.0)])
    pairing = pair(candidate, baseline, "effective_colors", 18.0)
    assert pairing.prompt_ids == ("a", "b")
    assert pairing.candidate_means == (24.0, 60.0)  # (30 + 18) / 2
    assert pairing.baseline_means == (21.0, 30.0)  # (18 + 24) / 2
    assert (pairing.num_pairs, pairing.missing, pairing.non_finite, pairing.duplicate_rows) == (4, 0, 0, 0)
    assert pairing.eval_set_matches


def test_missing_pairs_are_counted_on_each_side_and_left_out():
    candidate = table([("a", 1, 30.0), ("a", 2, 90.0), ("b", 1, 50.0)])
    baseline = table([("a", 1, 20.0), ("c", 1, 40.0), ("c", 2, 40.0)])
    pairing = pair(candidate, baseline, "effective_colors", 1.0)
    assert (pairing.missing_candidate, pairing.missing_baseline) == (2, 2)
    assert (pairing.prompt_ids, pairing.candidate_means) == (("a",), (30.0,))


def test_values_that_are_no_number_are_counted_and_left_out():
    candidate = table([("a", 1, math.nan), ("a", 2, 30.0), ("b", 1, None), ("c", 1, 20.0)])
    baseline = table([("a", 1, 20.0), ("a", 2, 20.0), ("b", 1, 20.0), ("c", 1, math.inf)])
    pairing = pair(candidate, baseline, "effective_colors", 1.0)
    assert (pairing.non_finite_candidate, pairing.non_finite_baseline) == (2, 1)
    assert (pairing.prompt_ids, pairing.num_pairs, pairing.missing) == (("a",), 1, 0)


def test_duplicate_rows_are_counted_and_the_first_is_used():
    candidate = table([("a", 1, 30.0), ("a", 1, 60.0), ("a", 1, 90.0)])
    pairing = pair(candidate, table([("a", 1, 20.0)]), "effective_colors", 1.0)
    assert (pairing.duplicates_candidate, pairing.duplicates_baseline) == (2, 0)
    assert pairing.candidate_means == (30.0,)


def test_evaluation_sets_must_be_one_and_the_same(build):
    values = [[30.0, 30.0]]
    ours, theirs = build.samples(values), build.samples(values, eval_set_id="other")
    assert not pair(ours, theirs, "effective_colors", 1.0).eval_set_matches
    both = pa.concat_tables([ours, theirs])
    assert not pair(both, both, "effective_colors", 1.0).eval_set_matches
    assert pair(ours, ours, "effective_colors", 1.0).eval_set_matches


def test_flags_pair_without_a_floor():
    columns = {"prompt_id": ["a", "a"], "seed": [1, 2], "eval_set_id": ["set", "set"]}
    ours, theirs = pa.table(columns | {"clean": [True, False]}), pa.table(columns | {"clean": [True, None]})
    pairing = pair(ours, theirs, "clean", None)
    assert (pairing.candidate_means, pairing.baseline_means, pairing.non_finite) == ((1.0,), (1.0,), 1)


def test_nothing_in_common_is_an_empty_pairing():
    pairing = pair(table([]), table([("a", 1, 20.0)]), "effective_colors", 1.0)
    assert (pairing.num_prompts, pairing.num_pairs, pairing.missing_candidate) == (0, 0, 1)
    assert not pairing.eval_set_matches


@pytest.mark.parametrize("floor", [0.0, -1.0, math.nan, math.inf])
def test_a_floor_that_defines_no_ratio_is_refused(floor):
    with pytest.raises(BadInputError, match="`floor` of effective_colors must be"):
        pair(table([]), table([]), "effective_colors", floor)


def test_an_absent_column_is_named():
    with pytest.raises(BadInputError, match="candidate images must have the column `hue`"):
        pair(table([("a", 1, 1.0)]), table([("a", 1, 1.0)]), "hue", 1.0)


rows = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.integers(0, 3),
        st.one_of(st.none(), st.floats(1, 576), st.just(math.nan), st.just(math.inf)),
    ),
    max_size=20,
)


@settings(max_examples=60)
@given(ours=rows, theirs=rows, floor=st.floats(1, 50))
def test_every_row_is_accounted_for(ours, theirs, floor):
    pairing = pair(table(ours), table(theirs), "effective_colors", floor)
    mirrored = pair(table(theirs), table(ours), "effective_colors", floor)
    keys, other_keys = {row[:2] for row in ours}, {row[:2] for row in theirs}
    assert pairing.duplicates_candidate == len(ours) - len(keys)
    assert pairing.missing_candidate == len(other_keys - keys)
    assert pairing.num_pairs <= len(keys & other_keys)
    assert len(keys & other_keys) - pairing.num_pairs <= pairing.non_finite
    assert all(mean >= floor for mean in pairing.candidate_means + pairing.baseline_means)
    assert np.isfinite(pairing.candidate_means + pairing.baseline_means).all()
    assert (mirrored.candidate_means, mirrored.missing_candidate) == (
        pairing.baseline_means,
        pairing.missing_baseline,
    )


@settings(max_examples=30)
@given(ours=rows, order=st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter_without_duplicates(ours, order):
    distinct = list({row[:2]: row for row in ours}.values())
    shuffled = order.sample(distinct, len(distinct))
    baseline = table([("a", 1, 20.0), ("b", 2, 30.0)])
    assert pair(table(distinct), baseline, "effective_colors", 18.0) == pair(
        table(shuffled), baseline, "effective_colors", 18.0
    )
