"""The tables of figures of a verdict: all epochs together, one by one, and on fresh seeds."""

from collections.abc import Sequence

from pixelpipe.comparison.decision import BaselineKind, Decision
from pixelpipe.comparison.sentence import METRIC_NAMES
from pixelpipe.reporting.description import Description
from pixelpipe.reporting.figures import (
    UNKNOWN,
    difference,
    epoch_range,
    interval,
    level,
    levels_text,
    number,
    p_value,
    percent,
    share,
    span,
)
from pixelpipe.reporting.markdown import code, table
from pixelpipe.reporting.trajectory import PAIRED, EpochFacts
from pixelpipe.reporting.vae_floor import vae_floor_row

BUSIER = "busier than the art"
Compared = tuple[EpochFacts, EpochFacts | None]  # an epoch, and the baseline's epoch where it has one


def summary_table(description: Description) -> str:
    """The seed's table: one row a metric, all judged epochs together."""
    judged = [facts for facts in description.epochs if facts.decision and facts.decision.baseline_mean is not None]
    pairs = [(description.as_compared(facts), description.baseline_of(facts)) for facts in judged]
    ours = [facts.epoch for facts in judged]
    header = [f"Metric, {epoch_range(ours)}", "Baseline", "This experiment", "Difference"]
    rows = [_judged_row(description, judged)]
    if description.metric != "effective_colors":
        rows.append(_mean_row("Effective colors (mean)", "mean_effective_colors", pairs))
    if description.metric != "unique_colors":
        rows.append(_mean_row("Unique colors (mean; not judged)", "mean_unique_colors", pairs))
    rows.append(_clean_row(pairs))
    rows.append(vae_floor_row(description.metric, description.baseline_vae_floor, description.vae_floor))
    return table(header, [row for row in rows if row], right=(1, 2))


def _judged_row(description: Description, judged: Sequence[EpochFacts]) -> list[str]:
    decisions = [facts.decision for facts in judged if facts.decision is not None]
    differences = [d.relative_difference for d in decisions if d.relative_difference is not None]
    return [
        f"**{metric_name(description).capitalize()}** (judged)",
        span([d.baseline_mean for d in decisions], number),
        span([d.candidate_mean for d in decisions], number),
        span(differences, percent, " to ") + _direction(decisions),
    ]


def _direction(decisions: Sequence[Decision]) -> str:
    """WORSE or BETTER where the interval says so at every epoch (of a summary: the mean); else at how many."""
    worse, better = sum(map(_is_worse, decisions)), sum(map(_is_better, decisions))
    if decisions and worse == len(decisions):
        return " WORSE"
    if decisions and better == len(decisions):
        return " BETTER"
    shown = [f"{name} at {count}" for name, count in (("worse", worse), ("better", better)) if count]
    return f" ({' and '.join(shown)} of {len(decisions)} epochs)" if shown else " (no difference shown)"


def _is_worse(decision: Decision) -> bool:
    low = decision.interval_low
    if decision.baseline_kind is BaselineKind.SUMMARY:
        low = decision.relative_difference
    return low is not None and low > 0


def _is_better(decision: Decision) -> bool:
    high = decision.interval_high
    if decision.baseline_kind is BaselineKind.SUMMARY:
        high = decision.relative_difference
    return high is not None and high < 0


def _mean_row(label: str, column: str, judged: Sequence[Compared]) -> list[str]:
    """The range of an epoch's mean on both sides; of a summary baseline only one side is known."""
    ours = [getattr(facts, column) for facts, _ in judged]
    theirs = [getattr(base, column) if base else None for _, base in judged]
    both = [mine / base - 1 for mine, base in zip(ours, theirs, strict=True) if mine is not None and base]
    if not any(value is not None for value in [*ours, *theirs]):
        return []
    return [label, span(theirs, number), span(ours, number), span(both, percent, " to ")]


def _clean_row(pairs: Sequence[Compared]) -> list[str]:
    ours = [facts.clean_rate for facts, _ in pairs]
    theirs = [base.clean_rate if base else None for _, base in pairs]
    if not any(rate is not None for rate in [*ours, *theirs]):
        return []
    known = [(mine, base) for mine, base in zip(ours, theirs, strict=True) if mine is not None and base is not None]
    ends = sorted(dict.fromkeys(f"{100 * (mine - base):+.0f}" for mine, base in known), key=float)
    points = UNKNOWN if not ends else f"{ends[0]} points" if len(ends) == 1 else f"{ends[0]} to {ends[-1]} points"
    return ["Clean images", span(theirs, share), span(ours, share), points]


def judged_epochs_table(description: Description) -> str:
    if description.decision is not None and description.decision.baseline_kind is BaselineKind.SUMMARY:
        return _means_table(description)
    header = ["Epoch", "Decision", "Difference", _interval_name(description), "p"]  # what a narrow page shows
    header += ["This experiment", "Baseline", "At its epoch", "Unique colors (baseline)", "Clean (baseline)"]
    rows = [_judged_epoch(description, facts) for facts in description.epochs]
    if _in_stages(description):
        header.insert(2, "Pairs")
        rows = [[*row[:2], _pairs(facts), *row[2:]] for row, facts in zip(rows, description.epochs, strict=True)]
    return _epochs_table(header, rows)


def _epochs_table(header: list[str], rows: list[list[str]]) -> str:
    """All but the second column, the decision, are numbers."""
    return table(header, rows, right=[0, *range(2, len(header))])


def _in_stages(description: Description) -> bool:
    """Whether epochs were compared on unequal numbers of images: this experiment or its baseline was adaptive."""
    decisions = [facts.decision for facts in description.epochs if facts.decision]
    return bool(description.compared) or any(decision.stage is not None for decision in decisions)


def _pairs(facts: EpochFacts) -> str:
    return UNKNOWN if facts.decision is None else str(facts.decision.num_pairs)


def _means_table(description: Description) -> str:
    """Against a baseline that is known by its mean: no interval, no p."""
    header = ["Epoch", "Decision", "Difference", "Images", "This experiment", "Baseline", "At its epoch"]
    rows = [
        [
            str(facts.epoch),
            _decided(facts.decision),
            difference(facts.decision.relative_difference if facts.decision else None),
            str(facts.num_samples),
            number(facts.judged),
            number(facts.decision.baseline_mean if facts.decision else None),
            str(theirs.epoch) if (theirs := description.baseline_of(facts)) else UNKNOWN,
        ]
        for facts in description.epochs
    ]
    return _epochs_table(header, rows)


def _interval_name(description: Description) -> str:
    decisions = [facts.decision for facts in description.epochs if facts.decision]
    levels = [decision.interval_level for decision in decisions if decision.baseline_kind in PAIRED]
    return f"{levels_text(levels)} interval" if levels else "Interval"


def _judged_epoch(description: Description, facts: EpochFacts) -> list[str]:
    decision, theirs, shared = facts.decision, description.baseline_of(facts), description.as_compared(facts)
    return [
        str(facts.epoch),
        _decided(decision),
        difference(decision.relative_difference if decision else None),
        _interval(decision),
        p_value(decision.p_value if decision else None),
        number(facts.judged),
        number(decision.baseline_mean if decision else None),
        str(theirs.epoch) if theirs else UNKNOWN,
        f"{number(shared.mean_unique_colors)} ({number(theirs.mean_unique_colors if theirs else None)})",
        f"{_rate(shared)} ({_rate(theirs)})",
    ]


def _interval(decision: Decision | None) -> str:
    if decision is None or decision.relative_difference is None or decision.baseline_kind not in PAIRED:
        return UNKNOWN
    return interval(decision.interval_low, decision.interval_high)


def _rate(facts: EpochFacts | None) -> str:
    return UNKNOWN if facts is None or facts.clean_rate is None else share(facts.clean_rate)


def _decided(decision: Decision | None) -> str:
    return UNKNOWN if decision is None else f"{decision.verdict} ({decision.reason_code.replace('_', ' ')})"


def how_to_read(description: Description) -> str:
    """How to read the table above, in the decision's own terms."""
    decision = description.decision
    if decision is None:
        return ""
    if decision.baseline_kind is BaselineKind.SUMMARY:
        return (
            "One of the two sides is known by its mean alone, so means are compared as they are: there is no test, and "
            f"no p-value. An epoch counts against the experiment when its mean is more than "
            f"{decision.margin or 0:.0%} above the baseline's; {decision.patience} in a row abandon it."
        )
    tested = next(
        (f.decision for f in reversed(description.epochs) if f.decision and f.decision.p_value is not None), None
    )
    if tested is None or tested.margin is None:
        return "No epoch could be tested."
    return (
        f"Judged value of an image, less is better: its {metric_name(description)}, or {number(tested.floor)} (the "
        f"training art's median) where that is more; the mean is over {tested.num_prompts} prompts. The same prompts "
        f"and seeds were drawn by both sides. p is one-sided, for being worse by more than {percent(tested.margin)}, "
        f"from sign flips of whole prompts; it counts below its limit, {tested.alpha_per_look:.2g} at epoch "
        f"{tested.epoch} (the limits of all {tested.looks} looks add up to {tested.alpha:g}), {tested.patience} epochs "
        f"in a row."
        f"{_about_stages(description)}{_against_champion(decision)}"
    )


def _about_stages(description: Description) -> str:
    """Why not every epoch was compared on as many pairs."""
    if not _in_stages(description):
        return ""
    decisions = [facts.decision for facts in description.epochs if facts.decision]
    if not any(decision.stage for decision in decisions):
        why = "The baseline's evaluation was adaptive: it has the first seed alone of every prompt at some epochs."
    else:
        why = (
            "The evaluation was adaptive: an epoch drew the first seed of every prompt, and the others only where "
            "that left the decision open; either stage has its part of the epoch's limit."
        )
    return (
        f" {why} Figures of both sides are over the pairs that they share; epochs with other numbers of pairs show "
        "other images."
    )


def _against_champion(decision: Decision) -> str:
    """The champion's own checkpoint may be another epoch than the one compared with."""
    if decision.champion is None or decision.champion_difference is None:
        return ""
    return (
        f" Against the champion's own checkpoint, {code(decision.champion)}, epoch {decision.epoch} differs by "
        f"{percent(decision.champion_difference)} on the same prompts and seeds."
    )


def first_epochs_table(description: Description) -> str:
    header = ["Epoch", "Decision", "Effective colors", "Unique colors", "Clean", "Train loss", "Validation loss"]
    rows = [
        [
            str(facts.epoch),
            _decided(facts.decision),
            number(facts.mean_effective_colors),
            number(facts.mean_unique_colors),
            _rate(facts),
            number(facts.train_loss, 4),
            number(facts.validation_loss, 4),
        ]
        for facts in description.epochs
    ]
    return _epochs_table(header, rows)


def against_art(description: Description) -> list[str]:
    """Without a baseline: how the figures moved, and where the training art stands."""
    first, last, decision = description.epochs[0], description.epochs[-1], description.decision
    name = metric_name(description)
    lines = []
    if len(description.epochs) > 1 and first.judged and last.judged is not None:
        change = last.judged / first.judged - 1
        before, after = number(first.judged), number(last.judged)
        how = f"{'fell' if change < 0 else 'rose'} from {before} to {after} ({difference(change)})"
        lines.append(
            f"From epoch {first.epoch} to {last.epoch} the mean of {name} "
            f"{f'stayed at {after}' if before == after else how}. Less is better only down to the training art's level."
        )
    if decision is not None and (place := place_in_art(decision)) is not None:
        lines.append(
            f"The training art's median is {number(decision.floor)} {name}; 98% of its sprites have between "
            f"{number(decision.min_colors)} and {number(decision.max_colors)} effective colors. The images of epoch "
            f"{decision.epoch} have a median of {number(decision.median_colors)}: "
            f"{place}."
        )
    return lines


def place_in_art(decision: Decision) -> str | None:
    """None where the images or the art are not known."""
    median, low, high = decision.median_colors, decision.min_colors, decision.max_colors
    if median is None or low is None or high is None:
        return None
    if median < low:
        return "flatter than the art"
    return BUSIER if median > high else "within the art's range"


def confirmation_section(decision: Decision | None) -> str:
    if decision is None or decision.confirmation_difference is None:
        return ""
    rows = [
        [
            "Judged metric",
            UNKNOWN,
            UNKNOWN,
            difference(decision.confirmation_difference),
            p_value(decision.confirmation_p_value),
        ]
    ]
    for label, mine, theirs, p in (
        ("Clean images", decision.clean_rate, decision.baseline_clean_rate, decision.clean_p_value),
        (
            "Named colors found",
            decision.color_agreement,
            decision.baseline_color_agreement,
            decision.color_agreement_p_value,
        ),
    ):
        if mine is not None and theirs is not None:
            rows.append([label, share(mine), share(theirs), f"{100 * (mine - theirs):+.0f} points", p_value(p)])
    champion = code(decision.confirmation_baseline or "the champion")
    ends = interval(decision.confirmation_low, decision.confirmation_high)
    return "\n\n".join(
        [
            "## Confirmation on fresh seeds",
            f"Both checkpoints were sampled again, {decision.confirmation_pairs} pairs over "
            f"{decision.confirmation_prompts} prompts: epoch {decision.epoch} against {champion}. "
            f"{level(decision.confirmation_level)} interval of the judged difference: {ends}.",
            table(["Metric", "This experiment", "Champion", "Difference", "p"], rows, right=(1, 2, 3, 4)),
        ]
    )


def metric_name(description: Description) -> str:
    return METRIC_NAMES.get(description.metric, description.metric)
