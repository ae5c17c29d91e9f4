"""Looks in two stages: what the first seeds settle, what they leave open, and what either stage may spend."""

import dataclasses

import numpy as np
import pytest

from pixelpipe.comparison.decision import ReasonCode, Verdict
from pixelpipe.comparison.pairing import pair
from pixelpipe.comparison.rule import decide
from pixelpipe.comparison.stages import (
    first_seeds,
    has_first_seeds_alone,
    has_stages,
    is_open,
    pair_as_drawn,
    stage_of,
)
from pixelpipe.config import FIRST_STAGE_SHARE
from pixelpipe.sampling.evaluation import EVALUATION, EvaluationSet, Prompt, image_seed

PROMPTS, SEEDS, FLOOR = 12, 3, 18.0


@pytest.fixture
def adaptive(build):
    """12 prompts x 3 seeds, one epoch in a row is enough."""
    plan = build.plan(epochs=4, pairs=PROMPTS * SEEDS, patience=1)
    return dataclasses.replace(plan, first_pairs=PROMPTS)


@pytest.fixture
def rows(build):
    """Images whose seeds are those of an evaluation set, from (P, S) values."""

    def make(values, eval_set_id="set"):
        table = build.samples(values, eval_set_id)
        prompts, seeds = np.asarray(values).shape
        numbers = [image_seed(f"p{p:02d}", s, EVALUATION) for p in range(prompts) for s in range(seeds)]
        return table.set_column(table.column_names.index("seed"), "seed", [numbers])

    return make


def images(ratio, noise=0.02, seeds=SEEDS):
    """(candidate, baseline) values of as many seeds."""
    rng = np.random.default_rng(1)
    theirs = rng.uniform(40, 80, (PROMPTS, SEEDS))
    return (theirs * ratio * rng.normal(1, noise, theirs.shape))[:, :seeds], theirs


@pytest.fixture
def context(build, adaptive, rows):
    def make(ratio, noise=0.02, *, epoch=2, seeds=SEEDS, baseline_seeds=SEEDS, plan=None, **evidence):
        ours, theirs = images(ratio, noise, seeds)
        candidate, other = rows(ours), rows(theirs[:, :baseline_seeds])
        pairing = pair_as_drawn(candidate, other, "effective_colors", FLOOR)
        baseline = build.matched(pairing, epoch, first_seeds_alone=has_first_seeds_alone(other))
        plan = plan or adaptive
        return dataclasses.replace(
            build.context(
                plan=plan,
                evidence=build.evidence(epoch, num_images=ours.size, **evidence),
                baseline=baseline,
            ),
            stage=stage_of(plan, epoch, baseline, candidate),
        )

    return make


def test_the_first_images_are_the_first_of_every_prompt(rows):
    prompts = tuple(Prompt(prompt_id=f"p{p:02d}", text="x", source="", held_out=True) for p in range(PROMPTS))
    evaluation = EvaluationSet(prompts, SEEDS, 4, 2.0, 24, "1")
    first = [(image.prompt_id, image.seed) for image in evaluation.first_images]
    assert first == [(prompt.prompt_id, evaluation.images[SEEDS * n].seed) for n, prompt in enumerate(prompts)]
    assert sorted(map(str, evaluation.first_images + evaluation.other_images)) == sorted(map(str, evaluation.images))
    table = rows(images(1.0)[1])
    assert not has_first_seeds_alone(table)
    found = first_seeds(table)
    assert list(zip(found["prompt_id"].to_pylist(), found["seed"].to_pylist(), strict=True)) == first
    assert has_first_seeds_alone(found)
    assert not has_first_seeds_alone(table.slice(0, 0))


def test_the_last_epoch_and_what_is_not_adaptive_have_no_stages(build, adaptive):
    assert [has_stages(adaptive, epoch) for epoch in (1, 2, 3, 4)] == [True, True, True, False]
    assert not has_stages(build.plan(epochs=4), 1)


@pytest.mark.parametrize(
    ("ratio", "noise", "evidence", "opened"),
    [
        (1.0, 0.02, {}, False),  # within the margin
        (0.8, 0.02, {}, False),
        (1.5, 0.02, {}, False),  # shown to be beyond it
        (1.4, 0.5, {}, True),  # beyond it, and not shown to be
        (1.0, 0.02, {"median_colors": 3.0}, True),  # looks blank
        (1.0, 0.02, {"duplicate_rate": 0.6}, True),
        (1.0, 0.02, {"median_geary_c": 0.95}, True),
        (1.4, 0.5, {"non_finite": 1}, False),  # more pictures mend nothing
        (1.4, 0.5, {"duplicate_rows": 1}, False),
    ],
)
def test_what_the_first_seeds_leave_open(context, ratio, noise, evidence, opened):
    assert is_open(context(ratio, noise, seeds=1, **evidence)) is opened


def test_a_grace_epoch_a_second_stage_and_a_whole_evaluation_are_never_open(build, adaptive, context):
    grace = dataclasses.replace(adaptive, judge=adaptive.judge.model_copy(update={"grace": 2}))
    assert not is_open(context(1.4, 0.5, seeds=1, plan=grace))
    assert not is_open(context(1.4, 0.5))
    assert not is_open(context(1.4, 0.5, plan=build.plan(epochs=4, pairs=PROMPTS * SEEDS)))


def test_missing_first_seeds_are_missing_and_not_open(context):
    whole = context(1.4, 0.5, seeds=1)
    lacking = dataclasses.replace(whole, evidence=dataclasses.replace(whole.evidence, num_images=PROMPTS - 1))
    assert not is_open(lacking)
    assert decide(lacking).reason_code is ReasonCode.MISSING_PAIRS


def test_both_stages_spend_what_the_look_may(context, adaptive):
    first, second = decide(context(1.0, seeds=1)), decide(context(1.0))
    assert (first.stage, second.stage) == (1, 2)
    assert first.alpha_per_look == FIRST_STAGE_SHARE * adaptive.alpha_at(2)
    assert first.alpha_per_look + second.alpha_per_look == pytest.approx(adaptive.alpha_at(2))
    assert (first.expected_pairs, first.num_pairs) == (PROMPTS, PROMPTS)
    assert (second.expected_pairs, second.num_pairs) == (PROMPTS * SEEDS, PROMPTS * SEEDS)
    assert first.interval_level == 1 - 2 * first.alpha_per_look
    assert first.reason_code is ReasonCode.WITHIN_MARGIN
    assert "over 12 prompts, one seed each" in first.sentence
    assert "one seed each" not in second.sentence


def test_the_first_seeds_abandon_where_they_show_it(context):
    decision = decide(context(1.6, seeds=1))
    assert (decision.verdict, decision.reason_code, decision.stage) == (Verdict.ABANDONED, ReasonCode.WORSE, 1)
    assert decision.p_value < decision.alpha_per_look
    assert decision.interval_low > decision.margin


def test_against_a_baseline_with_first_seeds_alone_one_stage_spends_all(context, adaptive):
    first = context(1.4, 0.5, seeds=1, baseline_seeds=1)
    assert not is_open(first)  # other seeds would have no partner
    decision = decide(first)
    assert (decision.stage, decision.alpha_per_look) == (1, adaptive.alpha_at(2))
    suspicious = context(1.0, seeds=1, baseline_seeds=1, median_colors=3.0)
    assert is_open(suspicious)
    both = [context(1.4, 0.5, seeds=seeds, baseline_seeds=1) for seeds in (1, SEEDS)]
    ours = [decide(each) for each in both]
    assert ours[0].p_value == ours[1].p_value  # the same pairs: nothing is spent twice
    assert ours[1].alpha_per_look == adaptive.alpha_at(2)


def test_a_whole_candidate_is_paired_with_what_an_adaptive_baseline_has(build, context):
    plan = build.plan(epochs=4, pairs=PROMPTS * SEEDS, patience=1)
    decision = decide(context(1.6, baseline_seeds=1, plan=plan))
    assert (decision.stage, decision.reason_code) == (None, ReasonCode.WORSE)
    assert (decision.expected_pairs, decision.num_pairs, decision.missing_baseline) == (PROMPTS, PROMPTS, 0)
    assert decision.alpha_per_look == plan.alpha_at(2)


def test_seeds_that_are_missing_by_accident_stay_missing(rows):
    ours, theirs = images(1.0)
    candidate, baseline = rows(ours), rows(theirs)
    short = pair_as_drawn(candidate, baseline.slice(1), "effective_colors", FLOOR)
    assert short == pair(candidate, baseline.slice(1), "effective_colors", FLOOR)
    assert (short.missing_baseline, short.expected_pairs) == (1, None)
    prompt_lost = pair_as_drawn(candidate, first_seeds(baseline).slice(1), "effective_colors", FLOOR)
    assert (prompt_lost.missing_baseline, prompt_lost.expected_pairs) == (1, PROMPTS)
    other = pair_as_drawn(candidate, first_seeds(rows(theirs, "another set")), "effective_colors", FLOOR)
    assert (other.missing_baseline, other.eval_set_matches) == (PROMPTS * (SEEDS - 1), False)


def test_the_stage_follows_from_the_rows(build, adaptive, rows):
    first, whole = (rows(images(1.0, seeds=seeds)[0]) for seeds in (1, SEEDS))
    alone, matched = build.context().baseline, build.matched(build.scaled(1.0))
    assert [stage_of(adaptive, 2, alone, each) for each in (first, whole)] == [1, None]
    assert [stage_of(adaptive, 2, matched, each) for each in (first, whole)] == [1, 2]
    assert [stage_of(adaptive, 4, matched, each) for each in (first, whole)] == [None, None]
