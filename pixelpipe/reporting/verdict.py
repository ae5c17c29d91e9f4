"""verdict.md: what was tried, what came of it, what to do next. Every figure is from the tables."""

from pixelpipe.keys import experiment_key, results_prefix
from pixelpipe.reporting import advice
from pixelpipe.reporting.ablation import runs_that_would_tell
from pixelpipe.reporting.cost_section import cost_section
from pixelpipe.reporting.description import Description
from pixelpipe.reporting.figures import epoch_range
from pixelpipe.reporting.lineage import lineage_table
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
from pixelpipe.reporting.review_section import review_section
from pixelpipe.reporting.vae_floor import vae_floor_sentence

ORIGINS = {
    "figures": "known by figures that a person wrote down, without an image",
    "images": "known by its images, which were measured here",
    "checkpoint": "a checkpoint that was drawn with and measured here",
}
CONTACT_SHEET, METRIC_PLOT = "contact_sheet.png", "metric_by_epoch.png"
PER_EPOCH = ("samples", "epochs", "decisions")


def verdict_markdown(description: Description) -> str:
    """The document; the same description gives the same text."""
    sections = verdict_sections(description)
    parts = [_header(description), sections.pop("results"), _pictures(description), *sections.values()]
    return "\n\n".join(part for part in parts if part) + "\n"


def verdict_sections(description: Description) -> dict[str, str]:
    """Name -> Markdown that begins with its heading, in order: what verdict.md and the HTML report both say.

    Sections that have nothing to say are left out.
    """
    sections = {
        "results": _results(description),
        "confirmation": confirmation_section(description.decision),
        "review": review_section(description.review, description.metric),
        "changed": _what_changed(description),
        "recommendation": "## Recommendation\n\n" + "\n\n".join(advice.recommendation(description)),
        "cost": cost_section(description),
        "caveats": "## Caveats\n\n" + bullets(advice.caveats(description)),
        "repeat": _how_to_repeat(description),
    }
    return {name: section for name, section in sections.items() if section}


def _header(description: Description) -> str:
    title = f"# {text(description.name)}: {description.status.upper()}"
    facts = [f"**{name}:** {value}" for name, value in header_facts(description)]
    verdict = f"**Verdict:** {text(description.verdict)}"
    return "\n\n".join([title, "  \n".join(facts), verdict])


def header_facts(description: Description) -> list[tuple[str, str]]:
    """(name, Markdown) of what the experiment is."""
    reason = f" ({code(description.reason_code)})" if description.reason_code else ""
    facts = [
        ("Date", f"{description.changed_at:%Y-%m-%d}"),
        ("Status", f"{description.status.upper()}{reason}"),
        ("Experiment", f"{code(description.experiment_id)}, line {code(description.line)}"),
        ("Epochs", _epochs_known(description)),
    ]
    if description.origin is not None:
        label = "Evaluated" if description.origin == "checkpoint" else "Trained elsewhere"
        facts.append((label, ORIGINS[description.origin]))
    if note := description.config.get("note"):
        facts.append(("Note of whoever brought it", text(note)))
    if description.baseline is not None:
        facts.append(("Baseline", code(description.baseline.champion or description.baseline.reference)))
    return facts


def _epochs_known(description: Description) -> str:
    """Of what was trained elsewhere the plan is known only where somebody stated it."""
    count = len(description.epochs)
    if description.origin == "checkpoint":
        return f"{count} evaluated ({epoch_range([facts.epoch for facts in description.epochs])})"
    if description.origin is not None and not description.config["training"].get("epochs"):
        return f"{count} known ({epoch_range([facts.epoch for facts in description.epochs])})"
    return f"{count} of {description.planned_epochs} planned"


def _results(description: Description) -> str:
    if not description.epochs:
        return "## Results\n\nNone: no epoch was committed."
    parts = ["## Results"]
    if description.baseline is not None:
        parts += [summary_table(description), judged_epochs_table(description), how_to_read(description)]
    else:
        parts += [first_epochs_table(description), *against_art(description)]
    if floor := vae_floor_sentence(description.metric, description.vae_floor):
        parts.append(floor)
    return "\n\n".join(parts)


def _pictures(description: Description) -> str:
    if not description.epochs:
        return ""
    pictures = [f"![{text(metric_name(description))} by epoch]({METRIC_PLOT})"]
    if description.has_images:
        pictures.append(f"![What every epoch drew]({CONTACT_SHEET})")
    return "\n\n".join(pictures)


def _what_changed(description: Description) -> str:
    if description.baseline is None:
        return ""
    if description.factors is None:
        return "## What changed\n\nUnknown: the store has no configuration of the baseline to compare with."
    unstated = _unstated(description)
    if not description.factors and unstated:
        return f"## What changed\n\nNothing that both sides state. {unstated}"
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
    else:
        parts.append(
            f"**{len(description.factors)} factors changed at once: this experiment cannot tell which of them is to "
            "blame, or to thank.**"
        )
        parts += runs_that_would_tell(description)
    return "\n\n".join([*parts, unstated] if unstated else parts)


def _unstated(description: Description) -> str:
    if not description.unstated:
        return ""
    names = ", ".join(text(name) for name in description.unstated)
    return f"Stated of one side only, so nobody knows whether it differs: {names}."


def _how_to_repeat(description: Description) -> str:
    here = experiment_key(description.experiment_id)
    up = "/".join(".." for _ in here.split("/"))
    present = [
        *(name for name in PER_EPOCH if description.epochs and (name != "samples" or description.has_images)),
        *(("captions",) if description.dataset else ()),
        "experiments",
    ]
    tables = ", ".join(f"[{name}]({up}/{results_prefix(name)}/)" for name in present)
    if description.origin == "checkpoint":
        return _how_to_decide_again(description, up, tables)
    if description.origin is not None:
        return _how_to_judge_again(description, up, tables)
    images = "Full-size images: [samples](samples/); sheet" if description.epochs else "Sheet"
    return "\n\n".join(
        [
            "## How to repeat it",
            f"In the experiment's folder: `pixelpipe run config.yaml --store {up} --again` (seed "
            f"{description.config['seed']}). On the same machine and versions it draws the same weights and images.",
            bullets(
                [
                    "Configuration: [config.yaml](config.yaml)",
                    f"{images}: [{CONTACT_SHEET}]({CONTACT_SHEET})",
                    f"Parquet: {tables}",
                ]
            ),
            lineage_table(description),
        ]
    )


def _how_to_judge_again(description: Description, up: str, tables: str) -> str:
    """Of what was trained elsewhere: what was stated of it, and how the rest of it can be brought."""
    images = description.origin == "images"
    option = "--images DIR --config" if images else "--figures"
    more = "adding its folder" if images else "naming it there"
    return "\n\n".join(
        [
            "## How to go on",
            f"What is known of it is in [config.yaml](config.yaml). Another epoch is judged by {more}, and in the "
            "experiment's folder: "
            f"`pixelpipe evaluate {option} config.yaml --store {up}`. What was judged stays.",
            bullets([f"Parquet: {tables}"]),
        ]
    )


def _how_to_decide_again(description: Description, up: str, tables: str) -> str:
    """Of a checkpoint that was evaluated: whose weights it is, and the verdict without drawing anything."""
    return "\n\n".join(
        [
            "## How to go on",
            "What is known of it is in [config.yaml](config.yaml), and whose weights it was drawn with in "
            "[weights.json](weights.json). In the experiment's folder it is decided again, without drawing anything: "
            f"`pixelpipe judge {description.experiment_id} --store {up}`.",
            bullets([f"Parquet: {tables}"]),
        ]
    )
