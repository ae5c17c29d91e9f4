"""A picture depends on its prompt and its seed, and not on its place."""

import numpy as np
import pytest
import torch
from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline

from pixelpipe.sampling.evaluation import ImagePlan
from pixelpipe.sampling.sampler import TIMESTEP_SPACING, Sampler

PLANS = [ImagePlan(f"p{n}", prompt, 100 + n) for n, prompt in enumerate(["red hair", "blue hair", "a hat", "glasses"])]


@pytest.fixture(scope="module")
def make_sampler(base):
    def make(batch_size, guidance_scale=4.0, resolution=96):
        return Sampler(base, resolution=resolution, num_inference_steps=4, guidance_scale=guidance_scale,
                       batch_size=batch_size)  # fmt: skip

    return make


def pictures(sampler, base, plans):
    return {plan.prompt_id: image for plan, image in sampler.sample(base.unet, plans)}


def test_same_batch_size_is_bit_for_bit_wherever_a_picture_stands(make_sampler, base):
    sampler = make_sampler(batch_size=3)
    expected = pictures(sampler, base, PLANS)
    for plans in (PLANS[::-1], PLANS[2:], [PLANS[1]], [PLANS[3], PLANS[0], PLANS[2]]):
        for prompt_id, image in pictures(sampler, base, plans).items():
            np.testing.assert_array_equal(image, expected[prompt_id])


def test_another_batch_size_differs_by_one_level_at_most(make_sampler, base):
    expected = pictures(make_sampler(batch_size=4), base, PLANS)
    for batch_size in (1, 3):
        for prompt_id, image in pictures(make_sampler(batch_size), base, PLANS).items():
            assert np.abs(image.astype(int) - expected[prompt_id]).max() <= 1


def test_prompt_and_seed_both_matter(make_sampler, base):
    plans = [ImagePlan("a", "red hair", 1), ImagePlan("b", "red hair", 2), ImagePlan("c", "blue hat", 1)]
    images = pictures(make_sampler(batch_size=3), base, plans)
    assert not np.array_equal(images["a"], images["b"])
    assert not np.array_equal(images["a"], images["c"])


@pytest.mark.parametrize("guidance_scale", [1.0, 4.0])
def test_pictures_are_those_of_the_pipeline_as_documented(make_sampler, base, guidance_scale):
    pipeline = StableDiffusionPipeline.from_pretrained(base.folder, dtype=torch.float32, local_files_only=True)
    pipeline.scheduler = DPMSolverMultistepScheduler.from_config(
        pipeline.scheduler.config, timestep_spacing=TIMESTEP_SPACING
    )
    pipeline.set_progress_bar_config(disable=True)
    ours = pictures(make_sampler(1, guidance_scale), base, PLANS[:1])["p0"]
    theirs = pipeline(
        PLANS[0].prompt,
        generator=torch.Generator("cpu").manual_seed(PLANS[0].seed),
        num_inference_steps=4,
        guidance_scale=guidance_scale,
        height=96,
        width=96,
        output_type="np",
    ).images[0]
    assert np.abs(ours / 255 - theirs).max() <= 1 / 255


def test_size_and_dtype(make_sampler, base):
    [(_, image)] = make_sampler(1, resolution=192).sample(base.unet, PLANS[:1])
    assert image.shape == (192, 192, 3)
    assert image.dtype == np.uint8
