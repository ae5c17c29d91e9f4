"""A checkpoint judged on its line's evaluation set: drawn with, measured, and compared as an epoch of a run is.

`prepare_evaluation` reads and checks everything and writes nothing; `CheckpointEvaluation` goes from the store to the
store, epoch by epoch. A picture that is there already is kept: its experiment's id stands for all that it depends on.
"""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from diffusers import UNet2DConditionModel

from pixelpipe.analysis.duplicates import TrainSprites
from pixelpipe.analysis.metrics import METRIC_VERSION
from pixelpipe.analysis.profile import Profile
from pixelpipe.comparison.decision import Decision
from pixelpipe.comparison.evidence import Plan
from pixelpipe.config import BACKGROUND, BudgetConfig
from pixelpipe.cost import cost_usd
from pixelpipe.data.sprites import load_sprites
from pixelpipe.elsewhere import ElsewhereConfig
from pixelpipe.errors import BadInputError
from pixelpipe.keys import sample_key
from pixelpipe.lease import Lease
from pixelpipe.lines import pin_profile, pin_prompts, stored_prompts
from pixelpipe.pipeline.baseline import find_baseline
from pixelpipe.pipeline.checkpoint_config import checkpoint_config, choose_line
from pixelpipe.pipeline.checkpoint_source import Source, find_source
from pixelpipe.pipeline.comparable import check_comparable
from pixelpipe.pipeline.elsewhere import Declaration, ElsewhereRun, require_champion
from pixelpipe.pipeline.elsewhere_inputs import art_of, judge_that_can_decide, profile_of
from pixelpipe.pipeline.fresh import Candidate, sample_fresh
from pixelpipe.pipeline.judge import FreshImages, epoch_context, judge_epoch
from pixelpipe.pipeline.outcome import Outcome
from pixelpipe.pipeline.pictures import Measured, measure_images, sample_images, summaries
from pixelpipe.pipeline.sample_folder import read_texts
from pixelpipe.pipeline.stage_seconds import StageSeconds
from pixelpipe.pipeline.weights import checkpoint_sampler, keep_weights
from pixelpipe.results.reader import read_table
from pixelpipe.sampling.evaluation import EvaluationSet, ImagePlan, Prompt
from pixelpipe.sampling.sampler import Sampler
from pixelpipe.store import Store

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What will be drawn and judged; every input read and checked."""

    config: ElsewhereConfig
    source: Source
    evaluation: EvaluationSet
    profile: Profile
    train_sprites: np.ndarray | None  # (N, grid, grid, 3) uint8, what the model has seen; None: not at hand
    declared: Declaration | None

    @property
    def experiment_id(self) -> str:
        """Of the weights, the evaluation set and all that pictures depend on: the same command, the same rows."""
        return self.config.identity(self.source.content, dict(self.source.hashes), self.evaluation.eval_set_id)

    def introduction(self, epochs: list[int], baseline: str | None) -> str:
        """What will happen, before a person waits for it. `epochs`: that are still to be judged."""
        asked, config = self.evaluation, self.config
        numbers = ", ".join(map(str, epochs)) or "none that is new"
        rival = f"against {baseline}" if baseline else f"as the baseline of line {config.line}"
        return (
            f"{self.experiment_id} (line {config.line}): {self.source.weights.kind} on base {self.source.base}, epoch "
            f"{numbers}\n  drawn at {config.training.resolution} px on {len(asked.prompts)} prompts x "
            f"{asked.seeds_per_prompt} seeds ({asked.num_inference_steps} steps, guidance {asked.guidance_scale:g}), "
            f"{rival}"
        )


def prepare_evaluation(
    store: Store,
    checkpoint: str,
    values: Mapping[str, Any],
    *,
    declared: Declaration | None,
    line: str | None = None,
    name: str | None = None,
    epoch: int | None = None,
    prompts_file: Path | None = None,
) -> Evaluation:
    """Find the weights, the line's evaluation set and its baseline; `values`: what else is known, by section.

    Raises `BadInputError`, one line, for whatever does not fit. Writes nothing.
    """
    line = choose_line(store, checkpoint, line)
    source = find_source(store, checkpoint, line, (values.get("model") or {}).get("base"), epoch)
    if declared is None:
        require_champion(store, line, (values.get("judge") or {}).get("baseline", "champion"))
    config = checkpoint_config(store, source, values, line, name)
    evaluation = _evaluation_set(config, _prompts(store, config, prompts_file))
    config = judge_that_can_decide(config, max(source.epochs), len(evaluation.prompts))
    if declared is None:
        check_comparable(store, evaluation, find_baseline(store, line, config.judge.baseline), line)
    art = _train_sprites(store, source, config)
    return Evaluation(config, source, evaluation, profile_of(store, config, art), art, declared)


class CheckpointEvaluation:
    """One attempt at it, stage by stage, under the experiment's lease."""

    def __init__(self, lease: Lease, evaluation: Evaluation) -> None:
        self.store, self.evaluation, self.config = lease.store, evaluation, evaluation.config
        self.experiment_id, self.source = evaluation.experiment_id, evaluation.source
        self.rows = ElsewhereRun(lease, self.config, evaluation.declared, evaluation.source.hashes)
        self.seconds = StageSeconds()
        self._loaded: tuple[int, tuple[Sampler, UNet2DConditionModel]] | None = None  # of the epoch in progress

    def begin(self) -> list[int]:
        """Put the weights and all that is known of them; returns the epochs that are still to be judged, in order."""
        if self._has_ended:
            return []
        new = self.rows.begin(self.source.epochs)
        if new:
            pin_prompts(self.store, self.config.line, self.evaluation.evaluation.prompts)
            pin_profile(self.store, self.config.line, self.evaluation.profile)
            [epoch] = self.source.epochs if self.source.path else [new[0]]
            weights, path, base = self.source.weights, self.source.path, self.source.base
            keep_weights(self.store, self.experiment_id, epoch, self.rows.attempt, weights, path, base)
        return new

    def sample(self, epoch: int) -> int:
        """Draw the evaluation set's pictures that are not there yet; returns how many it has."""
        self.seconds = StageSeconds()
        plans = self.evaluation.evaluation.images
        key_of = partial(self._key, epoch)
        with self.seconds.timed("sample"):
            left = [plan for plan in plans if not self.store.exists(key_of(plan))]
            if left:
                sampler, unet = self._model(epoch)
                sample_images(self.store, sampler, unet, left, key_of, f"epoch {epoch}: sampling")
        return len(plans)

    def analyze(self, epoch: int) -> Measured:
        with self.seconds.timed("analyze"):
            evaluation = self.evaluation.evaluation
            return measure_images(
                self.store,
                evaluation.images,
                partial(self._key, epoch),
                evaluation.grid,
                self.evaluation.profile,
                self._train_sprites,
                self._lineage(epoch) | {"eval_set_id": evaluation.eval_set_id},
            )

    def judge(self, epoch: int, measured: Measured) -> Decision:
        """Decide, and put every row of the epoch."""
        images_seen = self._images_seen(epoch)
        confirmations: list[pa.Table] = []
        with self.seconds.timed("judge"):
            context = epoch_context(
                self.store,
                self._plan(measured.rows.num_rows),
                self.rows.baseline,
                self.evaluation.profile,
                measured,
                epoch=epoch,
                images_seen=images_seen,
                dataset_hash=self.source.hashes.get("dataset_hash"),
            )
            decision = judge_epoch(context, partial(self._sample_fresh, epoch, confirmations))
        summary = {
            "images_seen": images_seen,
            "num_samples": measured.rows.num_rows,
            **self.seconds.columns(),
            "cost_usd": cost_usd(self.seconds.total, (self.config.budget or BudgetConfig()).price),
            **asdict(measured.set_metrics),
            **summaries(measured.rows),
        }
        fresh = confirmations[0] if confirmations else None
        decision = self.rows.commit(decision, summary, measured.rows, fresh)
        logger.info("epoch %d: %.1f effective colors: %s", epoch, summary["mean_effective_colors"], decision.sentence)
        return decision

    def conclude(self) -> Outcome:
        return self.rows.conclude()

    @property
    def _has_ended(self) -> bool:
        """A candidate that is decided is not drawn any further; a baseline is wanted with all its epochs."""
        ended = read_table(self.store, "decisions", self.experiment_id, columns=["ends_run"])["ends_run"]
        return self.evaluation.declared is None and any(ended.to_pylist())

    def _sample_fresh(self, epoch: int, confirmations: list[pa.Table]) -> FreshImages:
        champion = self.rows.baseline.reference
        assert champion is not None
        sampler, unet = self._model(epoch)
        fresh, rows = sample_fresh(
            self.store,
            Candidate(f"{self.experiment_id}@{epoch}", sampler, unet, self._lineage(epoch)),
            champion,
            self.evaluation.evaluation,
            self.config.sampling.confirm_seeds,
            self.evaluation.profile,
            self._train_sprites,
        )
        confirmations.append(rows)
        return fresh

    def _model(self, epoch: int) -> tuple[Sampler, UNet2DConditionModel]:
        """The sampler of an epoch, kept while it is judged."""
        if self._loaded is None or self._loaded[0] != epoch:
            self._loaded = (epoch, checkpoint_sampler(self.store, f"{self.experiment_id}@{epoch}"))
        return self._loaded[1]

    def _plan(self, num_images: int) -> Plan:
        """Planned are the epochs that there are, however many its training had planned."""
        num_fresh = len(self.evaluation.evaluation.prompts) * self.config.sampling.confirm_seeds
        plan = self.rows.plan(max(self.source.epochs), num_images)
        return replace(plan, epochs=max(self.source.epochs), expected_confirmations=num_fresh)

    def _images_seen(self, epoch: int) -> int | None:
        seen, per_epoch = self.source.epochs[epoch], self.config.images_per_epoch
        return seen if seen is not None or per_epoch is None else per_epoch * epoch

    def _lineage(self, epoch: int) -> dict[str, Any]:
        return self.rows.lineage | {"epoch": epoch, "attempt": self.rows.attempt, "checkpoint_hash": None}

    @cached_property
    def _train_sprites(self) -> TrainSprites | None:
        return None if self.evaluation.train_sprites is None else TrainSprites(self.evaluation.train_sprites)

    def _key(self, epoch: int, plan: ImagePlan) -> str:
        return sample_key(self.experiment_id, epoch, plan.prompt_id, plan.seed)


def _evaluation_set(config: ElsewhereConfig, prompts: tuple[Prompt, ...]) -> EvaluationSet:
    sampling = config.sampling
    if sampling.num_prompts > len(prompts):
        raise BadInputError(
            f"`sampling.num_prompts` must be at most {len(prompts)}, the prompts of line {config.line}, "
            f"but got {sampling.num_prompts}"
        )
    return EvaluationSet(
        prompts=prompts[: sampling.num_prompts],
        seeds_per_prompt=sampling.seeds_per_prompt,
        num_inference_steps=sampling.num_inference_steps,
        guidance_scale=sampling.guidance_scale,
        grid=config.grid,
        metric_version=METRIC_VERSION,
    )


def _prompts(store: Store, config: ElsewhereConfig, prompts_file: Path | None) -> tuple[Prompt, ...]:
    """The line's; of a new line those of a file."""
    stored = stored_prompts(store, config.line)
    if stored is not None and prompts_file is None:
        return stored
    if prompts_file is None:
        raise BadInputError(f"line {config.line} has no prompts yet: name a file of them with --prompts FILE")
    given = tuple(
        Prompt(prompt_id=prompt_id, text=text, source=prompts_file.name, held_out=True)
        for prompt_id, text in read_texts(prompts_file).items()
    )
    if stored is not None and [each.text for each in given] != [each.text for each in stored[: len(given)]]:
        raise BadInputError(f"--prompts {prompts_file}: must be the prompts that line {config.line} has already")
    return given


def _train_sprites(store: Store, source: Source, config: ElsewhereConfig) -> np.ndarray | None:
    """What the model was trained on, where it is at hand: of an experiment of the store exactly its training split."""
    if source.trained_in is None or config.art is None:
        return art_of(config)
    columns = ["content_hash", "split"]
    rows = read_table(store, "captions", source.trained_in, columns=columns).to_pylist()
    wanted = {row["content_hash"] for row in rows if row["split"] == "train"}
    if not config.art.is_dir():
        logger.warning("%s is not there any more: what is memorized of it is not measured", config.art)
        return None
    sprites = load_sprites(config.art, config.grid, config.dataset.background or BACKGROUND)
    found = {sprite.content_hash: sprite.pixels for sprite in sprites if sprite.content_hash in wanted}
    if found.keys() != wanted or not wanted:
        logger.warning("%s is not what was trained on any more: what is memorized of it is not measured", config.art)
        return None
    return np.stack(list(found.values()))
