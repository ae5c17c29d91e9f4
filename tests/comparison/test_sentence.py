"""Sentences as people read them: about this checkpoint, with its figures, and the verdict at the end."""

import dataclasses

import pytest

from pixelpipe.comparison.decision import BaselineKind, Decision, ReasonCode, Verdict
from pixelpipe.comparison.rule import decide
from pixelpipe.comparison.sentence import sentence


@pytest.fixture
def decision(build) -> Decision:
    """The second epoch in a row that is 34% worse."""
    return decide(build.context(baseline=build.matched(build.scaled(1.34)))).replaced(
        verdict=Verdict.ABANDONED,
        reason_code=ReasonCode.WORSE,
        ends_run=True,
        relative_difference=0.34,
        interval_low=0.28,
        interval_high=0.41,
        interval_level=0.95,
        p_value=2**-12,
        streak=2,
    )


def test_worse(decision):
    assert sentence(decision) == (
        "Epoch 2 shows 34% more effective colors than the baseline at the same epoch (base-11111111@2) "
        "(95% interval +28% to +41%, p = 0.0002 over 12 prompts), more than the allowed +10%, "
        "for the second epoch in a row: abandoned."
    )


NO_VALUES = {"interval_low": None, "interval_high": None}
CASES = {
    "tiny p": ({"p_value": 1e-5}, ["p < 0.0001"]),
    "another epoch": (
        {"baseline_kind": BaselineKind.UNMATCHED, "baseline": "b@8"},
        ["the baseline at another epoch (b@8)"],
    ),
    "unbounded": (NO_VALUES, ["interval unbounded to unbounded"]),
    "one prompt": ({"num_prompts": 1}, ["over 1 prompt)"]),
    "98.75%": ({"interval_level": 0.9875}, ["98.75% interval"]),
    "summary": (
        {
            "reason_code": ReasonCode.SUMMARY_BASELINE,
            "baseline_kind": BaselineKind.SUMMARY,
            "baseline": "seed-512px@8",
            "metric": "unique_colors",
            "candidate_mean": 449.7,
            "baseline_mean": 216.6,
            "relative_difference": 1.076,
            "margin": 0.5,
        },
        [
            "108% more unique colors than the baseline's summary (seed-512px@8)",
            "(mean 449.7 against 216.6, too little for a test), more than the allowed +50%",
        ],
    ),
    "within": (
        {
            "reason_code": ReasonCode.WITHIN_MARGIN,
            "verdict": Verdict.CONTINUE,
            "ends_run": False,
            "relative_difference": 0.04,
            "interval_low": -0.001,
            "exceeds_margin": False,
        },
        ["4% more", "interval 0% to", "+41% over 12 prompts), within the allowed +10%: the run goes on."],
    ),
    "not shown": ({"exceeds_margin": False}, ["not shown to be more than the allowed +10%"]),
    "equal": ({"relative_difference": 0.001, "exceeds_margin": False}, ["as many effective colors as the baseline"]),
    "better": (
        {
            "reason_code": ReasonCode.AWAITING_CONFIRMATION,
            "verdict": Verdict.INCONCLUSIVE,
            "relative_difference": -0.2,
            "exceeds_margin": False,
            "champion": "base-11111111@6",
            "champion_difference": -0.1,
        },
        [
            "20% fewer effective colors than the baseline",
            "and 10% fewer effective colors than the champion's checkpoint: inconclusive, fresh seeds must",
        ],
    ),
    "blank": (
        {"reason_code": ReasonCode.DEGENERATE, "median_colors": 2.0, "collapse_streak": 2},
        ["has collapsed to 2 colors an image (the art has 8 or more), for the second epoch in a row: abandoned."],
    ),
    "one color": ({"reason_code": ReasonCode.DEGENERATE, "median_largest_share": 0.97}, ["one color fills 97%"]),
    "one picture": ({"reason_code": ReasonCode.DEGENERATE, "duplicate_rate": 0.8}, ["80% of its images repeat"]),
    "between runs": (
        {"run_sd": 0.043, "streak": 1},
        ["even where runs of one configuration differ by 4.3%, for the first time"],
    ),
    "afresh": ({"reason_code": ReasonCode.DEGENERATE}, ["has collapsed on fresh seeds: abandoned."]),
    "first": (
        {"reason_code": ReasonCode.FIRST_BASELINE, "verdict": Verdict.PROMOTED},
        ["Epoch 2 has no champion to be compared with: promoted, the line's first baseline."],
    ),
    "missing": (
        {
            "reason_code": ReasonCode.MISSING_PAIRS,
            "verdict": Verdict.INCONCLUSIVE,
            "ends_run": False,
            "num_pairs": 23,
        },
        ["Epoch 2 lacks images to compare (23 of 24 pairs): inconclusive, the run goes on."],
    ),
    "confirmed": (
        {
            "reason_code": ReasonCode.BETTER,
            "verdict": Verdict.PROMOTED,
            "confirmation_baseline": "b@6",
            "confirmation_difference": -0.15,
            "confirmation_low": -0.17,
            "confirmation_high": -0.13,
            "confirmation_p_value": 0.0003,
            "confirmation_prompts": 12,
        },
        [
            "15% fewer effective colors than the champion's checkpoint (b@6) on fresh seeds "
            "(90% interval -17% to -13%, p = 0.0003 over 12 prompts), beyond the required -5%: promoted."
        ],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_cases(decision, name):
    changes, parts = CASES[name]
    text = sentence(dataclasses.replace(decision, **changes))
    for part in parts:
        assert part in text


@pytest.mark.parametrize("reason", ReasonCode)
def test_every_reason_has_one_sentence(decision, reason):
    text = sentence(decision.replaced(reason_code=reason))
    assert text.startswith("Epoch 2 ")
    assert text.endswith(".")
    assert "None" not in text
    assert "nan" not in text
    assert "resolution" not in text
