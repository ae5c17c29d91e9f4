"""index.html of a store: a leaderboard for every line, and all experiments; one file that loads nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from markupsafe import Markup

from pixelpipe.keys import EXPERIMENTS, SITE, experiment_key
from pixelpipe.reporting.documents import REPORT
from pixelpipe.reporting.markdown import visible
from pixelpipe.reporting.pages.rendering import asset, render, script_source
from pixelpipe.reporting.pages.shown_images import Column, strip
from pixelpipe.results import query
from pixelpipe.results.reader import list_experiments, read_table
from pixelpipe.store import Store

MOST_THUMBNAILS, SPRITES_EACH = 100, 4  # of 24 px about 1 MB in all
FINISHED = frozenset({"promoted", "abandoned", "inconclusive"})

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Thumbnails:
    """Sprites of an experiment's last epoch: the first seed of its first prompts."""

    uri: str
    num_sprites: int
    prompts: str  # for those who cannot see them


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """Experiments that were sampled with one evaluation set: only they can be compared."""

    line: str
    eval_set_id: str
    rows: tuple[Row, ...]  # of the view `leaderboard`, and `href`, `thumbnails`


def write_site(store: Store) -> str:
    """Put (or replace) index.html; where it is."""
    store.replace(SITE, site_page(store).encode())
    return store.uri(SITE)


def reports_to_build(store: Store, everything: bool) -> list[str]:
    """All experiments, or those without a report and those that go on: their report is of an earlier epoch."""
    reported = _reported(store)
    return [
        row["experiment_id"]
        for row in reversed(list_experiments(store))
        if everything or row["status"] not in FINISHED or row["experiment_id"] not in reported
    ]


def site_page(store: Store) -> str:
    """The same tables and reports give the same page."""
    experiments, reported = list_experiments(store), _reported(store)
    hrefs = {name: f"{experiment_key(name)}/{REPORT}" for name in sorted(reported)}
    counts: dict[str, int] = {}
    for row in experiments:
        counts[row["status"]] = counts.get(row["status"], 0) + 1
    script = "\n".join([asset("site.js"), asset("scrolling.js")])
    return render(
        "site.html",
        leaderboards=_leaderboards(store, hrefs),
        experiments=[_visible(row) | {"href": hrefs.get(row["experiment_id"])} for row in experiments],
        counts=counts,
        spent_usd=sum(row["cost_usd"] for row in experiments),
        script=Markup(script),  # files of this package
        script_sources=script_source(script),
    )


def _leaderboards(store: Store, hrefs: Mapping[str, str]) -> list[Leaderboard]:
    places = query.run(store, "SELECT * FROM leaderboard ORDER BY line, eval_set_id, rank, experiment_id").to_pylist()
    pictured = {row["experiment_id"] for row in sorted(places, key=lambda row: row["rank"])[:MOST_THUMBNAILS]}
    boards = []
    for (line, eval_set_id), rows in groupby(places, key=lambda row: (row["line"], row["eval_set_id"])):
        shown = tuple(
            _visible(row)
            | {"href": hrefs.get(row["experiment_id"])}
            | {"thumbnails": _thumbnails(store, row) if row["experiment_id"] in pictured else None}
            for row in rows
        )
        boards.append(Leaderboard(visible(line), eval_set_id, shown))
    return boards


def _thumbnails(store: Store, place: Row) -> Thumbnails | None:
    """None for what is known by figures alone."""
    columns = ["epoch", "prompt_id", "seed", "prompt", "grid", "sprite_png"]
    rows = read_table(store, "samples", place["experiment_id"], columns=columns).to_pylist()
    images = {(row["epoch"], row["prompt_id"], row["seed"]): row for row in rows if row["epoch"] == place["epoch"]}
    first: dict[str, Column] = {}
    for _, prompt_id, seed in images:
        first.setdefault(prompt_id, Column(prompt_id, images[place["epoch"], prompt_id, seed]["prompt"], (seed,)))
    chosen = [first[prompt_id] for prompt_id in sorted(first)[:SPRITES_EACH]]
    if not chosen:
        return None
    uri = strip(images, place["epoch"], chosen, next(iter(images.values()))["grid"])
    return Thumbnails(uri, len(chosen), visible("; ".join(column.prompt for column in chosen)))


def _reported(store: Store) -> set[str]:
    """Experiments that have a report."""
    return {key.split("/")[1] for key in store.list(EXPERIMENTS) if key.endswith(f"/{REPORT}")}


def _visible(row: Row) -> Row:
    return {name: visible(value) if isinstance(value, str) else value for name, value in row.items()}
