"""What the base draws before it is trained: sprites that show at a glance what training has changed."""

from dataclasses import replace
from functools import partial

import torch

from pixelpipe.keys import before_key, experiment_key
from pixelpipe.pipeline.pictures import sample_images
from pixelpipe.pipeline.session import Session
from pixelpipe.pipeline.weights import SamplerSettings
from pixelpipe.sampling.evaluation import ImagePlan


def draw_before_training(session: Session) -> None:
    """Put what the weights that training begins with draw of the sheet's prompts and seeds, where it is missing.

    The sampler is one of its own: of no larger batch than these pictures fill, and never compiled, so that those of the
    first epoch still time the compiling.
    """
    experiment, store = session.experiment, session.store
    there = set(store.list(experiment_key(experiment.experiment_id, "before")))
    key_of = partial(_key, experiment.experiment_id)
    missing = [plan for plan in experiment.evaluation.glance if key_of(plan) not in there]
    if missing:
        settings = SamplerSettings.of(experiment.config)
        batch_size = min(settings.batch_size, len(experiment.evaluation.glance))
        sampler = replace(settings, batch_size=batch_size).sampler(session.base)
        grid = experiment.evaluation.grid
        sample_images(store, sampler, session.unet, missing, key_of, "before training: sampling", grid)
        torch.cuda.empty_cache()  # processes that train on the same GPU find how much fits


def _key(experiment_id: str, plan: ImagePlan) -> str:
    return before_key(experiment_id, plan.prompt_id, plan.seed)
