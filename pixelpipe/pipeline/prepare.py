"""Before anything is written: read and check every input, and know what this experiment is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pixelpipe.analysis.columns import METRIC_VERSION
from pixelpipe.captions.captioning import caption_sprites
from pixelpipe.captions.strategy import make_strategy, strategy_id
from pixelpipe.captions.tokens import TokenBudget, check_budget, tokenizer_folder
from pixelpipe.config import ExperimentConfig, content_id
from pixelpipe.data.manifest import Manifest, build_manifest
from pixelpipe.data.sprites import load_sprites
from pixelpipe.errors import ConfigError
from pixelpipe.lines import pinned_profile, stored_prompts
from pixelpipe.models.layout import hash_base, resolve_base
from pixelpipe.sampling.evaluation import EvaluationSet, Prompt, draw_prompts
from pixelpipe.store import Store

NOT_IDENTITY = {"name", "judge", "budget"}  # sections that change no weight and no picture
NOT_RESULTS = {"gradient_accumulation_steps", "gradient_checkpointing", "num_processes", "compile"}  # how, not what


@dataclass(frozen=True)
class Experiment:
    """What an experiment is: its configuration, its inputs and their hashes."""

    config: ExperimentConfig
    manifest: Manifest
    prompts: tuple[Prompt, ...]
    base_hash: str
    caption_strategy: str  # `captions.strategy.strategy_id`
    caption_notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by file name: what was mended
    repetition: int = 0  # `--again` makes the next one

    @property
    def line(self) -> str:
        return self.config.line_name

    @cached_property
    def experiment_id(self) -> str:
        """`<name>-<8 hex>` of everything that changes the result, and of nothing else (no path, no budget)."""
        config = {key: value for key, value in _without_paths(self.config).items() if key not in NOT_IDENTITY}
        made_from = [self.input_hashes, self.caption_strategy, self.evaluation.eval_set_id, self.repetition]
        config["training"] = {key: value for key, value in config["training"].items() if key not in NOT_RESULTS}
        digest = content_id("experiment", config, *made_from)
        return f"{self.config.name}-{digest[:8]}"

    @cached_property
    def input_hashes(self) -> dict[str, str]:
        """Content hashes of dataset, captions and base."""
        return {
            "dataset_hash": self.manifest.dataset_hash,
            "captions_hash": self.manifest.captions_hash,
            "base_hash": self.base_hash,
        }

    @cached_property
    def lineage(self) -> dict[str, str]:
        """What stands in every row of every table."""
        return {
            "experiment_id": self.experiment_id,
            "line": self.line,
            **self.input_hashes,
            "config_hash": content_id("config", _without_paths(self.config)),
        }

    @cached_property
    def evaluation(self) -> EvaluationSet:
        sampling = self.config.sampling
        return EvaluationSet(
            prompts=self.prompts[: sampling.num_prompts],
            seeds_per_prompt=sampling.seeds_per_prompt,
            num_inference_steps=sampling.num_inference_steps,
            guidance_scale=self.config.guidance_scale,
            grid=self.config.dataset.grid,
            metric_version=METRIC_VERSION,
        )


def prepare(store: Store, config: ExperimentConfig, repetition: int = 0) -> Experiment:
    """Read the dataset, caption it, find the base and the line's prompts.

    Writes nothing but captions that were made from pixels, which are kept by content.

    Raises a `BadInputError` with one line for whatever is wrong with any of them.
    """
    dataset = config.dataset
    sprites = load_sprites(dataset.path, dataset.grid, dataset.background)
    budget = TokenBudget(tokenizer_folder(config.model.base))
    strategy = make_strategy(config.captions, dataset.path, dataset.grid, budget)
    captioned = caption_sprites(store, config.captions, strategy, sprites, budget)
    captions = {name: caption.text for name, caption in captioned.items()}
    check_budget(captions, budget)
    manifest = build_manifest(sprites, captions, dataset.validation_fraction)
    pinned_profile(store, config.line_name, dataset.grid)
    return Experiment(
        config=config,
        manifest=manifest,
        prompts=_prompts(store, config, manifest),
        base_hash=hash_base(resolve_base(config.model.base)),
        caption_strategy=strategy_id(strategy),
        caption_notes={name: caption.notes for name, caption in captioned.items() if caption.notes},
        repetition=repetition,
    )


def _without_paths(config: ExperimentConfig) -> dict[str, Any]:
    """The resolved configuration without the places of its inputs: their hashes stand for them."""
    resolved = config.resolved()
    if not config.sampling.adaptive:  # as before there was a choice: an experiment keeps its name
        del resolved["sampling"]["adaptive"]
    del resolved["dataset"]["path"], resolved["model"]["base"], resolved["sampling"]["prompts"]
    del resolved["captions"]["table"], resolved["captions"]["vlm"], resolved["captions"]["vlm_batch_size"]
    return resolved


def _prompts(store: Store, config: ExperimentConfig, manifest: Manifest) -> tuple[Prompt, ...]:
    """The line's prompts where it has some, else newly drawn: candidates inherit what the baseline was asked."""
    line = config.line_name
    stored = stored_prompts(store, line)
    if stored is None:
        return draw_prompts(manifest, config.sampling, line)
    if config.sampling.prompts is not None:
        written = draw_prompts(manifest, config.sampling, line)
        if [prompt.text for prompt in written] != [prompt.text for prompt in stored[: len(written)]]:
            raise ConfigError(
                f"`sampling.prompts` must be null or the prompts that line {line} already has, "
                "since candidates inherit them; give the experiment another `line` to ask other ones"
            )
    if config.sampling.num_prompts > len(stored):
        raise ConfigError(
            f"`sampling.num_prompts` must be at most {len(stored)}, the prompts of line {line}, "
            f"but got {config.sampling.num_prompts}"
        )
    return stored
