"""The evaluation set: which pictures every checkpoint of a line is judged on. Fixed prompts x fixed seeds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from pixelpipe.config import SamplingConfig, content_id
from pixelpipe.data.manifest import Manifest
from pixelpipe.errors import ConfigError, DatasetError
from pixelpipe.seeds import derive_seed, numpy_generator
from pixelpipe.text_file import read_text

SAMPLER = "dpmsolver++"  # DPMSolverMultistepScheduler, order 2, no noise of its own
MAX_SEED = 2**31  # what any other tool accepts as a seed
EVALUATION = "evaluation"  # the purpose of the pictures that every epoch is judged on
GLANCE_PROMPTS = 12  # as many columns as a sheet has room for


class Prompt(BaseModel):
    """A prompt of a line."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt_id: str
    text: str
    source: str  # the file whose caption it is, or where the user wrote it
    held_out: bool  # False: the sprite is trained on, since there were too few held-out captions


@dataclass(frozen=True, slots=True)
class ImagePlan:
    """One picture to be made."""

    prompt_id: str
    prompt: str
    seed: int  # of the generator that draws the initial latents


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    prompts: tuple[Prompt, ...]
    seeds_per_prompt: int
    num_inference_steps: int
    guidance_scale: float
    grid: int
    metric_version: str

    @property
    def images(self) -> tuple[ImagePlan, ...]:
        """Every prompt with every one of its seeds; no two pictures share their noise."""
        return plan_images(self.prompts, self.seeds_per_prompt, EVALUATION)

    @property
    def first_images(self) -> tuple[ImagePlan, ...]:
        """Every prompt with its first seed: where an adaptive evaluation begins."""
        return self.images[:: self.seeds_per_prompt]

    @property
    def other_images(self) -> tuple[ImagePlan, ...]:
        """Every prompt with its other seeds."""
        return tuple(image for number, image in enumerate(self.images) if number % self.seeds_per_prompt)

    @property
    def glance(self) -> tuple[ImagePlan, ...]:
        """What a contact sheet shows of an epoch, while it has room."""
        shown = set(at_a_glance((image.prompt_id, image.seed) for image in self.images))
        return tuple(image for image in self.images if (image.prompt_id, image.seed) in shown)

    @property
    def contents(self) -> dict:
        """All that makes two evaluations comparable, as JSON: what differs can be said."""
        return {
            "images": [[image.prompt_id, image.prompt, image.seed] for image in self.images],
            "sampler": SAMPLER,
            "num_inference_steps": self.num_inference_steps,
            "guidance_scale": self.guidance_scale,
            "grid": self.grid,
            "metric_version": self.metric_version,
        }

    @property
    def eval_set_id(self) -> str:
        """16 hex digits. Resolution, captions, dataset and training are factors, and not part of it."""
        return content_id("evaluation set", self.contents)[:16]


def plan_images(prompts: Sequence[Prompt], seeds_per_prompt: int, *purpose: str) -> tuple[ImagePlan, ...]:
    """Pictures of every prompt; their seeds depend on the purpose, the prompt's id and the number only."""
    return tuple(
        ImagePlan(prompt.prompt_id, prompt.text, image_seed(prompt.prompt_id, number, *purpose))
        for prompt in prompts
        for number in range(seeds_per_prompt)
    )


def at_a_glance(images: Iterable[tuple[str, int]], max_prompts: int = GLANCE_PROMPTS) -> list[tuple[str, int]]:
    """Of (prompt_id, seed): the first seed of each of the first prompts, prompts by id."""
    first: dict[str, int] = {}
    for prompt_id, seed in images:
        first.setdefault(prompt_id, seed)
    return sorted(first.items())[: max(1, max_prompts)]


def image_seed(prompt_id: str, number: int, *purpose: str) -> int:
    """The seed of a prompt's picture, counted from 0."""
    return derive_seed(*purpose, prompt_id, number) % MAX_SEED


def draw_prompts(manifest: Manifest, config: SamplingConfig, line: str) -> tuple[Prompt, ...]:
    """The prompts of a new line: as the user wrote them, or different captions of held-out sprites.

    Where too few held-out captions differ, captions of training sprites fill up, marked as such. Raises
    `DatasetError` when the whole dataset has too few.
    """
    if config.prompts is not None:
        return _written_prompts(config.prompts, config.num_prompts)
    drawn: dict[str, tuple[str, bool]] = {}
    for split in ("validation", "train"):
        samples = manifest.split(split)
        for index in numpy_generator("prompts", line, split).permutation(len(samples)):
            drawn.setdefault(samples[index].caption, (samples[index].sprite.file_name, split == "validation"))
    if len(drawn) < config.num_prompts:
        raise DatasetError(
            f"`sampling.num_prompts` is {config.num_prompts} but the dataset has only {len(drawn)} different captions"
        )
    chosen = list(drawn.items())[: config.num_prompts]
    return tuple(
        Prompt(prompt_id=f"p{number:03d}", text=text, source=source, held_out=held_out)
        for number, (text, (source, held_out)) in enumerate(chosen, start=1)
    )


def _written_prompts(path: Path, num_prompts: int) -> tuple[Prompt, ...]:
    lines = read_text(path, "a text file of one prompt a line", named_by="`sampling.prompts`").splitlines()
    texts = list(dict.fromkeys(" ".join(line.split()) for line in lines if line.strip()))
    if len(texts) < num_prompts:
        raise ConfigError(
            f"`sampling.prompts` {path}: must hold at least sampling.num_prompts ({num_prompts}) different prompts "
            f"but holds {len(texts)}"
        )
    return tuple(
        Prompt(prompt_id=f"p{number:03d}", text=text, source=path.name, held_out=True)
        for number, text in enumerate(texts[:num_prompts], start=1)
    )
