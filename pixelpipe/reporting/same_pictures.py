"""Epochs that were compared on a part of their images: the figures of both sides over just that part.

An adaptive evaluation draws the first seed of every prompt where that is enough. Beside it stand then the baseline's
same images, not all that the baseline drew; and what was drawn whole stands beside an adaptive baseline likewise.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from pixelpipe.reporting.judged_against import Baseline, split_reference
from pixelpipe.reporting.trajectory import EpochFacts, Row, judged_values, read_images
from pixelpipe.store import Store

Pair = tuple[EpochFacts, EpochFacts]  # an epoch, and the baseline's that it was compared with
Key = tuple[str, int]  # prompt_id, seed


def compared_in_part(
    store: Store,
    images: Sequence[Row],
    epochs: Sequence[EpochFacts],
    baseline: Baseline | None,
    metric: str,
    floor: float | None,
) -> Mapping[int, Pair]:
    """Epoch -> both sides over the images that both drew; only where one of them drew more."""
    if baseline is None or baseline.experiment_id is None:
        return {}
    pairs = {facts.epoch: (facts, theirs) for facts in epochs if (theirs := _compared_with(facts, baseline))}
    if all(ours.num_samples == theirs.num_samples for ours, theirs in pairs.values()):
        return {}
    others = read_images(store, baseline.experiment_id, metric)
    found = {}
    for epoch, (ours, theirs) in pairs.items():
        mine, other = (_of_epoch(rows, facts.epoch) for rows, facts in ((images, ours), (others, theirs)))
        both = mine.keys() & other.keys()
        if both and mine.keys() != other.keys():
            kept = _over(ours, [mine[key] for key in sorted(both)], metric, floor)
            found[epoch] = (
                replace(kept, judged=ours.judged, quartiles=ours.quartiles),  # as decided
                _over(theirs, [other[key] for key in sorted(both)], metric, floor),
            )
    return found


def _compared_with(facts: EpochFacts, baseline: Baseline) -> EpochFacts | None:
    """Its baseline's epoch; None where images are missing, which is another matter."""
    decision = facts.decision
    if decision is None or decision.missing_candidate or decision.missing_baseline:
        return None
    experiment_id, epoch = split_reference(decision.baseline)
    return baseline.at(epoch) if experiment_id == baseline.experiment_id else None


def _of_epoch(images: Sequence[Row], epoch: int) -> dict[Key, Row]:
    return {(image["prompt_id"], image["seed"]): image for image in images if image["epoch"] == epoch}


def _over(facts: EpochFacts, images: Collection[Row], metric: str, floor: float | None) -> EpochFacts:
    """The epoch's figures over these images of it."""
    values = judged_values(list(images), metric, floor)
    clean = [image["clean"] for image in images if image["clean"] is not None]
    return replace(
        facts,
        mean_effective_colors=_mean(images, "effective_colors"),
        mean_unique_colors=_mean(images, "unique_colors"),
        clean_rate=float(np.mean(clean)) if clean else None,
        num_samples=len(images),
        judged=float(values.mean()) if len(values) else None,
        quartiles=tuple(np.percentile(values, [25, 75]).tolist()) if len(values) else None,
    )


def _mean(images: Collection[Row], column: str) -> float | None:
    values = [image[column] for image in images if image[column] is not None]
    return float(np.mean(values)) if values else None
