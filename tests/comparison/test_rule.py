"""The decision table, row by row: every reason code, and what must never happen."""

import dataclasses
import math

import numpy as np
import pyarrow as pa
import pytest

from pixelpipe.comparison.confirmation import confirm
from pixelpipe.comparison.decision import DECISION_SCHEMA, BaselineKind, ReasonCode, Verdict, decision_from_row
from pixelpipe.comparison.evidence import (
    BaselineEvidence,
    ConfirmationEvidence,
    EpochContext,
    past_decisions,
    summary_evidence,
)
from pixelpipe.comparison.pairing import pair
from pixelpipe.comparison.rule import decide

COLLAPSED = {"median_colors": 2.0, "median_largest_share": 0.99}
SUMMARY = BaselineEvidence(
    kind=BaselineKind.SUMMARY,
    reference="seed-512px@8",
    summary_metric="unique_colors",
    summary_mean=216.6,
)


def by_figures(build, plan, mean, epoch, history=(), baseline=SUMMARY):
    """A candidate that is known by its means alone, in a line whose art nobody knows."""
    evidence = summary_evidence(epoch, None, {"unique_colors": mean}, 7, "figures")
    return decide(EpochContext(plan, evidence, baseline, None, history))


def test_the_seed_is_abandoned_by_its_figures_alone(build):
    plan, history = build.plan(epochs=8, pairs=7, metric="unique_colors"), []
    for epoch, mean in enumerate((449.7, 421.0, 395.7), start=1):
        history.append(by_figures(build, plan, mean, epoch, tuple(history)))
    assert [outcome(decision) for decision in history] == [
        (Verdict.CONTINUE, ReasonCode.PATIENCE, False),
        (Verdict.ABANDONED, ReasonCode.SUMMARY_BASELINE, True),
        (Verdict.ABANDONED, ReasonCode.SUMMARY_BASELINE, True),
    ]
    assert [round(d.relative_difference, 2) for d in history] == [1.08, 0.94, 0.83]
    assert {d.p_value for d in history} == {None}
    assert {(d.floor, d.median_colors, d.images_seen) for d in history} == {(None, None, None)}


@pytest.mark.parametrize(
    ("mean", "baseline", "expected"),
    [
        (200.0, SUMMARY, (Verdict.INCONCLUSIVE, ReasonCode.SUMMARY_BASELINE, True)),
        (math.nan, SUMMARY, (Verdict.INCONCLUSIVE, ReasonCode.NON_FINITE, True)),
        (200.0, BaselineEvidence(), (Verdict.PROMOTED, ReasonCode.FIRST_BASELINE, True)),
    ],
)
def test_figures_alone_at_the_last_epoch(build, mean, baseline, expected):
    assert outcome(by_figures(build, build.plan(epochs=1, metric="unique_colors"), mean, 1, (), baseline)) == expected


def outcome(decision):
    return decision.verdict, decision.reason_code, decision.ends_run


def run(build, ratios, *, collapsed=(), plan=None, kind=BaselineKind.MATCHED, budget_at=None):
    """Decisions of the epochs of a run whose ratio to the baseline is given (None: missing pairs); stops as told."""
    plan = plan or build.plan(epochs=len(ratios))
    history = []
    for epoch, ratio in enumerate(ratios, start=1):
        pairing = build.scaled(1.0 if ratio is None else ratio, seed=epoch)
        if ratio is None:
            pairing = dataclasses.replace(pairing, num_pairs=pairing.num_pairs - 1, missing_candidate=1)
        figures = COLLAPSED if epoch in collapsed else {}
        context = build.context(
            plan=plan,
            evidence=build.evidence(epoch, budget_reached=epoch == budget_at, **figures),
            baseline=build.matched(pairing, epoch, kind=kind),
            history=tuple(history),
        )
        history.append(decide(context))
        if history[-1].ends_run:
            break
    return history


RUNS = {
    "worse twice": ([1.4, 1.4, 1.4], {}, 2, Verdict.ABANDONED, ReasonCode.WORSE),
    "worse once more after a pause": ([1.4, 1.0, 1.4, 1.4], {}, 4, Verdict.ABANDONED, ReasonCode.WORSE),
    "missing data breaks a streak": ([1.4, None, 1.4, 1.05], {}, 4, Verdict.INCONCLUSIVE, ReasonCode.NOT_BETTER),
    "missing data never abandons": ([None] * 4, {}, 4, Verdict.INCONCLUSIVE, ReasonCode.MISSING_PAIRS),
    "worse at the last epoch only": ([1.0, 1.4], {}, 2, Verdict.INCONCLUSIVE, ReasonCode.NOT_BETTER),
    "worse, within the margin": ([1.05] * 3, {}, 3, Verdict.INCONCLUSIVE, ReasonCode.NOT_BETTER),
    "equal": ([1.0] * 2, {}, 2, Verdict.INCONCLUSIVE, ReasonCode.NOT_BETTER),
    "better": ([0.8] * 3, {}, 3, Verdict.INCONCLUSIVE, ReasonCode.AWAITING_CONFIRMATION),
    "a little better": ([0.97] * 2, {}, 2, Verdict.INCONCLUSIVE, ReasonCode.AWAITING_CONFIRMATION),
    "collapse and missing data": (
        [None] * 3,
        {"collapsed": (1, 2, 3)},
        3,
        Verdict.INCONCLUSIVE,
        ReasonCode.MISSING_PAIRS,
    ),
    "too good": ([0.35] * 2, {}, 2, Verdict.INCONCLUSIVE, ReasonCode.SUSPICIOUS_IMPROVEMENT),
    "unmatched, 40% worse": (
        [1.4] * 3,
        {"kind": BaselineKind.UNMATCHED},
        3,
        Verdict.INCONCLUSIVE,
        ReasonCode.NOT_BETTER,
    ),
    "unmatched, 80% worse": ([1.8] * 3, {"kind": BaselineKind.UNMATCHED}, 2, Verdict.ABANDONED, ReasonCode.WORSE),
    "collapse twice": ([1.0] * 3, {"collapsed": (1, 2)}, 2, Verdict.ABANDONED, ReasonCode.DEGENERATE),
    "collapse before worse": ([1.4] * 3, {"collapsed": (1, 2)}, 2, Verdict.ABANDONED, ReasonCode.DEGENERATE),
    "collapse at the end": ([0.8] * 3, {"collapsed": (3,)}, 3, Verdict.INCONCLUSIVE, ReasonCode.DEGENERATE),
    "collapse, then recovery": (
        [0.8] * 4,
        {"collapsed": (1, 3)},
        4,
        Verdict.INCONCLUSIVE,
        ReasonCode.AWAITING_CONFIRMATION,
    ),
    "budget": ([1.0] * 4, {"budget_at": 2}, 2, Verdict.INCONCLUSIVE, ReasonCode.BUDGET_REACHED),
    "budget and missing data": ([None] * 4, {"budget_at": 2}, 2, Verdict.INCONCLUSIVE, ReasonCode.BUDGET_REACHED),
    "budget hides no answer": ([1.4] * 4, {"budget_at": 2}, 2, Verdict.ABANDONED, ReasonCode.WORSE),
    "budget before confirmation": ([0.8] * 2, {"budget_at": 2}, 2, Verdict.INCONCLUSIVE, ReasonCode.BUDGET_REACHED),
}


@pytest.mark.parametrize("name", RUNS)
def test_runs_end_when_and_as_the_table_says(build, name):
    ratios, options, epoch, verdict, reason = RUNS[name]
    history = run(build, ratios, **options)
    last = history[-1]
    assert (last.epoch, last.verdict, last.reason_code) == (epoch, verdict, reason)
    assert all(not decision.ends_run for decision in history[:-1])


def test_reasons_while_a_run_goes_on(build):
    first, second, third, *_ = run(build, [1.4, None, 1.0, 1.0])
    assert outcome(first) == (Verdict.CONTINUE, ReasonCode.PATIENCE, False)
    assert (first.exceeds_margin, first.streak) == (True, 1)
    assert outcome(second) == (Verdict.INCONCLUSIVE, ReasonCode.MISSING_PAIRS, False)
    assert (second.exceeds_margin, second.streak) == (False, 0)
    assert outcome(third) == (Verdict.CONTINUE, ReasonCode.WITHIN_MARGIN, False)


def test_grace_epochs_are_not_judged_and_feed_no_streak(build):
    history = run(build, [1.4] * 6, collapsed=(1, 2), plan=build.plan(epochs=6, grace=2))
    assert [decision.reason_code for decision in history] == ["grace", "grace", "patience", "worse"]
    assert [decision.streak for decision in history] == [0, 0, 1, 2]
    assert [decision.collapse_streak for decision in history] == [0, 0, 0, 0]
    assert (history[0].looks, history[0].alpha_per_look) == (4, pytest.approx(0.05 / (1 + 2**-0.5 + 3**-0.5 + 1 / 2)))
    assert history[2].alpha_per_look == history[0].alpha_per_look  # grace epochs show the first look's
    assert history[3].alpha_per_look == pytest.approx(history[2].alpha_per_look / 2**0.5)


@pytest.mark.parametrize("patience", [1, 2, 3])
def test_patience_is_the_length_of_the_streak(build, patience):
    history = run(build, [1.4] * 5, plan=build.plan(epochs=5, patience=patience))
    assert (len(history), history[-1].streak) == (patience, patience)


@pytest.mark.parametrize(
    ("change", "streak"),
    [
        ({}, 2),
        ({"baseline": "base-11111111@7"}, 2),  # the compared epoch moves along
        ({"baseline": "other-22222222@1"}, 1),
        ({"metric": "unique_colors"}, 1),
        ({"eval_set_id": "other"}, 1),
        ({"epoch": 5}, 1),  # not right before
    ],
)
def test_a_streak_needs_the_same_question(build, change, streak):
    (first, *_) = run(build, [1.4, 1.0])
    context = build.context(baseline=build.matched(build.scaled(1.4)), history=(first.replaced(**change),))
    assert decide(context).streak == streak


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"baseline_eval_sets": ("other",)}, ReasonCode.EVAL_SET_MISMATCH),
        ({"duplicates_baseline": 1}, ReasonCode.DUPLICATE_ROWS),
        ({"non_finite_candidate": 1}, ReasonCode.NON_FINITE),
        ({"missing_baseline": 1}, ReasonCode.MISSING_PAIRS),
        ({"num_pairs": 23}, ReasonCode.MISSING_PAIRS),  # an image that both sides lack
    ],
)
@pytest.mark.parametrize("epoch", [2, 8])
def test_gaps_in_the_pairing_are_inconclusive(build, change, reason, epoch):
    history = tuple(run(build, [1.4] * 8))
    pairing = dataclasses.replace(build.scaled(1.4), **change)
    context = build.context(evidence=build.evidence(epoch), baseline=build.matched(pairing, epoch), history=history)
    decision = decide(context)
    assert outcome(decision) == (Verdict.INCONCLUSIVE, reason, epoch == 8)
    assert not decision.exceeds_margin


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"num_images": 23}, ReasonCode.MISSING_PAIRS),
        ({"duplicate_rows": 1}, ReasonCode.DUPLICATE_ROWS),
        ({"non_finite": 1}, ReasonCode.NON_FINITE),
        ({"median_colors": math.nan}, ReasonCode.NON_FINITE),
        ({"means": {}}, ReasonCode.NON_FINITE),
    ],
)
@pytest.mark.parametrize("baseline", ["none", "summary", "matched"])
def test_gaps_in_the_images_are_inconclusive_at_the_end(build, change, reason, baseline):
    known = {"none": None, "summary": SUMMARY, "matched": build.matched(build.scaled(1.4), 8)}[baseline]
    evidence = build.evidence(8, **COLLAPSED | change)
    decision = decide(build.context(evidence=evidence, baseline=known))
    assert outcome(decision) == (Verdict.INCONCLUSIVE, reason, True)
    assert not decision.collapsed
    assert not decision.exceeds_margin


def test_images_without_a_pair_compare_nothing(build):
    ours, theirs = build.samples([[30.0]]), build.samples([[30.0]]).slice(0, 0)
    pairing = pair(ours, theirs, "effective_colors", 18.0)
    decision = decide(build.context(baseline=build.matched(pairing)))
    assert outcome(decision) == (Verdict.INCONCLUSIVE, ReasonCode.EVAL_SET_MISMATCH, False)
    assert decision.relative_difference is None


@pytest.mark.parametrize(
    ("geary_c", "verdict"), [(0.98, Verdict.ABANDONED), (0.8, Verdict.CONTINUE), (None, Verdict.CONTINUE)]
)
def test_noise_twice_in_a_row_is_degenerate_whatever_its_colors(build, geary_c, verdict):
    """A destroyed UNet's saturated noise may have no more colors than the baseline: structure is what it lacks."""
    history = []
    for epoch in (1, 2):
        evidence = build.evidence(epoch, median_geary_c=geary_c)
        baseline = build.matched(build.scaled(1.0, seed=epoch), epoch)
        history.append(decide(build.context(evidence=evidence, baseline=baseline, history=tuple(history))))
    assert history[-1].verdict is verdict
    assert history[-1].collapsed == (verdict is Verdict.ABANDONED)
    if verdict is Verdict.ABANDONED:
        assert history[-1].reason_code is ReasonCode.DEGENERATE
        assert "paints noise: neighboring cells have nothing to do with each other" in history[-1].sentence


def test_a_coarser_picture_alone_abandons_nothing(build):
    evidence = build.evidence(2, median_coarse_grid=0.95)
    decision = decide(build.context(evidence=evidence, baseline=build.matched(build.scaled(1.0))))
    assert (decision.verdict, decision.collapsed) == (Verdict.CONTINUE, False)
    assert (decision.median_coarse_grid, decision.max_coarse_grid) == (0.95, 0.7)


FIRST = {
    "goes on": (2, {}, (), (Verdict.CONTINUE, ReasonCode.FIRST_BASELINE, False)),
    "goes on collapsed": (2, COLLAPSED, (True,), (Verdict.CONTINUE, ReasonCode.FIRST_BASELINE, False)),
    "budget": (2, {"budget_reached": True}, (), (Verdict.INCONCLUSIVE, ReasonCode.BUDGET_REACHED, True)),
    "is promoted": (8, {}, (), (Verdict.PROMOTED, ReasonCode.FIRST_BASELINE, True)),
    "is promoted at its budget": (8, {"budget_reached": True}, (), (Verdict.PROMOTED, ReasonCode.FIRST_BASELINE, True)),
    "blank at the end": (8, COLLAPSED, (False,), (Verdict.INCONCLUSIVE, ReasonCode.DEGENERATE, True)),
    "blank twice": (8, COLLAPSED, (True,), (Verdict.ABANDONED, ReasonCode.DEGENERATE, True)),
    "one picture": (8, {"duplicate_rate": 0.5}, (), (Verdict.INCONCLUSIVE, ReasonCode.DEGENERATE, True)),
}


@pytest.mark.parametrize("name", FIRST)
def test_a_first_baseline(build, name):
    epoch, figures, past, expected = FIRST[name]
    context = build.context(evidence=build.evidence(epoch, **figures))
    if past:
        before = decide(build.context(evidence=build.evidence(epoch - 1)))
        context = dataclasses.replace(context, history=(before.replaced(collapsed=past[0]),))
    assert outcome(decide(context)) == expected


def summary_run(build, means, epochs=8):
    history = []
    for epoch, mean in enumerate(means, start=1):
        evidence = build.evidence(epoch, means={"unique_colors": mean, "effective_colors": 30.0})
        context = build.context(plan=build.plan(epochs), evidence=evidence, baseline=SUMMARY, history=tuple(history))
        history.append(decide(context))
    return history


def test_the_seeds_experiment_is_abandoned_by_its_summary(build):
    first, second = summary_run(build, [449.7, 395.7])
    assert outcome(first) == (Verdict.CONTINUE, ReasonCode.PATIENCE, False)
    assert outcome(second) == (Verdict.ABANDONED, ReasonCode.SUMMARY_BASELINE, True)
    assert (second.p_value, second.metric, second.margin) == (None, "unique_colors", 0.5)
    assert second.relative_difference == pytest.approx(395.7 / 216.6 - 1)


def test_a_summary_cannot_promote(build):
    last = summary_run(build, [100.0, 100.0], epochs=2)[-1]
    assert outcome(last) == (Verdict.INCONCLUSIVE, ReasonCode.SUMMARY_BASELINE, True)


def test_new_art_that_is_no_worse_asks_a_person(build):
    def last(ratio, dataset_hash):
        baseline = build.matched(build.scaled(ratio), 8, dataset_hash=dataset_hash)
        return decide(build.context(evidence=build.evidence(8), baseline=baseline))

    assert last(1.03, "e" * 64).reason_code is ReasonCode.NEW_ART_NON_INFERIOR
    assert last(1.03, "d" * 64).reason_code is ReasonCode.NOT_BETTER
    assert last(1.30, "e" * 64).reason_code is ReasonCode.NOT_BETTER


def test_the_screen_is_against_the_champions_own_checkpoint(build):
    baseline = build.matched(build.scaled(0.9), 8, champion="base-11111111@6", champion_pairing=build.scaled(1.05))
    decision = decide(build.context(evidence=build.evidence(8), baseline=baseline))
    assert decision.reason_code is ReasonCode.NOT_BETTER
    assert decision.champion_difference == pytest.approx(0.05, abs=0.02)
    assert "10% fewer effective colors than the baseline at the same epoch" in decision.sentence
    assert "and 6% more effective colors than the champion's checkpoint" in decision.sentence


def test_the_champion_is_not_mentioned_before_the_end_or_twice(build):
    pairing = build.scaled(1.05)
    for epoch, other in ((2, build.scaled(0.9)), (8, pairing)):
        baseline = build.matched(pairing, epoch, champion_pairing=other)
        decision = decide(build.context(evidence=build.evidence(epoch), baseline=baseline))
        assert "champion" not in decision.sentence


def test_a_champion_that_cannot_be_compared_is_not_screened(build):
    gap = dataclasses.replace(build.scaled(0.8), missing_baseline=1)
    baseline = build.matched(build.scaled(0.9), 8, champion="base-11111111@6", champion_pairing=gap)
    decision = decide(build.context(evidence=build.evidence(8), baseline=baseline))
    assert outcome(decision) == (Verdict.INCONCLUSIVE, ReasonCode.MISSING_PAIRS, True)


def flags(build, clean, baseline_clean):
    """Pairing of rates: per prompt, the share of its two images that is clean."""
    ours, theirs = (np.broadcast_to(np.array(rates)[:, None], (12, 2)) for rates in (clean, baseline_clean))
    return pair(build.samples(ours, metric="clean"), build.samples(theirs, metric="clean"), "clean", None)


ALL, HALF = [1.0] * 12, [0.5] * 12
CONFIRMATIONS = {
    "better": ({}, Verdict.PROMOTED, ReasonCode.BETTER),
    "less than 5% better": ({"ratio": 0.97}, Verdict.INCONCLUSIVE, ReasonCode.NOT_CONFIRMED),
    "winner's curse": ({"ratio": 1.02}, Verdict.INCONCLUSIVE, ReasonCode.NOT_CONFIRMED),
    "not as clean": ({"clean": HALF}, Verdict.INCONCLUSIVE, ReasonCode.NOT_AS_CLEAN),
    "clean is not known": ({"clean": None}, Verdict.INCONCLUSIVE, ReasonCode.NOT_AS_CLEAN),
    "colors disagree": ({"agreement": HALF}, Verdict.INCONCLUSIVE, ReasonCode.COLORS_DISAGREE),
    "colors agree": ({"agreement": ALL}, Verdict.PROMOTED, ReasonCode.BETTER),
    "too many colors": ({"median_colors": 41.0}, Verdict.INCONCLUSIVE, ReasonCode.TOO_MANY_COLORS),
    "collapsed": ({"median_colors": 2.0}, Verdict.INCONCLUSIVE, ReasonCode.DEGENERATE),
    "noise": ({"median_geary_c": 0.98}, Verdict.INCONCLUSIVE, ReasonCode.DEGENERATE),
    "art": ({"median_geary_c": 0.6, "median_coarse_grid": 0.3}, Verdict.PROMOTED, ReasonCode.BETTER),
    "coarser": ({"median_coarse_grid": 0.95}, Verdict.INCONCLUSIVE, ReasonCode.COARSER_GRID),
    "too good": ({"ratio": 0.35}, Verdict.INCONCLUSIVE, ReasonCode.SUSPICIOUS_IMPROVEMENT),
    "a gap": ({"gap": {"missing_candidate": 1}}, Verdict.INCONCLUSIVE, ReasonCode.MISSING_PAIRS),
    "NaN": ({"gap": {"non_finite_baseline": 1}}, Verdict.INCONCLUSIVE, ReasonCode.NON_FINITE),
    "an image without flags": (
        {"flag_gap": {"non_finite_candidate": 1}},
        Verdict.INCONCLUSIVE,
        ReasonCode.NON_FINITE,
    ),
    "nothing": ({"gap": {"prompt_ids": (), "num_pairs": 0}}, Verdict.INCONCLUSIVE, ReasonCode.MISSING_PAIRS),
}


def confirmed(
    build,
    *,
    ratio=0.85,
    noise=0.02,
    seed=9,
    clean=ALL,
    agreement=None,
    gap=None,
    flag_gap=None,
    median_colors=25.0,
    median_geary_c=None,
    median_coarse_grid=None,
    **baseline,
):
    context = build.context(evidence=build.evidence(8), baseline=build.matched(build.scaled(0.85), 8, **baseline))
    fresh = ConfirmationEvidence(
        reference="base-11111111@6",
        pairing=dataclasses.replace(build.scaled(ratio, seed=seed, noise=noise), **gap or {}),
        clean=None if clean is None else dataclasses.replace(flags(build, clean, ALL), **flag_gap or {}),
        agreement=None if agreement is None else flags(build, agreement, ALL),
        median_colors=median_colors,
        median_largest_share=0.4,
        duplicate_rate=0.0,
        median_geary_c=median_geary_c,
        median_coarse_grid=median_coarse_grid,
    )
    return confirm(context, decide(context), fresh)


@pytest.mark.parametrize("name", CONFIRMATIONS)
def test_confirmation(build, name):
    options, verdict, reason = CONFIRMATIONS[name]
    decision = confirmed(build, **options)
    assert outcome(decision) == (verdict, reason, True)
    assert not decision.needs_confirmation
    assert decision.confirmation_baseline == "base-11111111@6"


def test_confirmation_interval_agrees_with_its_verdict(build):
    verdicts = set()
    for seed in range(25):
        decision = confirmed(build, ratio=0.88, noise=0.12, seed=seed)
        assert decision.confirmation_high is not None
        assert decision.confirmation_p_value is not None
        promoted = decision.verdict is Verdict.PROMOTED
        assert promoted == (decision.confirmation_p_value < 0.05) == (decision.confirmation_high < -0.05)
        verdicts.add((decision.verdict, decision.confirmation_p_value < 0.05 / 8))
    assert (Verdict.PROMOTED, False) in verdicts  # one look: alpha is not divided


def test_new_art_that_is_not_confirmed_asks_a_person(build):
    decision = confirmed(build, ratio=1.0, dataset_hash="e" * 64)
    assert decision.reason_code is ReasonCode.NEW_ART_NON_INFERIOR


def test_only_an_awaiting_decision_is_confirmed(build):
    (first, *_) = run(build, [1.0, 1.0])
    with pytest.raises(AssertionError):
        confirm(build.context(), first, None)


def test_every_reason_is_reached():
    """By the tables above and the tests beside them; a new reason needs a row."""
    tables = [reason for *_, reason in [*RUNS.values(), *CONFIRMATIONS.values()]]
    elsewhere = {"first_baseline", "grace", "within_margin", "patience", "eval_set_mismatch", "duplicate_rows"}
    elsewhere |= {"summary_baseline", "new_art_non_inferior", "declared", "overridden", "declined"}  # tests/pipeline
    assert {str(reason) for reason in tables} | elsewhere == {str(reason) for reason in ReasonCode}


def test_p_interval_and_verdict_agree(build):
    p_values = []
    for seed in range(40):
        decision = decide(build.context(baseline=build.matched(build.scaled(1.2, seed=seed, noise=0.15))))
        assert decision.interval_low is not None
        assert decision.p_value is not None
        assert decision.exceeds_margin == (decision.p_value < decision.alpha_per_look) == (decision.interval_low > 0.10)
        p_values.append(decision.p_value)
    assert min(p_values) < 0.05 / 8
    assert any(0.05 / 8 <= p_value < 0.05 for p_value in p_values)  # significant at one look, not at eight


def test_deciding_again_gives_the_same_row(build):
    rng = np.random.default_rng(0)
    ours, theirs = build.colors(rng, 60), build.colors(rng, 50)
    pairing = pair(build.samples(ours), build.samples(theirs), "effective_colors", 18.0)
    context = build.context(
        plan=build.plan(pairs=96), evidence=build.evidence(num_images=96), baseline=build.matched(pairing)
    )
    assert decide(context).row() == decide(context).row()


def test_a_decision_survives_parquet(build):
    history = [*run(build, [1.4, 1.4]), confirmed(build)]
    table = pa.Table.from_pylist([decision.row() for decision in history], schema=DECISION_SCHEMA)
    table.validate(full=True)
    assert past_decisions(table) == history
    assert decision_from_row(table.to_pylist()[0] | {"attempt": 1}) == history[0]


def test_every_column_says_what_it_is():
    for field in DECISION_SCHEMA:
        assert field.metadata.keys() == {b"unit", b"description"}
        assert field.metadata[b"description"].endswith(b".")


def simulated(build, rng, excess, cv):
    """A 24 x 4 pairing of gamma values whose prompts differ by 20%, alike for both sides."""
    prompts = 50 * rng.gamma(25, 1 / 25, (24, 1))
    ours, theirs = (mean * prompts * rng.gamma(1 / cv**2, cv**2, (24, 4)) for mean in (1 + excess, 1))
    whole = build.scaled(1.0, num_prompts=24, num_seeds=4)
    means = {"candidate_means": ours, "baseline_means": theirs}
    return dataclasses.replace(whole, **{side: tuple(values.mean(1)) for side, values in means.items()})


def simulated_run(build, rng, excess, cv, epochs=8):
    """Decisions up to the end of a run; a look whose mean is within the margin cannot be significant: skipped."""
    history = []
    for epoch in range(1, epochs + 1):
        pairing = simulated(build, rng, excess, cv)
        if sum(pairing.candidate_means) <= 1.1 * sum(pairing.baseline_means):
            continue
        context = build.context(
            plan=build.plan(epochs, pairs=96),
            evidence=build.evidence(epoch, num_images=96),
            baseline=build.matched(pairing, epoch),
            history=tuple(history),
        )
        history.append(decide(context))
        if history[-1].ends_run:
            break
    return history


def test_no_difference_is_practically_never_abandoned(build):
    """alpha allows 5% over all looks; the margin leaves about none."""
    runs = [simulated_run(build, np.random.default_rng(seed), 0.0, 0.3) for seed in range(300)]
    assert sum(map(len, runs)) > 10  # some looks came near
    assert not any(decision.verdict is Verdict.ABANDONED for history in runs for decision in history)


def test_forty_percent_worse_is_abandoned_soon(build):
    runs = [simulated_run(build, np.random.default_rng(seed), 0.4, 0.25) for seed in range(20)]
    assert all(history[-1].reason_code is ReasonCode.WORSE for history in runs)
    assert np.mean([history[-1].epoch for history in runs]) < 2.5
