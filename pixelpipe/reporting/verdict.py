"""verdict.md: what was tried, what came of it, what to do next. Every figure is from the tables."""

from pixelpipe.keys import experiment_key, results_prefix
from pixelpipe.reporting import advice
from pixelpipe.reporting.description import Description
from pixelpipe.reporting.figures import duration, usd
from pixelpipe.reporting.markdown import bullets, code, table, text
from pixelpipe.reporting.result_tables import (
    against_art,
    confirmation_section,
    first_epochs_table,
    how_to_read,
    judged_epochs_table,
    metric_name,
    summary_table,
)

CONTACT_SHEET, METRIC_PLOT = "contact_sheet.png", "metric_by_epoch.png"
PER_EPOCH = ("samples", "epochs", "decisions")


def verdict_markdown(description: Description) -> str:
    """The document; the same description gives the same text."""
    sections = [
        _header(description),
        _results(description),
        confirmation_section(description.decision),
        _what_changed(description),
        "## Recommendation\n\n" + "\n\n".join(advice.recommendation(description)),
        _cost(description),
        "## Caveats\n\n" + bullets(advice.caveats(description)),
        _how_to_repeat(description),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _header(description: Description) -> str:
    reason = f" ({code(description.reason_code)})" if description.reason_code else ""
    facts = [
        f"**Date:** {description.changed_at:%Y-%m-%d}",
        f"**Status:** {description.status.upper()}{reason}",
        f"**Experiment:** {code(description.experiment_id)}, line {code(description.line)}",
        f"**Epochs:** {len(description.epochs)} of {description.planned_epochs} planned",
    ]
    if description.baseline is not None:
        facts.append(f"**Baseline:** {code(description.baseline.champion or description.baseline.reference)}")
    title = f"# {text(description.name)}: {description.status.upper()}"
    verdict = f"**Verdict:** {text(_verdict_sentence(description))}"
    return "\n\n".join([title, "  \n".join(facts), verdict])


def _verdict_sentence(description: Description) -> str:
    if description.status == "running":
        so_far = f" So far: {description.sentence}" if description.decision and description.sentence else ""
        return f"Not decided yet: the experiment is running.{so_far}"
    return description.sentence or f"The experiment is {description.status}; no reason was stored."


def _results(description: Description) -> str:
    if not description.epochs:
        return "## Results\n\nNone: no epoch was committed."
    parts = ["## Results"]
    if description.baseline is not None:
        parts += [summary_table(description), judged_epochs_table(description), how_to_read(description)]
    else:
        parts += [first_epochs_table(description), *against_art(description)]
    parts += [
        f"![{text(metric_name(description))} by epoch]({METRIC_PLOT})",
        f"![What every epoch drew]({CONTACT_SHEET})",
    ]
    return "\n\n".join(parts)


def _what_changed(description: Description) -> str:
    if description.baseline is None:
        return ""
    if description.factors is None:
        return "## What changed\n\nUnknown: the store has no configuration of the baseline to compare with."
    if not description.factors:
        return (
            "## What changed\n\nNothing that changes a weight or an image: any difference is that between two runs of "
            "the same configuration."
        )
    rows = [[text(f.name), text(f.baseline), text(f.candidate)] for f in description.factors]
    parts = ["## What changed", table(["Factor", "Baseline", "This experiment"], rows)]
    if not description.confounded:
        parts.append(
            "One factor changed: a difference is due to it, or to chance between two training runs (not measured)."
        )
        return "\n\n".join(parts)
    parts.append(
        f"**{len(description.factors)} factors changed at once: this experiment cannot tell which of them is to blame, "
        "or to thank.**"
    )
    if runs := description.factorial_runs:
        parts += ["These runs would tell them apart:", bullets([text(run) for run in runs])]
    else:
        parts.append("They are too many for every combination: change one at a time.")
    return "\n\n".join(parts)


def _cost(description: Description) -> str:
    spend, saved = description.spend, description.savings
    items = [f"Spent: {usd(description.cost_usd)} and {duration(spend.seconds)} on {_epochs(len(description.epochs))}"]
    if description.epochs:
        items.append(f"Evaluation (sampling, measuring, judging): {spend.evaluation_share:.0%} of that time")
    if saved is not None:
        items.append(
            f"Saved by stopping early: about {usd(saved.cost_usd)} and {duration(saved.seconds)}, net (an estimate: "
            f"{_epochs(saved.epochs)} not run at the mean price of those that were, evaluation included)"
        )
    items.append("Counted are committed epochs: preparing (loading, encoding) and interrupted attempts come on top")
    gpu, rate = description.config["budget"]["gpu"], description.config["budget"]["usd_per_hour"]
    items.append(f"Price: {usd(rate)} an hour ({text(gpu)}), as configured")
    return "## Cost\n\n" + bullets(items)


def _epochs(count: int) -> str:
    return f"{count} epoch{'' if count == 1 else 's'}"


def _how_to_repeat(description: Description) -> str:
    here = experiment_key(description.experiment_id)
    up = "/".join(".." for _ in here.split("/"))
    present = [
        *(PER_EPOCH if description.epochs else ()),
        *(("captions",) if description.dataset else ()),
        "experiments",
    ]
    tables = ", ".join(f"[{name}]({up}/{results_prefix(name, description.experiment_id)}/)" for name in present)
    images = "Full-size images: [samples](samples/); sheet" if description.epochs else "Sheet"
    rows = [[name, code(digest)] for name, digest in description.hashes.items()]
    if description.decision is not None:
        rows.append(["evaluation set", code(description.decision.eval_set_id)])
    return "\n\n".join(
        [
            "## How to repeat it",
            f"From this file's folder: `pixelpipe run config.yaml --store {up} --again` (seed "
            f"{description.config['seed']}). On the same machine and versions it draws the same weights and images.",
            bullets(
                [
                    "Configuration: [config.yaml](config.yaml)",
                    f"{images}: [{CONTACT_SHEET}]({CONTACT_SHEET})",
                    f"Parquet: {tables}",
                ]
            ),
            table(["Hash of", "SHA-256"], rows),
        ]
    )
