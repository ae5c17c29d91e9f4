"""What a decision is made from: small frozen records that a task fills from Parquet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa

from pixelpipe.comparison.decision import BY_A_PERSON, BaselineKind, Decision, decision_from_row
from pixelpipe.comparison.guardrails import Guardrails
from pixelpipe.comparison.pairing import Pairing, column_values
from pixelpipe.comparison.run_deviation import RunDeviation
from pixelpipe.config import FIRST_STAGE_SHARE, ExperimentConfig, JudgeConfig, alpha_of_look

MATCH_TOLERANCE = 0.10
"""Two checkpoints are "at the same epoch" when their images seen differ by at most this share.

A few sprites more or less in the training folder change the count by some percent; another number of repeats
changes it by a factor.
"""


class Past(Protocol):
    """What a streak needs of an earlier decision: a `Decision` is one."""

    @property
    def epoch(self) -> int: ...
    @property
    def exceeds_margin(self) -> bool: ...
    @property
    def collapsed(self) -> bool: ...
    @property
    def baseline(self) -> str | None: ...
    @property
    def metric(self) -> str: ...
    @property
    def eval_set_id(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What was planned before the run."""

    experiment_id: str
    line: str
    epochs: int
    expected_pairs: int  # prompts x seeds of the evaluation set
    expected_confirmations: int  # prompts x fresh seeds
    judge: JudgeConfig
    deviation: RunDeviation | None = None  # between runs of one configuration; None: not known
    first_pairs: int | None = None  # of an adaptive evaluation: with the first seed of every prompt; None: all at once

    @classmethod
    def from_config(cls, experiment_id: str, config: ExperimentConfig) -> "Plan":
        sampling = config.sampling
        return cls(
            experiment_id=experiment_id,
            line=config.line_name,
            epochs=config.training.epochs,
            expected_pairs=sampling.num_prompts * sampling.seeds_per_prompt,
            expected_confirmations=sampling.num_prompts * sampling.confirm_seeds,
            judge=config.judge,
            deviation=stated_deviation(config.judge),
            first_pairs=sampling.num_prompts if sampling.adaptive else None,
        )

    @property
    def looks(self) -> int:
        return self.epochs - self.judge.grace

    def alpha_at(self, epoch: int) -> float:
        """What an epoch's look may spend of alpha; grace epochs are shown as the first look is."""
        return alpha_of_look(self.judge.alpha, max(epoch - self.judge.grace, 1), self.looks)


def stated_deviation(judge: JudgeConfig) -> RunDeviation | None:
    """The number in the configuration; None where it says `measured`."""
    return None if isinstance(judge.run_sd, str) else RunDeviation(judge.run_sd, None, "judge.run_sd")


def decided_deviation(decision: Decision) -> RunDeviation | None:
    """What an earlier decision knew."""
    if decision.run_sd is None:
        return None
    return RunDeviation(decision.run_sd, decision.run_sd_degrees, decision.run_sd_source or "")


@dataclass(frozen=True, slots=True)
class EpochEvidence:
    """The candidate's images of one epoch, in figures; or figures alone, where the images are not known."""

    epoch: int
    images_seen: int | None  # None: trained elsewhere, and nobody counted
    eval_set_id: str
    dataset_hash: str | None
    num_images: int  # distinct (prompt, seed)
    non_finite: int  # images whose judged metric is no finite number
    duplicate_rows: int
    means: Mapping[str, float]  # raw mean over images of every judge metric that the table has
    median_colors: float | None  # effective colors; None: known by its means alone
    median_largest_share: float | None
    duplicate_rate: float | None
    budget_reached: bool = False
    median_geary_c: float | None = None
    median_coarse_grid: float | None = None

    @property
    def is_summary(self) -> bool:
        """Only means are known: nothing can be paired, and no collapse be seen."""
        return self.median_colors is None


@dataclass(frozen=True, slots=True)
class BaselineEvidence:
    """The champion: an epoch of its trajectory, a summary, or nothing."""

    kind: BaselineKind = BaselineKind.NONE
    reference: str | None = None  # "<experiment>@<epoch>", or the name of a summary
    images_seen: int | None = None
    dataset_hash: str | None = None
    pairing: Pairing | None = None  # candidate against this epoch; matched and unmatched baselines
    champion: str | None = None  # the champion's own checkpoint, "<experiment>@<epoch>"
    champion_pairing: Pairing | None = None  # last epoch: candidate against that checkpoint's evaluation images
    first_seeds_alone: bool = False  # `reference` was itself drawn no further: there is no second stage to a look
    summary_metric: str | None = None
    summary_mean: float | None = None


NO_BASELINE = BaselineEvidence()


@dataclass(frozen=True, slots=True)
class ConfirmationEvidence:
    """Candidate and champion on fresh seeds: pairings of `confirmations` rows."""

    reference: str  # champion's checkpoint, "<experiment>@<epoch>"
    pairing: Pairing  # of the judged metric
    clean: Pairing | None  # of the clean flags, unfloored; None: the images have no clean gates
    agreement: Pairing | None  # of named-color agreement, where prompts name colors; None: too few do
    median_colors: float  # of the candidate's fresh images
    median_largest_share: float
    duplicate_rate: float
    median_geary_c: float | None = None
    median_coarse_grid: float | None = None


@dataclass(frozen=True, slots=True)
class EpochContext:
    """Everything that `decide` reads."""

    plan: Plan
    evidence: EpochEvidence
    baseline: BaselineEvidence
    guardrails: Guardrails | None  # None: figures alone, of a line whose art is not known
    history: Sequence[Past] = ()  # decisions of earlier epochs, in any order
    stage: int | None = None  # of an adaptive evaluation, 1 or 2; None: drawn at once

    @property
    def expected_images(self) -> int:
        """Of the candidate, up to this stage."""
        first = self.plan.first_pairs
        return first if self.stage == 1 and first is not None else self.plan.expected_pairs

    @property
    def alpha(self) -> float:
        """What this look, or its stage, may spend; where the baseline has the first seeds alone, one stage all."""
        whole = self.plan.alpha_at(self.evidence.epoch)
        if self.stage is None or self.baseline.first_seeds_alone:
            return whole
        return whole * (FIRST_STAGE_SHARE if self.stage == 1 else 1 - FIRST_STAGE_SHARE)


@dataclass(frozen=True, slots=True)
class BaselineEpoch:
    """The epoch of the baseline's trajectory that an epoch is compared with."""

    epoch: int
    images_seen: int | None
    kind: BaselineKind  # matched or unmatched


def epoch_evidence(
    samples: pa.Table,
    *,
    epoch: int,
    images_seen: int | None,
    dataset_hash: str | None,
    duplicate_rate: float,
    metric: str,
    budget_reached: bool = False,
) -> EpochEvidence:
    """Figures of one epoch's rows of `samples` (prompt_id, seed, eval_set_id, effective_colors, ...)."""
    keys = list(zip(samples["prompt_id"].to_pylist(), samples["seed"].to_pylist(), strict=True))
    judged = column_values(samples, metric, "candidate")
    names = {metric, "effective_colors", "effective_colors_04", "visible_colors", "unique_colors"} & set(
        samples.column_names
    )
    return EpochEvidence(
        epoch=epoch,
        images_seen=images_seen,
        eval_set_id=", ".join(sorted({str(name) for name in samples["eval_set_id"].to_pylist()})),
        dataset_hash=dataset_hash,
        num_images=len(set(keys)),
        non_finite=int((~np.isfinite(judged)).sum()),
        duplicate_rows=len(keys) - len(set(keys)),
        means={name: _mean(column_values(samples, name, "candidate")) for name in sorted(names)},
        median_colors=_median(column_values(samples, "effective_colors", "candidate")),
        median_largest_share=_median(column_values(samples, "largest_share", "candidate")),
        duplicate_rate=duplicate_rate,
        budget_reached=budget_reached,
        median_geary_c=median_of(samples, "geary_c"),
        median_coarse_grid=median_of(samples, "coarse_grid"),
    )


def summary_evidence(
    epoch: int, images_seen: int | None, means: Mapping[str, float], num_images: int, eval_set_id: str
) -> EpochEvidence:
    """An epoch that is known by the means of its images alone; metric -> raw mean over `num_images`."""
    return EpochEvidence(
        epoch=epoch,
        images_seen=images_seen,
        eval_set_id=eval_set_id,
        dataset_hash=None,
        num_images=num_images,
        non_finite=0,
        duplicate_rows=0,
        means=means,
        median_colors=None,
        median_largest_share=None,
        duplicate_rate=None,
    )


def match_epoch(images_seen: int, trajectory: Mapping[int, int]) -> BaselineEpoch | None:
    """The baseline's epoch nearest in images seen (ties: the earlier); None when it has no epochs.

    `trajectory`: the baseline's epoch -> images seen. Matched within `MATCH_TOLERANCE`, else unmatched. The
    nearest, not the best one: choosing the best by the judged metric is the winner's curse.
    """
    if not trajectory:
        return None
    epoch = min(trajectory, key=lambda epoch: (abs(trajectory[epoch] - images_seen), epoch))
    matched = abs(trajectory[epoch] - images_seen) <= MATCH_TOLERANCE * images_seen
    return BaselineEpoch(epoch, trajectory[epoch], BaselineKind.MATCHED if matched else BaselineKind.UNMATCHED)


def median_of(samples: pa.Table, column: str) -> float | None:
    """None where the rows are older than the column."""
    if column not in samples.column_names:
        return None
    median = _median(column_values(samples, column, "candidate"))
    return median if np.isfinite(median) else None


def past_decisions(decisions: pa.Table) -> list[Decision]:
    """Rows of the `decisions` table as the history of a context: the rule's own, not what a person made of them."""
    found = [decision_from_row(row) for row in decisions.to_pylist()]
    return [decision for decision in found if decision.reason_code not in BY_A_PERSON]


def _mean(values: np.ndarray) -> float:
    """NaN for no images, or when one of them is NaN."""
    return float(values.mean()) if values.size else float("nan")


def _median(values: np.ndarray) -> float:
    return float(np.median(values)) if values.size else float("nan")
