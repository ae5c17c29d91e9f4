"""One plain sentence about one checkpoint, made from the stored columns of its decision alone."""

import math

from pixelpipe.comparison.decision import BaselineKind, Decision, ReasonCode, Verdict

METRIC_NAMES = {
    "effective_colors": "effective colors",
    "effective_colors_04": "effective colors (tolerance 0.04)",
    "visible_colors": "visible colors",
    "unique_colors": "unique colors",
}
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
REPORTED_P = 1e-4  # smaller p-values are said to be below it


def sentence(decision: Decision) -> str:
    """E.g. "Epoch 2 shows 34% more effective colors than ...: abandoned."."""
    return f"{_statement(decision)}: {_ending(decision)}."


def _statement(decision: Decision) -> str:
    plain = _PLAIN.get(decision.reason_code)
    if plain is not None:
        return f"Epoch {decision.epoch} {plain}"
    if decision.reason_code is ReasonCode.MISSING_PAIRS:
        return f"Epoch {decision.epoch} lacks images to compare ({_gap(decision)})"
    if decision.reason_code is ReasonCode.DEGENERATE or _only_collapsed(decision):
        return f"Epoch {decision.epoch} {_collapse(decision)}"
    if decision.confirmation_p_value is not None:
        return f"Epoch {decision.epoch} {_fresh(decision)}"
    return f"Epoch {decision.epoch} {_compared(decision)}"


_PLAIN = {
    ReasonCode.FIRST_BASELINE: "has no champion to be compared with",
    ReasonCode.OVERRIDDEN: "was made the champion by a person",
    ReasonCode.DECLINED: "was not made the champion by a person who was asked",
    ReasonCode.GRACE: "is one of the first epochs, which are not judged",
    ReasonCode.EVAL_SET_MISMATCH: "was sampled with another evaluation set than the baseline",
    ReasonCode.DUPLICATE_ROWS: "has images that were measured twice",
    ReasonCode.NON_FINITE: "has images whose metric is not a finite number",
}


def _ending(decision: Decision) -> str:
    reason = _REASONS.get(decision.reason_code, "")
    if decision.reason_code is ReasonCode.FIRST_BASELINE and decision.verdict is Verdict.PROMOTED:
        reason = "the line's first baseline"
    verdict = "the run goes on" if not decision.ends_run else decision.verdict.value.lower()
    if decision.verdict is Verdict.INCONCLUSIVE and not decision.ends_run:
        verdict = "inconclusive, the run goes on"
    return f"{verdict}, {reason}" if reason else verdict


_REASONS = {
    ReasonCode.BUDGET_REACHED: "the budget is too little for another epoch",
    ReasonCode.AWAITING_CONFIRMATION: "fresh seeds must confirm it",
    ReasonCode.NOT_BETTER: "the baseline stays",
    ReasonCode.NOT_CONFIRMED: "the baseline stays",
    ReasonCode.NOT_AS_CLEAN: "its clean rate is not shown to hold",
    ReasonCode.COLORS_DISAGREE: "its named colors are not shown to hold",
    ReasonCode.TOO_MANY_COLORS: "it has more colors than the training art",
    ReasonCode.COARSER_GRID: "its pictures are coarser than the grid, so a person must look",
    ReasonCode.SUSPICIOUS_IMPROVEMENT: "too good to be believed before a person has looked",
    ReasonCode.NEW_ART_NON_INFERIOR: "it is no worse and was trained on new art, so a person must choose",
}


def _compared(decision: Decision) -> str:
    """The figures on the evaluation set, against the margin where there is an excess."""
    if decision.relative_difference is None:
        return "could not be compared with the baseline"
    amount = _amount(decision.relative_difference, decision.metric)
    statement = f"shows {amount} {_reference(decision)} ({_evidence(decision)}){_against_margin(decision)}"
    champion = decision.champion_difference
    if champion is None or math.isclose(champion, decision.relative_difference, abs_tol=1e-9):
        return statement  # no champion's checkpoint, or it is the baseline's epoch
    return f"{statement}, and {_amount(champion, decision.metric)} the champion's checkpoint"


def _evidence(decision: Decision) -> str:
    """Interval and prompts; the p-value only where it answers a question: is the excess beyond the margin?"""
    if decision.baseline_kind is BaselineKind.SUMMARY:
        return f"mean {decision.candidate_mean:.1f} against {decision.baseline_mean:.1f}, too little for a test"
    interval = _interval(decision.interval_level, decision.interval_low, decision.interval_high)
    over = f"over {_prompts(decision.num_prompts)}{', one seed each' if decision.stage == 1 else ''}"
    assert decision.relative_difference is not None
    assert decision.margin is not None
    if decision.relative_difference <= decision.margin:
        return f"{interval} {over}"
    return f"{interval}, {_p(decision.p_value)} {over}"


def _fresh(decision: Decision) -> str:
    """The figures on fresh seeds: those that decide about a promotion."""
    assert decision.confirmation_difference is not None
    assert decision.confirmation_p_value is not None
    interval = _interval(decision.confirmation_level, decision.confirmation_low, decision.confirmation_high)
    amount = _amount(decision.confirmation_difference, decision.metric)
    shown = "" if decision.confirmation_p_value < decision.alpha else "not shown to be "
    return (
        f"shows {amount} the champion's checkpoint ({decision.confirmation_baseline}) on fresh seeds "
        f"({interval}, {_p(decision.confirmation_p_value)} over {_prompts(decision.confirmation_prompts)}), "
        f"{shown}beyond the required {-decision.promote_margin:+.0%}"
    )


def _against_margin(decision: Decision) -> str:
    """Whether the excess is beyond the allowed one, and for how long; empty where there is no excess."""
    assert decision.margin is not None
    assert decision.relative_difference is not None
    allowed = f"the allowed {decision.margin:+.0%}"
    if decision.exceeds_margin:
        return f", more than {allowed}{_between_runs(decision)}, {_in_a_row(decision.streak)}"
    if decision.relative_difference <= 0:
        return ""
    if decision.relative_difference > decision.margin:
        return f", not shown to be more than {allowed}"
    return f", within {allowed}"


def _between_runs(decision: Decision) -> str:
    """What a known deviation between runs adds: one epoch is then enough."""
    if not decision.run_sd:
        return ""
    return f" even where runs of one configuration differ by {decision.run_sd:.1%}"


def _collapse(decision: Decision) -> str:
    """Which guardrail of collapse was crossed."""
    row = f", {_in_a_row(decision.collapse_streak)}" if decision.collapse_streak else ""
    assert decision.median_colors is not None
    assert decision.min_colors is not None
    assert decision.median_largest_share is not None
    assert decision.max_largest_share is not None
    assert decision.duplicate_rate is not None
    assert decision.max_duplicate_rate is not None
    if decision.median_colors < decision.min_colors:
        colors, limit = f"{decision.median_colors:.3g}", f"{decision.min_colors:.3g}"
        return f"has collapsed to {colors} colors an image (the art has {limit} or more){row}"
    if decision.median_largest_share > decision.max_largest_share:
        share, limit = decision.median_largest_share, decision.max_largest_share
        return f"has collapsed: one color fills {share:.0%} of an image (the art has {limit:.0%} or less){row}"
    if decision.duplicate_rate >= decision.max_duplicate_rate:
        return f"has collapsed: {decision.duplicate_rate:.0%} of its images repeat another one{row}"
    if decision.median_geary_c is not None and decision.median_geary_c > (decision.max_geary_c or math.inf):
        return f"paints noise: neighboring cells have nothing to do with each other{row}"
    return "has collapsed on fresh seeds"


def _only_collapsed(decision: Decision) -> bool:
    return decision.reason_code is ReasonCode.PATIENCE and not decision.exceeds_margin


def _gap(decision: Decision) -> str:
    if decision.confirmation_pairs is not None:
        return f"{decision.confirmation_pairs} pairs on fresh seeds"
    if decision.baseline_kind in (BaselineKind.NONE, BaselineKind.SUMMARY):
        return f"{decision.expected_pairs} were planned"
    return f"{decision.num_pairs} of {decision.expected_pairs} pairs"


def _reference(decision: Decision) -> str:
    if decision.baseline_kind is BaselineKind.MATCHED:
        return f"the baseline at the same epoch ({decision.baseline})"
    if decision.baseline_kind is BaselineKind.SUMMARY:
        return f"the baseline's summary ({decision.baseline})"
    return f"the baseline at another epoch ({decision.baseline})"


def _amount(difference: float, metric: str) -> str:
    """ "34% more effective colors than", "as many effective colors as"."""
    name = METRIC_NAMES.get(metric, metric)
    if round(abs(difference) * 100) == 0:
        return f"as many {name} as"
    return f"{abs(difference):.0%} {'more' if difference > 0 else 'fewer'} {name} than"


def _interval(level: float, low: float | None, high: float | None) -> str:
    return f"{100 * level:.4g}% interval {_signed(low)} to {_signed(high)}"


def _signed(difference: float | None) -> str:
    if difference is None:
        return "unbounded"
    return f"{difference:+.0%}" if round(100 * difference) else "0%"


def _prompts(number: int | None) -> str:
    return f"{number} prompt{'' if number == 1 else 's'}"


def _p(p_value: float | None) -> str:
    if p_value is None:
        return "no p-value"
    return f"p < {REPORTED_P:.4f}" if p_value < REPORTED_P else f"p = {p_value:.4f}"


def _in_a_row(streak: int) -> str:
    """ "for the second epoch in a row"; one epoch is no row."""
    if streak <= 1:
        return "for the first time"
    ordinal = ORDINALS[streak - 1] if streak <= len(ORDINALS) else f"{streak}th"
    return f"for the {ordinal} epoch in a row"
