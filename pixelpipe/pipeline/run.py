"""One attempt at an experiment: what the tasks of the flow call, stage by stage.

Every stage goes from the store to the store, and an epoch exists once its `epochs` row is put, which is last. So an
attempt that is killed anywhere is taken up by the next one after the last committed epoch.
"""

import logging
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Any

import pyarrow as pa
import yaml
from diffusers import UNet2DConditionModel

from pixelpipe.analysis.duplicates import TrainSprites
from pixelpipe.comparison.decision import Decision
from pixelpipe.comparison.evidence import EpochContext, Plan, past_decisions
from pixelpipe.comparison.stages import has_stages, is_open
from pixelpipe.config import alignment_warning
from pixelpipe.cost import cost_usd
from pixelpipe.errors import ConfigError
from pixelpipe.keys import epoch_stem, experiment_key, sample_key
from pixelpipe.lease import Lease
from pixelpipe.lines import pin_prompts
from pixelpipe.pipeline.baseline import pin_baseline, pinned_baseline, thin_baseline_warning
from pixelpipe.pipeline.before import draw_before_training
from pixelpipe.pipeline.code import record_code
from pixelpipe.pipeline.comparable import check_comparable
from pixelpipe.pipeline.dataset import record_dataset
from pixelpipe.pipeline.floor import record_floor
from pixelpipe.pipeline.fresh import Candidate, sample_fresh
from pixelpipe.pipeline.judge import FreshImages, epoch_context, judge_epoch
from pixelpipe.pipeline.pictures import Measured, measure_images, sample_images, summaries
from pixelpipe.pipeline.prepare import Experiment
from pixelpipe.pipeline.session import Session
from pixelpipe.pipeline.stage_seconds import StageSeconds
from pixelpipe.pipeline.status import record_status
from pixelpipe.pipeline.weights import checkpoint_sampler
from pixelpipe.results.reader import read_table
from pixelpipe.results.writer import committed_epochs, discard_uncommitted, table_of, write_rows
from pixelpipe.sampling.evaluation import ImagePlan
from pixelpipe.sampling.sampler import Sampler
from pixelpipe.training.engine import EpochRecord

logger = logging.getLogger(__name__)

LOGGED = (  # beside the message of an epoch's line, where lines are JSON
    "experiment_id", "line", "epoch", "attempt", "decision", "reason_code", "train_loss", "validation_loss",
    "mean_effective_colors", "clean_rate", "cost_usd",
)  # fmt: skip


class ExperimentRun:
    """Holds what stays warm between the stages, and writes under the experiment's lease."""

    def __init__(self, lease: Lease, experiment: Experiment) -> None:
        store = lease.store
        self.store, self.experiment, self.attempt = store, experiment, lease.attempt
        self.experiment_id, self.config = experiment.experiment_id, experiment.config
        self.plan = Plan.from_config(self.experiment_id, self.config)
        self.baseline = pinned_baseline(store, self.experiment_id, experiment.line, self.config.judge.baseline)
        check_comparable(store, experiment.evaluation, self.baseline, experiment.line)
        self.done_epochs = max(committed_epochs(store, self.experiment_id), default=0)
        self.session = Session(store, experiment, self.done_epochs, lease)
        self.seconds = StageSeconds()
        self.first_drawn = 0  # the epoch whose first seeds have been drawn and have left it open; 0: none

    def begin(self) -> None:
        """Record that the experiment runs, and clear what an attempt that died left of an unfinished epoch."""
        discard_uncommitted(self.store, self.experiment_id, self.attempt)
        self.session.checkpoints.drop_uncommitted(self.done_epochs)
        for epoch in range(1, self.done_epochs):
            self.session.checkpoints.drop_training_state(epoch)
        self._pin_prompts()
        pin_baseline(self.store, self.experiment_id, self.baseline)
        config = yaml.safe_dump(self.config.resolved(), sort_keys=False, allow_unicode=True)
        self.store.replace(experiment_key(self.experiment_id, "config.yaml"), config.encode())
        record_code(self.store, self.experiment_id)
        record_status(self.store, self.experiment, self.attempt, "running")
        record_dataset(self.store, self.experiment)
        record_floor(self.store, self.experiment, self.session)
        for warning in self.warnings():
            logger.warning(warning)

    def _pin_prompts(self) -> None:
        """The line's first experiment gives it its prompts."""
        prompts = self.experiment.prompts
        if pin_prompts(self.store, self.experiment.line, prompts)[: len(prompts)] != prompts:
            raise ConfigError(
                f"line {self.experiment.line} got other prompts from another experiment just now: run again"
            )

    def warnings(self) -> list[str]:
        """What a person should know before the money is spent."""
        warnings = [alignment_warning(self.config.resolution, self.config.dataset.grid)]
        if not all(prompt.held_out for prompt in self.experiment.evaluation.prompts):
            warnings.append(
                "too few held-out captions: some evaluation prompts are captions that are trained on; "
                "raise dataset.validation_fraction or write sampling.prompts"
            )
        if self.config.planned_looks < self.config.judge.patience and self.baseline.experiment_id:
            warnings.append("fewer epochs than judge.patience: this run cannot be abandoned early")
        warnings.append(
            thin_baseline_warning(self.store, self.baseline, self.experiment.line, self.config.judge.baseline)
        )
        return [warning for warning in warnings if warning]

    def last_decision(self) -> Decision | None:
        """Of the last committed epoch, None before there is one."""
        decisions = past_decisions(read_table(self.store, "decisions", self.experiment_id))
        return decisions[-1] if decisions else None

    def train_epoch(self) -> EpochRecord:
        """Train the next epoch and put its checkpoint; what the base draws is put before the first one.

        That belongs to no epoch: like loading and encoding, its seconds are not counted.
        """
        self.seconds, self.first_drawn = StageSeconds(), 0
        record = next(self._epochs)
        self.seconds["train"] = record.seconds_train
        return record

    def sample_epoch(self, record: EpochRecord) -> int:
        """Make the evaluation set's pictures while the checkpoint is written; returns how many.

        Of an adaptive evaluation the first seed of every prompt; called again, the others.
        """
        with self.seconds.timed("sample"):
            count = sample_images(
                self.store,
                self.session.sampler,
                self.session.unet,
                self.to_draw(record.epoch),
                partial(self._sample_key, record.epoch),
                f"epoch {record.epoch}: sampling",
            )
        with self.seconds.timed("save"):
            record.saved.result()  # no row speaks of a checkpoint that is not whole
        return count

    def analyze_epoch(self, record: EpochRecord) -> Measured | None:
        """Measure the pictures and put one row each.

        None, and nothing is put: these were the first seeds of an adaptive evaluation and have left it open, so that
        the others must be drawn and all be measured.
        """
        first_alone = self._begins_small(record.epoch) and self.first_drawn != record.epoch
        evaluation = self.experiment.evaluation
        with self.seconds.timed("analyze"):
            measured = measure_images(
                self.store,
                evaluation.first_images if first_alone else evaluation.images,
                partial(self._sample_key, record.epoch),
                self.config.dataset.grid,
                self.session.profile,
                self._train_sprites,
                self._row(record) | {"eval_set_id": evaluation.eval_set_id},
            )
        if first_alone and self._is_open(record, measured):
            self.first_drawn = record.epoch
            return None
        with self.seconds.timed("analyze"):
            self._write("samples", record.epoch, measured.rows)
        return measured

    def judge_epoch(self, record: EpochRecord, samples: Measured) -> Decision:
        """Decide about the epoch and put the decision."""
        with self.seconds.timed("judge"):
            spent, so_far = self._spent_before(record.epoch), self._cost_so_far()
            last = record.epoch >= self.config.training.epochs
            ahead = 0.0 if last else so_far + self._cost_undrawn(samples)  # the next epoch is not begun for lack of it
            context = self._context(record, samples, budget_reached=spent + so_far + ahead > self.config.budget.max_usd)
            decision = judge_epoch(context, partial(self._sample_fresh, record))
            row = self._row(record, "checkpoint_hash") | decision.row()
            row |= {"decided_at": datetime.now(UTC), "overridden_by": None, "override_reason": None}
            self._write("decisions", record.epoch, table_of("decisions", [row]))
        return decision

    def commit_epoch(self, record: EpochRecord, samples: Measured, decision: Decision) -> None:
        """Put the epoch's own row: from here on the epoch exists."""
        rows = samples.rows
        row = self._row(record) | {
            **{name: getattr(record, name) for name in ("train_loss", "validation_loss", "learning_rate")},
            "optimizer_steps": record.optimizer_steps,
            "images_seen": record.images_seen,
            **self.seconds.columns(),
            "cost_usd": self._cost_so_far(),
            "gpu": self.config.budget.gpu,
            "usd_per_hour": self.config.budget.price,
            "num_samples": len(rows),
            **summaries(rows),
            **asdict(samples.set_metrics),
            "decision": str(decision.verdict),
            "reason_code": str(decision.reason_code),
            "eval_set_id": self.experiment.evaluation.eval_set_id,
            "metric_version": self.experiment.evaluation.metric_version,
            "resolution": self.config.resolution,
            "committed_at": datetime.now(UTC),
        }
        self._write("epochs", record.epoch, table_of("epochs", [row]))
        logger.info(
            "epoch %d of %d: validation loss %.4f, %.1f effective colors, %.0f%% clean, %.0f s: %s",
            record.epoch,
            self.config.training.epochs,
            record.validation_loss,
            row["mean_effective_colors"],
            100 * row["clean_rate"],
            self.seconds.total,
            decision.sentence,
            extra={name: row[name] for name in LOGGED} | {"seconds": round(self.seconds.total, 3)},
        )
        if record.epoch > 1:
            self.session.checkpoints.drop_training_state(record.epoch - 1)

    def _begins_small(self, epoch: int) -> bool:
        """Whether the first seeds may be enough: of an adaptive candidate, against pictures, before its last epoch."""
        if not has_stages(self.plan, epoch) or not self.baseline.experiment_id:
            return False
        return read_table(self.store, "samples", self.baseline.experiment_id, columns=["epoch"]).num_rows > 0

    def to_draw(self, epoch: int) -> tuple[ImagePlan, ...]:
        """The pictures that are drawn next: all; of an adaptive evaluation the first seeds, then the others."""
        evaluation = self.experiment.evaluation
        if not self._begins_small(epoch):
            return evaluation.images
        return evaluation.other_images if self.first_drawn == epoch else evaluation.first_images

    def _is_open(self, record: EpochRecord, samples: Measured) -> bool:
        with self.seconds.timed("judge"):
            return is_open(self._context(record, samples))

    def _context(self, record: EpochRecord, samples: Measured, budget_reached: bool = False) -> EpochContext:
        return epoch_context(
            self.store,
            self.plan,
            self.baseline,
            self.session.profile,
            samples,
            epoch=record.epoch,
            images_seen=record.images_seen,
            dataset_hash=self.experiment.manifest.dataset_hash,
            budget_reached=budget_reached,
        )

    def _sample_fresh(self, record: EpochRecord) -> FreshImages:
        """Candidate and champion on seeds that nobody has seen; their rows go to `confirmations`."""
        assert self.baseline.reference is not None
        reference = f"{self.experiment_id}@{record.epoch}"
        fresh, rows = sample_fresh(
            self.store,
            Candidate(reference, *self._sampler_of(reference), self._row(record)),
            self.baseline.reference,
            self.experiment.evaluation,
            self.config.sampling.confirm_seeds,
            self.session.profile,
            self._train_sprites,
        )
        self._write("confirmations", record.epoch, rows)
        return fresh

    def _sampler_of(self, checkpoint: str) -> tuple[Sampler, UNet2DConditionModel]:
        """The warm one of the epoch in progress; from the store, where it was not trained in this process."""
        if self.session.is_warm:
            return self.session.sampler, self.session.unet
        return checkpoint_sampler(self.store, checkpoint)

    @cached_property
    def _epochs(self) -> Iterator[EpochRecord]:
        epochs = self.session.train_epochs()
        if not self.done_epochs:
            draw_before_training(self.session)  # no step was made yet: the weights are the base's
        return epochs

    @cached_property
    def _train_sprites(self) -> TrainSprites:
        return TrainSprites(self.experiment.manifest.pixels("train"))

    def _sample_key(self, epoch: int, plan: Any) -> str:
        return sample_key(self.experiment_id, epoch, plan.prompt_id, plan.seed)

    def _row(self, record: EpochRecord, *without: str) -> dict[str, Any]:
        row = self.experiment.lineage | {
            "epoch": record.epoch,
            "attempt": self.attempt,
            "checkpoint_hash": record.checkpoint_hash,
        }
        return {name: value for name, value in row.items() if name not in without}

    def _write(self, table: str, epoch: int, rows: pa.Table) -> None:
        write_rows(self.store, table, self.experiment_id, epoch_stem(epoch, self.attempt), rows)

    def _cost_so_far(self) -> float:
        """Dollars of the epoch in progress."""
        return cost_usd(self.seconds.total, self.config.budget.price)

    def _cost_undrawn(self, samples: Measured) -> float:
        """Dollars that the epoch in progress would have cost more, had an adaptive evaluation drawn all of it."""
        times = len(self.experiment.evaluation.images) / samples.rows.num_rows - 1
        pictures = sum(self.seconds.get(stage, 0.0) for stage in ("sample", "analyze"))
        return cost_usd(times * pictures, self.config.budget.price)

    def _spent_before(self, epoch: int) -> float:
        rows = read_table(self.store, "epochs", self.experiment_id, columns=["epoch", "cost_usd"]).to_pylist()
        return sum(row["cost_usd"] for row in rows if row["epoch"] < epoch)
