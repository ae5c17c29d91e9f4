"""report.html: one file that loads nothing. Its texts and figures are those of verdict.md, by the same functions."""

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from pixelpipe.reporting.caption_section import caption_section
from pixelpipe.reporting.cost_section import epochs
from pixelpipe.reporting.description import Description
from pixelpipe.reporting.figures import duration, interval, level, percent, usd
from pixelpipe.reporting.markdown import visible
from pixelpipe.reporting.pages.charts import metric_charts
from pixelpipe.reporting.pages.palettes import palette_bars
from pixelpipe.reporting.pages.rendering import asset, inline, render, script_source, section
from pixelpipe.reporting.pages.sample_grid import sample_grid
from pixelpipe.reporting.result_tables import metric_name
from pixelpipe.reporting.trajectory import PAIRED
from pixelpipe.reporting.vae_floor import vae_floor_table
from pixelpipe.reporting.verdict import header_facts, verdict_sections
from pixelpipe.store import Store

STAGE_COLORS = {"train": "candidate", "save": "edge", "sample": "baseline", "analyze": "limit", "judge": "promoted"}
STAGE_NAMES = {"train": "training", "save": "saving", "sample": "sampling", "analyze": "measuring", "judge": "judging"}


@dataclass(frozen=True, slots=True)
class Tile:
    name: str
    figure: str
    detail: str


def html_report(store: Store, description: Description, site: str | None = None) -> str:
    """The page; the same tables give the same text. `site`: key of the index, where there is one to link to."""
    grid = sample_grid(store, description)
    palettes = palette_bars(store, description)
    written = verdict_sections(description)
    recommendation = section(written.pop("recommendation"))
    sections = _sections(description, written, has_grid=grid is not None, has_palettes=bool(palettes))
    script = "\n".join([asset("samples.js"), asset("scrolling.js")]) if grid else asset("scrolling.js")
    return render(
        "report.html",
        description=description,
        name=visible(description.name),
        verdict=visible(description.verdict),
        facts=[(name, inline(markdown)) for name, markdown in header_facts(description)],
        tiles=_tiles(description),
        recommendation=recommendation,
        sections=sections,
        contents=[(name, heading) for name, heading, _ in sections],
        charts=metric_charts(description) if description.epochs else None,
        chart_label=f"{metric_name(description)} by epoch; the table beneath has the figures",
        grid=grid,
        palettes=palettes,
        stages=_stages(description),
        script=Markup(script),  # files of this package
        script_sources=script_source(script),
        site=None if site is None else f"../../{site}",
    )


def _sections(
    description: Description, written: dict[str, str], *, has_grid: bool, has_palettes: bool
) -> list[tuple[str, str, Markup]]:
    """(name, heading, HTML) in the order of the page; the grid and the palettes have templates of their own."""
    floor = vae_floor_table(description.baseline_vae_floor, description.vae_floor)
    added = {
        "captions": caption_section(description.dataset),
        "floor": f"## What the VAE alone does\n\n{floor}" if floor else "",
    }
    found = written | {name: markdown for name, markdown in added.items() if markdown}
    pictured = {"samples": ("Samples", has_grid), "palettes": ("Palettes", has_palettes)}
    order = (
        "results",
        "samples",
        "confirmation",
        "review",
        "palettes",
        "changed",
        "captions",
        "floor",
        "cost",
        "caveats",
    )
    sections = []
    for name in (*order, "repeat"):
        if name in pictured:
            heading, there = pictured[name]
            if there:
                sections.append((name, heading, Markup("")))
        elif name in found:
            sections.append((name, *section(found[name])))
    return sections


def _tiles(description: Description) -> list[Tile]:
    """The figures that a reader looks for first."""
    tiles = []
    decision = description.decision
    if decision is not None and decision.relative_difference is not None:
        detail = f"{metric_name(description)}, against the baseline at epoch {decision.epoch}"
        if decision.baseline_kind in PAIRED:
            ends = interval(decision.interval_low, decision.interval_high)
            detail += f"; {level(decision.interval_level)} interval {ends}"
        tiles.append(Tile("Difference", percent(decision.relative_difference), detail))
    done = len(description.epochs)
    planned = f"of {description.planned_epochs} planned"
    tiles.append(Tile("Epochs", str(done), planned if description.origin is None else "known"))
    if description.num_prompts:
        size = f"{description.num_prompts} × {description.seeds_per_prompt}"
        often = f", one seed at {short} of them" if (short := description.num_short) else ""
        tiles.append(Tile("Judged on", size, f"prompts × seeds at every epoch{often}"))
    if description.cost_usd or description.origin is None:
        time = f"in {duration(description.spend.seconds)}" if description.origin is None else "elsewhere, as stated"
        tiles.append(Tile("Spent", usd(description.cost_usd), time))
    if description.savings is not None:
        saved = description.savings
        tiles.append(Tile("Spared", usd(saved.cost_usd), f"about, by not training {epochs(saved.epochs)} more"))
    return tiles


def _stages(description: Description) -> list[dict[str, Any]]:
    """Where the time went; nothing where nobody here saw the clock."""
    spend = description.spend
    if not spend.seconds:
        return []
    shares = [(name, getattr(spend, name)) for name in STAGE_NAMES]
    return [
        {
            "name": STAGE_NAMES[name],
            "color": STAGE_COLORS[name],
            "seconds": f"{seconds:.3f}",
            "share": f"{seconds / spend.seconds:.0%}",
        }
        for name, seconds in shares
    ]
