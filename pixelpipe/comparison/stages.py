"""A look in two stages: the first seed of every prompt, and the others only where that leaves the decision open.

Both stages may spend a part of what their look may spend of alpha, so by Bonferroni's inequality the error over all
looks is what it was, whatever decides whether the second stage is drawn. It is not drawn where the first shows an
excess beyond the margin, and not where its mean is within it: to give up a look can only abandon less.

Which stage an epoch was judged at follows from its rows alone: those of the first stage have no other seed than each
prompt's first, which is a function of the prompt's id.
"""

import dataclasses

import pyarrow as pa

from pixelpipe.comparison.decision import BaselineKind
from pixelpipe.comparison.evidence import BaselineEvidence, EpochContext, Plan
from pixelpipe.comparison.measurement import data_problem, image_problem, measured
from pixelpipe.comparison.pairing import Pairing, pair
from pixelpipe.sampling.evaluation import EVALUATION, image_seed

PAIRED = (BaselineKind.MATCHED, BaselineKind.UNMATCHED)


def has_stages(plan: Plan, epoch: int) -> bool:
    """Whether a candidate's epoch may do with its first seeds: not the last, which may be promoted."""
    return plan.first_pairs is not None and epoch < plan.epochs


def stage_of(plan: Plan, epoch: int, baseline: BaselineEvidence, samples: pa.Table) -> int | None:
    """The stage that an epoch's images (prompt_id, seed) are of; None: they were drawn at once."""
    if not has_stages(plan, epoch):
        return None
    if has_first_seeds_alone(samples):
        return 1
    return 2 if baseline.kind in PAIRED else None  # else nothing was left open: there was nothing to compare with


def is_open(context: EpochContext) -> bool:
    """Whether the first stage leaves the decision open, so that the other seeds must be drawn.

    A mean beyond the margin that is not shown to be beyond it; and pictures that look collapsed, which a person, or
    the next epoch, should not have to take from one seed a prompt.
    """
    pairing = context.baseline.pairing
    if context.stage != 1 or pairing is None or context.evidence.epoch <= context.plan.judge.grace:
        return False
    if image_problem(context) is not None or data_problem(pairing, context.expected_images) is not None:
        return False  # more pictures mend nothing
    figures = measured(context)
    if figures.collapsed:
        return True
    if context.baseline.first_seeds_alone or figures.exceeds_margin:
        return False
    assert figures.relative_difference is not None, "a whole pairing has a difference"
    assert figures.margin is not None, "a paired baseline has a margin"
    return figures.relative_difference > figures.margin


def has_first_seeds_alone(samples: pa.Table) -> bool:
    """Whether no image has another seed than its prompt's first; False of no images."""
    return samples.num_rows > 0 and all(_are_first(samples))


def first_seeds(samples: pa.Table) -> pa.Table:
    """The rows of every prompt's first seed."""
    return samples.filter(pa.array(_are_first(samples), pa.bool_()))


def pair_as_drawn(candidate: pa.Table, baseline: pa.Table, metric: str, floor: float | None) -> Pairing:
    """`pair`, on the first seed of every prompt where one side was drawn with no other of the same evaluation set.

    Those that the other side has besides are then no missing pairs.
    """
    ours, theirs = (has_first_seeds_alone(side) for side in (candidate, baseline))
    whole = pair(candidate, baseline, metric, floor)
    if ours == theirs or not whole.eval_set_matches:
        return whole
    expected = first_seeds(baseline if ours else candidate).num_rows
    found = pair(first_seeds(candidate), first_seeds(baseline), metric, floor)
    return dataclasses.replace(found, expected_pairs=expected)


def _are_first(samples: pa.Table) -> list[bool]:
    """Of each row."""
    prompt_ids = [str(prompt_id) for prompt_id in samples["prompt_id"].to_pylist()]
    first = {prompt_id: image_seed(prompt_id, 0, EVALUATION) for prompt_id in set(prompt_ids)}
    seeds = samples["seed"].to_pylist()
    return [seed == first[prompt_id] for prompt_id, seed in zip(prompt_ids, seeds, strict=True)]
