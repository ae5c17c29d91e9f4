"""`pixelpipe judge`: decide again from Parquet alone; `--simulate`: the rule on a plan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pixelpipe.cli.options import FiniteRange, Format, format_option, store_option, write_records
from pixelpipe.cli.results import find_experiment
from pixelpipe.errors import BadInputError
from pixelpipe.store import Store

if TYPE_CHECKING:
    from pixelpipe.pipeline.rejudge import Rejudged

COLUMNS = ("epoch", "verdict", "reason_code", "relative_difference", "interval_low", "interval_high", "p_value")


@click.command()
@click.argument("candidate", required=False, metavar="CANDIDATE | --simulate [CONFIG.yaml]")
@click.option(
    "--baseline",
    metavar="EXPERIMENT[@EPOCH]",
    help="Against another one (or: champion), not what it was judged against.",
)
@click.option("--simulate", is_flag=True, help="What the rule would do with a plan, before anything is run.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="A field of the plan. Repeatable.")
@click.option(
    "--see", type=FiniteRange(0, 10, min_open=True), default=0.25, show_default=True, help="Difference wanted."
)
@click.option("--runs", type=click.IntRange(10, 100_000), default=100, show_default=True, help="Simulated, a row.")
@click.option("--plot", type=click.Path(path_type=Path), default=Path("simulation.png"), show_default=True, help="PNG.")
@store_option
@format_option
def judge(
    candidate: str | None,
    baseline: str | None,
    simulate: bool,
    overrides: tuple[str, ...],
    see: float,
    runs: int,
    plot: Path,
    store: Store,
    output_format: Format,
) -> int:
    """Decide again about every epoch of CANDIDATE, from Parquet alone, and say whether it is what was stored.

    Nothing is written: the stored decisions are the record of what the experiment was told when it ran.
    With its own baseline and the same version of the rule every figure must come out the same to the last bit;
    if one does not, the exit code is 1.

    \b
    --simulate asks instead how often the rule is right about your plan, and what it saves:
        pixelpipe judge --simulate my-art.yaml --set sampling.num_prompts=32
    It simulates --runs runs of several true differences with the variances of your own line (stated defaults where
    it has none yet), evaluated whole and with sampling.adaptive, writes a --plot of your plan, and says how many
    prompts and seeds see a difference of --see.
    """
    if simulate:
        from pixelpipe.cli.simulate import simulate_plan

        return simulate_plan(store, candidate, overrides, see, runs, plot, output_format)
    if candidate is None:
        raise BadInputError("CANDIDATE must name an experiment; or ask about a plan with --simulate [CONFIG.yaml]")
    return _rejudge(candidate, baseline, store, output_format)


def _rejudge(candidate: str, baseline: str | None, store: Store, output_format: Format) -> int:
    from pixelpipe.pipeline.rejudge import rejudge

    experiment_id = find_experiment(store, candidate)
    if baseline is not None and baseline != "champion":
        name, at, epoch = baseline.partition("@")
        baseline = find_experiment(store, name) + at + epoch
    found = rejudge(store, experiment_id, baseline)
    if output_format == "table":
        write_records([_short(each) for each in found], "table")
        _say(found, baseline)
    else:
        write_records([_whole(each) for each in found], output_format)
    broken = baseline is None and any(each.differs_in and each.same_rule for each in found)
    return 1 if broken else 0


def _whole(each: Rejudged) -> dict[str, Any]:
    """Every column of the decision, and what of it is not as stored."""
    return each.decision.row() | {
        "stored_verdict": str(each.stored.verdict),
        "stored_reason_code": str(each.stored.reason_code),
        "equals_stored": not each.differs_in,
        "differs_in": " ".join(each.differs_in),
    }


def _short(each: Rejudged) -> dict[str, Any]:
    row = each.decision.row()
    stored = "the same" if not each.differs_in else f"{each.stored.verdict} {each.stored.reason_code}"
    return {name: row[name] for name in COLUMNS} | {"baseline": row["baseline"], "stored": stored}


def _say(found: list[Rejudged], baseline: str | None) -> None:
    """The last sentence, and in words whether the record holds; on stderr, so that a table can be piped."""
    click.echo(f"\n{found[-1].decision.sentence}", err=True)
    other = [each for each in found if each.differs_in]
    epochs = f"{len(found)} epoch{'' if len(found) == 1 else 's'}"
    if not other:
        click.echo(f"{epochs}: every figure is as stored, to the last bit", err=True)
    elif baseline is not None:
        click.echo("against another baseline than the stored decisions; nothing was written", err=True)
    elif not all(each.same_rule for each in found):
        versions = ", ".join(sorted({each.stored.rule_version for each in other}))
        click.echo(f"stored by version {versions} of the rule, decided now by another; nothing was written", err=True)
    else:
        columns = ", ".join(sorted({name for each in other for name in each.differs_in}))
        click.echo(f"NOT as stored, by the same version of the rule, in: {columns}", err=True)
