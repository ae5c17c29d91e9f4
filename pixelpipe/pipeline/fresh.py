"""Candidate and champion on seeds that nobody has seen: what a promotion is confirmed on."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa
from diffusers import UNet2DConditionModel

from pixelpipe.analysis.duplicates import TrainSprites
from pixelpipe.analysis.profile import Profile
from pixelpipe.config import content_id
from pixelpipe.keys import confirmation_key
from pixelpipe.pipeline.judge import FreshImages
from pixelpipe.pipeline.pictures import measure_images, sample_images
from pixelpipe.pipeline.weights import checkpoint_sampler
from pixelpipe.sampling.evaluation import EvaluationSet, ImagePlan, plan_images
from pixelpipe.sampling.sampler import Sampler
from pixelpipe.store import Store


@dataclass(frozen=True, slots=True)
class Candidate:
    """The checkpoint that may be promoted, warm."""

    reference: str  # "<experiment>@<epoch>"
    sampler: Sampler
    unet: UNet2DConditionModel
    lineage: Mapping[str, Any]  # what stands in every row: its experiment, epoch, attempt and hashes

    @property
    def experiment_id(self) -> str:
        return self.reference.rpartition("@")[0]


def sample_fresh(
    store: Store,
    candidate: Candidate,
    champion: str,
    evaluation: EvaluationSet,
    confirm_seeds: int,
    profile: Profile,
    train_sprites: TrainSprites | None,
) -> tuple[FreshImages, pa.Table]:
    """Draw and measure both sides alike; returns them, and their rows of `confirmations`."""
    experiment_id = candidate.experiment_id
    pair = (experiment_id, champion)  # fresh for just these two: either may be judged again
    plans = plan_images(evaluation.prompts, confirm_seeds, "confirmation", *pair)
    fresh_set_id = content_id("confirmation", evaluation.eval_set_id, *pair)[:16]
    measured = {}
    for role, checkpoint in (("candidate", candidate.reference), ("baseline", champion)):
        ours = role == "candidate"
        sampler, unet = (candidate.sampler, candidate.unet) if ours else checkpoint_sampler(store, champion)
        key_of = partial(_key, experiment_id, role)
        sample_images(store, sampler, unet, plans, key_of, f"confirming: {role}")
        lineage = {
            **candidate.lineage,
            "eval_set_id": fresh_set_id,
            "role": role,
            "checkpoint": checkpoint,
            "checkpoint_hash": candidate.lineage["checkpoint_hash"] if ours else None,
        }
        measured[role] = measure_images(store, plans, key_of, evaluation.grid, profile, train_sprites, lineage)
    rows = pa.concat_tables([side.rows for side in measured.values()], promote_options="permissive")
    return FreshImages(measured["candidate"], measured["baseline"]), rows


def _key(experiment_id: str, role: Any, plan: ImagePlan) -> str:
    return confirmation_key(experiment_id, role, plan.prompt_id, plan.seed)
