"""What was decided at an epoch, with everything it was decided from: one flat, typed row.

`Decision` is the single source: `DECISION_SCHEMA` is derived from its fields, and `sentence` from its values.
Every "relative" figure is a ratio of means minus one: +0.10 is 10% more of the metric than the baseline.
All judge metrics count colors, so less is better.
"""

import dataclasses
from enum import StrEnum
from typing import Any

import pyarrow as pa

RULE_VERSION = "4"


class Verdict(StrEnum):
    """What is done with a checkpoint; of an epoch that does not end its run, what it showed so far."""

    CONTINUE = "CONTINUE"
    ABANDONED = "ABANDONED"
    PROMOTED = "PROMOTED"
    INCONCLUSIVE = "INCONCLUSIVE"


class ReasonCode(StrEnum):
    """Why: the first rule that held."""

    FIRST_BASELINE = "first_baseline"  # the line has no champion: continue, at the end promoted
    GRACE = "grace"  # one of the first epochs, which are not judged
    WITHIN_MARGIN = "within_margin"  # not shown to be worse than allowed
    PATIENCE = "patience"  # worse or collapsed at this epoch, not yet for `patience` epochs in a row
    EVAL_SET_MISMATCH = "eval_set_mismatch"  # other prompts, seeds or sampler than the baseline's
    MISSING_PAIRS = "missing_pairs"  # images that only one side has, or neither
    DUPLICATE_ROWS = "duplicate_rows"  # one (prompt, seed) measured twice
    NON_FINITE = "non_finite"  # a metric that is NaN, infinite or absent
    DEGENERATE = "degenerate"  # collapse: blank, one color, or the same picture again and again
    SUMMARY_BASELINE = "summary_baseline"  # baseline known by a mean only
    WORSE = "worse"  # significantly beyond the margin
    BETTER = "better"  # confirmed on fresh seeds
    NOT_BETTER = "not_better"  # the evaluation set shows no improvement: nothing to confirm
    AWAITING_CONFIRMATION = "awaiting_confirmation"  # looks better; fresh seeds have not been sampled
    NOT_CONFIRMED = "not_confirmed"  # fresh seeds did not show the improvement
    NOT_AS_CLEAN = "not_as_clean"  # clean rate not shown to be within the margin of the champion's
    COLORS_DISAGREE = "colors_disagree"  # named-color agreement, the same
    TOO_MANY_COLORS = "too_many_colors"  # better than the champion, yet above the art's upper guardrail
    COARSER_GRID = "coarser_grid"  # better by painting fewer, larger cells: a person must look
    SUSPICIOUS_IMPROVEMENT = "suspicious_improvement"  # too good to be believed without a person
    NEW_ART_NON_INFERIOR = "new_art_non_inferior"  # other training art, no worse: a person must choose
    DECLARED = "declared"  # a person said that it is the baseline; the rule was not asked
    OVERRIDDEN = "overridden"  # a person made this checkpoint the champion, whatever the rule had said
    DECLINED = "declined"  # a person was asked, and kept the champion
    BUDGET_REACHED = "budget_reached"  # what is left buys no other epoch, and there is no answer yet


BY_A_PERSON = frozenset({ReasonCode.OVERRIDDEN, ReasonCode.DECLINED})
"""What a person made of a decision: rows beside the rule's own."""


class BaselineKind(StrEnum):
    """How far the baseline is known."""

    NONE = "none"  # the line has no champion
    SUMMARY = "summary_baseline"  # only a mean is known
    MATCHED = "matched_baseline"  # the baseline after the same number of images
    UNMATCHED = "unmatched_baseline"  # only another epoch of the baseline exists


_REQUIRED: Any = dataclasses.MISSING


def _column(kind: pa.DataType, unit: str, description: str, default: Any = _REQUIRED) -> Any:
    """A dataclass field that knows its Parquet column; nullable exactly when its default is None."""
    metadata = {"type": kind, "unit": unit, "description": description, "nullable": default is None}
    return dataclasses.field(default=default, metadata=metadata)


_TEXT, _INT, _FLOAT, _BOOL = pa.string(), pa.int32(), pa.float64(), pa.bool_()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The verdict about one checkpoint: the one of `epoch`."""

    experiment_id: str = _column(_TEXT, "", "Experiment that is judged.")
    line: str = _column(_TEXT, "", "Line whose champion is the baseline.")
    epoch: int = _column(_INT, "epoch", "Epoch that is judged, from 1.")
    verdict: Verdict = _column(_TEXT, "", "CONTINUE, ABANDONED, PROMOTED, INCONCLUSIVE.")  # noqa: RUF009
    reason_code: ReasonCode = _column(_TEXT, "", "The first rule that held.")  # noqa: RUF009
    sentence: str = _column(_TEXT, "", "The decision in one sentence.", "")
    ends_run: bool = _column(_BOOL, "", "No further epoch is trained.")
    needs_confirmation: bool = _column(_BOOL, "", "Fresh seeds must be sampled, then `confirm` decides.", False)
    rule_version: str = _column(_TEXT, "", "Version of the rule that decided.", RULE_VERSION)

    planned_epochs: int = _column(_INT, "epochs", "Epochs that the run was planned for.")
    images_seen: int | None = _column(
        pa.int64(), "images", "Training images seen up to this epoch; null: trained elsewhere.", None
    )
    budget_reached: bool = _column(_BOOL, "", "Another epoch would cost more than the budget.", False)
    new_art: bool = _column(_BOOL, "", "Trained on another dataset than the baseline.", False)

    metric: str = _column(_TEXT, "", "Column that is judged; less is better.")
    floor: float | None = _column(
        _FLOAT, "colors", "Values below it count as it: the art's median; null: no art is known.", None
    )
    eval_set_id: str = _column(_TEXT, "", "Evaluation set of the candidate's images.")
    baseline: str | None = _column(_TEXT, "", "<experiment>@<epoch>, or the name of a summary.", None)
    baseline_kind: BaselineKind = _column(_TEXT, "", "How it is known.")  # noqa: RUF009
    baseline_images_seen: int | None = _column(pa.int64(), "images", "Of the baseline's epoch.", None)

    num_prompts: int = _column(_INT, "prompts", "Prompts with at least one usable pair.", 0)
    num_pairs: int = _column(_INT, "pairs", "Usable (prompt, seed) pairs.", 0)
    expected_pairs: int = _column(_INT, "pairs", "Pairs that were planned, by this stage and of the baseline's epoch.")
    stage: int | None = _column(
        _INT,
        "",
        "Of an adaptive evaluation: 1, on the first seed of every prompt; 2, on all, as that left it open. Else null.",
        None,
    )
    missing_candidate: int = _column(_INT, "pairs", "Pairs that the candidate lacks.", 0)
    missing_baseline: int = _column(_INT, "pairs", "Pairs that the baseline lacks.", 0)
    non_finite: int = _column(_INT, "images", "Images of either side whose metric is no finite number.", 0)
    duplicate_rows: int = _column(_INT, "rows", "Surplus rows of one (prompt, seed), both sides.", 0)
    eval_set_matches: bool | None = _column(_BOOL, "", "Both sides share one evaluation set.", None)

    candidate_mean: float | None = _column(_FLOAT, "colors", "Mean over prompts of the judged value.", None)
    baseline_mean: float | None = _column(_FLOAT, "colors", "The same of the baseline; or its summary.", None)
    relative_difference: float | None = _column(_FLOAT, "ratio - 1", "candidate_mean / baseline_mean - 1.", None)
    interval_low: float | None = _column(
        _FLOAT,
        "ratio - 1",
        "Lower end, above `margin` exactly when p < alpha_per_look; null: unbounded.",
        None,
    )
    interval_high: float | None = _column(_FLOAT, "ratio - 1", "Upper end; null: unbounded.", None)
    interval_level: float = _column(_FLOAT, "share", "Two-sided confidence of the interval: 1 - 2 alpha_per_look.")
    p_value: float | None = _column(_FLOAT, "", "One-sided, of mean(c - (1 + margin) b) > 0.", None)
    num_arrangements: int | None = _column(_INT, "", "Sign arrangements behind p, the observed one included.", None)
    exact: bool | None = _column(_BOOL, "", "All 2^prompts arrangements were counted.", None)
    margin: float | None = _column(_FLOAT, "ratio - 1", "Allowed excess over the baseline.", None)
    alpha: float = _column(_FLOAT, "", "Error over all looks.")
    alpha_per_look: float = _column(
        _FLOAT, "", "What of alpha this look, or stage of a look, may spend; they add up to alpha."
    )
    looks: int = _column(_INT, "looks", "Planned looks: epochs less grace.")
    grace: int = _column(_INT, "epochs", "First epochs that are not judged.")
    patience: int = _column(_INT, "epochs", "Epochs in a row that must agree.")
    run_sd: float | None = _column(
        _FLOAT, "ln", "Standard deviation of ln(mean) between runs of one configuration; null: not known.", None
    )
    run_sd_degrees: int | None = _column(_INT, "", "Degrees of freedom of its estimate; null: stated.", None)
    run_sd_source: str | None = _column(_TEXT, "", "Where it comes from.", None)
    run_spread: float = _column(
        _FLOAT, "ln", "What p_value and interval allow the ratio of two runs to vary: 0 where run_sd is null.", 0.0
    )
    exceeds_margin: bool = _column(_BOOL, "", "This epoch is shown to be beyond the margin.", False)
    streak: int = _column(_INT, "epochs", "Epochs in a row, up to this one, beyond the margin.", 0)
    detectable_difference: float | None = _column(
        _FLOAT, "ratio - 1", "True difference that this look finds with 80% power; null: none.", None
    )

    # Of an epoch that is known by its means alone, these are null.
    median_colors: float | None = _column(_FLOAT, "colors", "Median effective colors of this epoch's images.", None)
    median_largest_share: float | None = _column(_FLOAT, "share", "Median share of an image's largest color.", None)
    duplicate_rate: float | None = _column(_FLOAT, "share", "Images that repeat another one of the set.", None)
    min_colors: float | None = _column(_FLOAT, "colors", "Fewer is collapse: the art's 1st percentile.", None)
    max_colors: float | None = _column(_FLOAT, "colors", "More blocks a promotion: the art's 99th percentile.", None)
    max_largest_share: float | None = _column(_FLOAT, "share", "More is collapse: the art's 99th percentile.", None)
    max_duplicate_rate: float | None = _column(_FLOAT, "share", "As many or more is collapse.", None)
    median_geary_c: float | None = _column(_FLOAT, "", "Median Geary's C of the images; null: not measured.", None)
    max_geary_c: float | None = _column(
        _FLOAT, "", "More is noise, a kind of collapse: halfway from the art's 99th percentile to 1.", None
    )
    median_coarse_grid: float | None = _column(_FLOAT, "", "Median coarse_grid of the images.", None)
    max_coarse_grid: float | None = _column(
        _FLOAT, "", "More blocks a promotion: halfway from the art's 99th percentile to 1.", None
    )
    collapsed: bool = _column(_BOOL, "", "This epoch's images have collapsed.", False)
    collapse_streak: int = _column(_INT, "epochs", "Epochs in a row, up to this one, that collapsed.", 0)

    champion: str | None = _column(_TEXT, "", "The champion's checkpoint, <experiment>@<epoch>.", None)
    champion_difference: float | None = _column(
        _FLOAT, "ratio - 1", "Against the champion's checkpoint on the evaluation set; last epoch only.", None
    )
    confirmation_baseline: str | None = _column(_TEXT, "", "Champion's checkpoint, sampled afresh.", None)
    confirmation_prompts: int | None = _column(_INT, "prompts", "Prompts of the fresh comparison.", None)
    confirmation_pairs: int | None = _column(_INT, "pairs", "Pairs of the fresh comparison.", None)
    confirmation_difference: float | None = _column(_FLOAT, "ratio - 1", "Ratio of means on fresh seeds.", None)
    confirmation_low: float | None = _column(_FLOAT, "ratio - 1", "Its interval; null: unbounded.", None)
    confirmation_high: float | None = _column(
        _FLOAT, "ratio - 1", "Below -promote_margin exactly when confirmation_p_value < alpha.", None
    )
    confirmation_level: float = _column(_FLOAT, "share", "Two-sided confidence of it: 1 - 2 alpha.")
    confirmation_p_value: float | None = _column(
        _FLOAT, "", "One-sided, of mean(c - (1 - promote_margin) b) < 0 on fresh seeds.", None
    )
    promote_margin: float = _column(_FLOAT, "ratio - 1", "Better by more than this is promoted.")
    clean_rate: float | None = _column(_FLOAT, "share", "Clean images among the fresh ones.", None)
    baseline_clean_rate: float | None = _column(_FLOAT, "share", "The same of the champion.", None)
    clean_p_value: float | None = _column(
        _FLOAT, "", "One-sided, of mean(c - b) > -guardrail_margin for the clean rate.", None
    )
    color_agreement: float | None = _column(_FLOAT, "share", "Named colors found in the image.", None)
    baseline_color_agreement: float | None = _column(_FLOAT, "share", "The same of the champion.", None)
    color_agreement_p_value: float | None = _column(_FLOAT, "", "As clean_p_value.", None)
    guardrail_margin: float = _column(_FLOAT, "share", "Allowed loss of clean rate and agreement.", 0.15)

    def row(self) -> dict[str, Any]:
        """Plain values by column of `DECISION_SCHEMA`."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: str(value) if isinstance(value, StrEnum) else value for name, value in values.items()}

    def replaced(self, **changes: Any) -> "Decision":
        return dataclasses.replace(self, **changes)


def _schema_field(field: dataclasses.Field[Any]) -> pa.Field:
    metadata = {"unit": field.metadata["unit"], "description": field.metadata["description"]}
    return pa.field(field.name, field.metadata["type"], field.metadata["nullable"], metadata)


DECISION_SCHEMA: pa.Schema = pa.schema([_schema_field(field) for field in dataclasses.fields(Decision)])
"""One column a field of `Decision`, with its unit and description."""


def decision_from_row(row: dict[str, Any]) -> Decision:
    """A stored row as a `Decision`; columns of other parts of the table (lineage, override) are ignored."""
    values = {name: row[name] for name in DECISION_SCHEMA.names}
    kinds = {"verdict": Verdict, "reason_code": ReasonCode, "baseline_kind": BaselineKind}
    return Decision(**values | {name: kind(values[name]) for name, kind in kinds.items()})
