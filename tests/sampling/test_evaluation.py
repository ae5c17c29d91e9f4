from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pixelpipe.config import SamplingConfig
from pixelpipe.data.manifest import Manifest, build_manifest
from pixelpipe.data.sprites import Sprite, content_hash
from pixelpipe.errors import ConfigError, DatasetError
from pixelpipe.sampling.evaluation import GLANCE_PROMPTS, MAX_SEED, EvaluationSet, Prompt, draw_prompts, plan_images


def manifest_of(num: int = 20, *, num_captions: int = 1000, prefix: str = "") -> Manifest:
    """A fifth is held out."""
    sprites = []
    for number in range(num):
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        sprites.append(Sprite(f"{prefix}{number:03d}.png", pixels, content_hash(pixels)))
    captions = {sprite.file_name: f"caption {number % num_captions}" for number, sprite in enumerate(sprites)}
    return build_manifest(sprites, captions, 0.2)


def sampling(**values) -> SamplingConfig:
    return SamplingConfig.model_validate({"num_prompts": 8, **values})


def prompt(number: int, text: str | None = None) -> Prompt:
    return Prompt(prompt_id=f"p{number:03d}", text=text or f"prompt {number}", source="a.png", held_out=True)


EVALUATION = EvaluationSet(
    prompts=tuple(prompt(number) for number in range(1, 25)),
    seeds_per_prompt=4,
    num_inference_steps=25,
    guidance_scale=7.5,
    grid=24,
    metric_version="1",
)


def test_held_out_captions_come_first():
    manifest = manifest_of()
    prompts = draw_prompts(manifest, sampling(num_prompts=8), "line")
    held_out = {sample.caption: sample.sprite.file_name for sample in manifest.split("validation")}
    assert [p.held_out for p in prompts] == [True] * 4 + [False] * 4
    assert {p.text: p.source for p in prompts[:4]} == held_out
    assert {p.text for p in prompts[4:]} <= {sample.caption for sample in manifest.split("train")}
    assert [p.prompt_id for p in prompts] == [f"p{n:03d}" for n in range(1, 9)]


def test_prompts_differ_and_repeat_themselves():
    config = sampling(num_prompts=10)
    prompts = draw_prompts(manifest_of(60, num_captions=10), config, "line")
    assert sorted(p.text for p in prompts) == sorted(f"caption {n}" for n in range(10))
    assert draw_prompts(manifest_of(60, num_captions=10), config, "line") == prompts
    renamed = draw_prompts(manifest_of(60, num_captions=10, prefix="z/"), config, "line")
    assert [p.text for p in renamed] == [p.text for p in prompts]
    assert [p.text for p in draw_prompts(manifest_of(60, num_captions=10), config, "other")] != [
        p.text for p in prompts
    ]


def test_fewer_prompts_are_the_first_of_more():
    many = draw_prompts(manifest_of(), sampling(num_prompts=15), "line")
    assert draw_prompts(manifest_of(), sampling(num_prompts=6), "line") == many[:6]


def test_too_few_captions():
    with pytest.raises(
        DatasetError, match=r"`sampling.num_prompts` is 8 but the dataset has only 5 different captions"
    ):
        draw_prompts(manifest_of(num_captions=5), sampling(), "line")


def test_written_prompts(tmp_path):
    path = tmp_path / "prompts.txt"
    path.write_text("\ufeffa  knight\r\n\r\n a königin \na knight\na cat\na dog", encoding="utf-8")
    prompts = draw_prompts(manifest_of(), sampling(num_prompts=3, prompts=str(path)), "line")
    assert [(p.prompt_id, p.text) for p in prompts] == [("p001", "a knight"), ("p002", "a königin"), ("p003", "a cat")]
    assert {(p.source, p.held_out) for p in prompts} == {("prompts.txt", True)}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\nb\na\n", r"must hold at least sampling.num_prompts \(8\) different prompts but holds 2"),
        (b"", r"must hold at least sampling.num_prompts \(8\) different prompts but holds 0"),
        (b"\xff\xfea", "must be a text file of one prompt a line"),
        (None, "must be a text file of one prompt a line"),
    ],
)
def test_prompt_files_that_do_not_serve(tmp_path: Path, content, message):
    path = tmp_path / "prompts.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as error:
        draw_prompts(manifest_of(), sampling(prompts=str(path)), "line")
    assert str(error.value).startswith(f"`sampling.prompts` {path}: ")


def test_every_prompt_with_every_seed_and_no_seed_twice():
    images = EVALUATION.images
    assert [image.prompt_id for image in images] == [p.prompt_id for p in EVALUATION.prompts for _ in range(4)]
    assert all(image.prompt == f"prompt {int(image.prompt_id[1:])}" for image in images)
    seeds = [image.seed for image in images]
    assert len(set(seeds)) == 24 * 4
    assert 0 <= min(seeds) <= max(seeds) < MAX_SEED


def test_at_a_glance_are_the_first_seeds_of_the_first_prompts_by_id():
    shuffled = replace(EVALUATION, prompts=EVALUATION.prompts[::-1])
    for evaluation in (EVALUATION, shuffled):
        assert set(evaluation.glance) == set(EVALUATION.first_images[:GLANCE_PROMPTS])
    few = replace(EVALUATION, prompts=EVALUATION.prompts[:5])
    assert few.glance == few.first_images


def test_seeds_depend_on_purpose_prompt_and_number_only():
    few = plan_images(EVALUATION.prompts[3:5], 2, "evaluation")
    assert [image.seed for image in few] == [EVALUATION.images[n].seed for n in (12, 13, 16, 17)]
    fresh = plan_images(EVALUATION.prompts, 4, "confirmation", "x-1a2b3c4d")
    other = plan_images(EVALUATION.prompts, 4, "confirmation", "x-5e6f7a8b")
    seeds = [{image.seed for image in images} for images in (EVALUATION.images, fresh, other)]
    assert len(set.union(*seeds)) == 3 * 96


def test_the_id_tells_every_change_that_makes_pictures_incomparable():
    changes = [
        {},
        {"prompts": EVALUATION.prompts[:-1]},
        {"prompts": (prompt(1, "another"), *EVALUATION.prompts[1:])},
        {"prompts": EVALUATION.prompts[::-1]},
        {"seeds_per_prompt": 5},
        {"num_inference_steps": 24},
        {"guidance_scale": 7.0},
        {"grid": 32},
        {"metric_version": "2"},
    ]
    ids = [replace(EVALUATION, **change).eval_set_id for change in changes]
    assert len(set(ids)) == len(changes)
    assert all(len(eval_set_id) == 16 for eval_set_id in ids)


def test_the_id_is_not_of_where_a_prompt_came_from():
    moved = tuple(p.model_copy(update={"source": "z.png", "held_out": False}) for p in EVALUATION.prompts)
    assert replace(EVALUATION, prompts=moved).eval_set_id == EVALUATION.eval_set_id
