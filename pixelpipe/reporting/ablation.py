"""The runs that would tell changed factors apart, as commands, with what each costs."""

import shlex

from pixelpipe.comparison.difference import FactorialRun
from pixelpipe.keys import experiment_key
from pixelpipe.reporting.description import Description
from pixelpipe.reporting.figures import usd
from pixelpipe.reporting.markdown import bullets, text


def runs_that_would_tell(description: Description) -> list[str]:
    """Paragraphs: the combinations that do not exist yet as commands; those that exist are named."""
    runs = description.factorial_runs
    wanted = [run for run in runs if not run.exists]
    sayable = [run for run in wanted if run.overrides is not None]
    parts = [f"{_why(description, runs)}{_price(description, wanted)}"]
    parts.append(bullets([text(run.text) for run in runs]))
    if sayable:
        where = "In this file's folder" if description.origin is None else "With a configuration of the baseline"
        parts += [f"{where}:", "```\n" + "\n".join(_command(description, run) for run in sayable) + "\n```"]
    if len(sayable) < len(wanted):
        parts.append(
            f"{len(wanted) - len(sayable)} of them cannot be said as a command: no field of the configuration tells "
            "the two contents apart. Keep each in a folder of its own, and name that as `dataset.path`."
        )
    return parts


def missing_runs(description: Description) -> int:
    return sum(not run.exists for run in description.factorial_runs)


def _why(description: Description, runs: list[FactorialRun]) -> str:
    if any(run.exists for run in runs):
        return "Every combination of them would tell them apart. Two exist already"
    return f"Every combination would take {2 ** len(description.factors or ())} runs; these change one of them each"


def _price(description: Description, wanted: list[FactorialRun]) -> str:
    each = description.usd_per_epoch * description.planned_epochs
    if not each:
        return ":"
    return (
        f"; each of the other {len(wanted)} costs about {usd(each)} if it is not stopped early, all of them "
        f"{usd(each * len(wanted))}:"
    )


def _command(description: Description, run: FactorialRun) -> str:
    assert run.overrides is not None
    changes = " ".join(f"--set {shlex.quote(override)}" for override in run.overrides)
    if description.origin is not None or description.baseline is None or description.baseline.origin is not None:
        return f"pixelpipe run CONFIG.yaml {changes}"
    assert description.baseline.experiment_id is not None
    up = "/".join(".." for _ in experiment_key(description.experiment_id).split("/"))
    return f"pixelpipe run ../{description.baseline.experiment_id}/config.yaml {changes} --store {up}"
