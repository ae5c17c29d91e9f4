"""What a promotion is confirmed by, from rows of `confirmations`: also that the colors that prompts name still show."""

import dataclasses
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pixelpipe.comparison.confirmation import confirm
from pixelpipe.comparison.decision import Decision, ReasonCode, Verdict
from pixelpipe.comparison.rule import decide
from pixelpipe.pipeline.evidence import confirmation_evidence

NUM_PROMPTS, NUM_SEEDS = 12, 4


def rows(colors: float, agreement: float, naming: int) -> pa.Table:
    """Of one side; the first `naming` prompts name colors."""
    prompts = [f"p{prompt:02d}" for prompt in range(NUM_PROMPTS) for _ in range(NUM_SEEDS)]
    count = len(prompts)
    noise = np.random.default_rng(int(colors)).normal(1, 0.02, count)
    return pa.table(
        {
            "prompt_id": prompts,
            "seed": pa.array([*range(NUM_SEEDS)] * NUM_PROMPTS, pa.int64()),
            "eval_set_id": ["fresh"] * count,
            "effective_colors": colors * noise,
            "clean": [True] * count,
            "largest_share": [0.4] * count,
            "named_color_agreement": pa.array(
                [agreement if int(prompt[1:]) < naming else None for prompt in prompts], pa.float64()
            ),
        }
    )


@pytest.fixture
def provisional(build) -> Any:
    context = build.context(
        evidence=build.evidence(8), baseline=build.matched(build.scaled(0.85), 8, champion="base-11111111@8")
    )
    return dataclasses.replace(
        context, plan=dataclasses.replace(context.plan, expected_confirmations=NUM_PROMPTS * NUM_SEEDS)
    )


def confirmed(context: Any, agreement: float, naming: int) -> Decision:
    decision = decide(context)
    sides = rows(25.0, agreement, naming), rows(30.0, 0.9, naming)
    return confirm(context, decision, confirmation_evidence(decision, *sides, duplicate_rate=0.0))


@pytest.mark.parametrize(
    ("agreement", "naming", "verdict", "reason"),
    [
        (0.88, 12, Verdict.PROMOTED, ReasonCode.BETTER),  # within the 15 points
        (0.60, 12, Verdict.INCONCLUSIVE, ReasonCode.COLORS_DISAGREE),
        (0.60, 5, Verdict.INCONCLUSIVE, ReasonCode.COLORS_DISAGREE),
        (0.88, 5, Verdict.PROMOTED, ReasonCode.BETTER),  # the other seven name none, and are not missing
        (0.60, 4, Verdict.PROMOTED, ReasonCode.BETTER),  # of four prompts nothing can be shown: 2^-4 > 0.05
    ],
)
def test_fewer_colors_may_not_be_those_that_prompts_name(provisional, agreement, naming, verdict, reason):
    decision = confirmed(provisional, agreement, naming)
    assert (decision.verdict, decision.reason_code) == (verdict, reason)
    assert decision.color_agreement == (pytest.approx(agreement) if naming >= 5 else None)
