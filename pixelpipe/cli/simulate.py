"""`pixelpipe judge --simulate`: a forecast as table, plot and advice."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pixelpipe.cli.options import Format, write_records
from pixelpipe.cli.output_file import write_whole
from pixelpipe.config import ExperimentConfig, load_config, parse_config
from pixelpipe.config.yaml_file import apply_override
from pixelpipe.errors import BadInputError
from pixelpipe.store import Store

if TYPE_CHECKING:
    from pixelpipe.pipeline.forecast import Forecast


def simulate_plan(
    store: Store,
    config_path: str | None,
    overrides: tuple[str, ...],
    wanted: float,
    runs: int,
    plot: Path,
    output_format: Format,
) -> int:
    """Simulate, write the plot, say what was assumed and what would be needed; the table goes to stdout."""
    from pixelpipe.pipeline.forecast import DIFFERENCES, forecast, num_designs
    from pixelpipe.progress import progress_bar
    from pixelpipe.reporting.forecast_plot import forecast_plot

    config = _plan(config_path, overrides)
    if not plot.absolute().parent.is_dir():
        raise BadInputError(f"--plot {plot}: must be in a folder that exists but {plot.parent} does not")
    with progress_bar("simulating", runs * len(DIFFERENCES) * num_designs(config)) as advance:
        found = forecast(store, config, wanted, runs, min(os.cpu_count() or 1, 4), advance)
    write_records(_records(found), output_format)
    write_whole(plot, forecast_plot(found))
    for line in _assumptions(found):
        click.echo(line, err=True)
    for line in _advice(found):
        click.echo(line, err=True)
    click.echo(f"plot: {plot}", err=True)
    return 0


def _plan(path: str | None, overrides: tuple[str, ...]) -> ExperimentConfig:
    """A configuration's; without one the defaults, of which no folder of sprites is read."""
    if path is not None:
        return load_config(Path(path), overrides)
    values: dict[str, Any] = {"name": "plan", "line": "no-line", "dataset": {"path": "sprites"}}
    for override in overrides:
        apply_override(values, override)
    return parse_config(values, "--set")


def _records(found: Forecast) -> list[dict[str, Any]]:
    """The plan's own evaluation first, then what `sampling.adaptive` the other way would do on the same pictures."""
    whole, adaptive = (found.others, found.rows) if found.config.sampling.adaptive else (found.rows, found.others)
    records = [
        {
            "evaluation": evaluation,
            "true_difference": f"{difference:+.0%}",
            "abandoned": each.abandoned,
            "promoted": each.promoted,
            "mean_stop": each.mean_stop,
            "pictures": each.mean_drawn / each.mean_stop,
            "saved_net": each.saved(found.cost.evaluation_share),
            "usd_saved": found.usd_saved(each),
            "runs": len(each.endings),
        }
        for evaluation, rows in (("whole", whole), ("adaptive", adaptive))
        for difference, each in rows
    ]
    return sorted(records, key=lambda record: (record["evaluation"] == "adaptive") != found.config.sampling.adaptive)


def _assumptions(found: Forecast) -> list[str]:
    config, noise, sources = found.config, found.measured.noise, found.measured.sources
    sampling, judge = config.sampling, config.judge
    figures = {"image": noise.image, "interaction": noise.interaction, "prompt": noise.prompt}
    if found.deviation is None:
        between = "between runs: not known, so patience decides; 8 runs that differ by seed in this line measure it"
    else:
        between = f"between runs {found.deviation.sd:.3f} ({found.deviation.source})"
    return [
        "",
        f"plan: {config.training.epochs} epochs, {sampling.num_prompts} prompts x {sampling.seeds_per_prompt} seeds, "
        f"margin {judge.abandon_margin:+.0%}, alpha {judge.alpha:g} over all looks",
        *(f"deviation of {name} {value:.3f} ({sources[name]})" for name, value in figures.items()),
        f"deviation {between}",
        f"a whole evaluation is {found.cost.evaluation_share:.0%} of an epoch ({found.cost.source}); adaptive: "
        f"sampling.adaptive, which is {'on' if sampling.adaptive else 'off'} in this plan",
    ]


def _advice(found: Forecast) -> list[str]:
    sampling = found.config.sampling
    sees = "no difference, however large" if found.sees is None else f"a difference of {found.sees:+.0%}"
    lines = [f"the first look sees {sees} with 80% power (beyond {found.config.judge.abandon_margin:+.0%})"]
    if found.needed is None:
        lines.append(f"to see {found.wanted:+.0%}: more than 64 prompts x 8 seeds, or never where runs differ so much")
    else:
        prompts, seeds = found.needed
        now = sampling.num_prompts * sampling.seeds_per_prompt
        lines.append(
            f"to see {found.wanted:+.0%}: {prompts} prompts x {seeds} seeds ({prompts * seeds} pictures, now {now})"
        )
    if found.cost.usd is None:
        lines.append("no epoch of this line was run yet: dollars are not known, shares are")
    return lines
