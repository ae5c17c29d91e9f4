"""The tallies as a CSV, a table to read, and the frontier."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from scipy.stats import beta
from settings import EPOCHS, REFERENCE, REFERENCE_KNOWN, SETTINGS, SPECIAL

from pixelpipe.comparison.characteristics import net_saving

SHARES = (0.20, 1 / 3)
"""Evaluation's share of an epoch's GPU time: what a planned run has, and the most that `pixelpipe plan` lets pass."""
NAMED = ("mean worse once", "mean worse three times in a row", "WilcoxonPruner, defaults", "mean +10% once")
PROMISE, MARGIN_PROMISE = 0.01, 0.05


class Table:
    """Tallies by (setting, truth, rule)."""

    def __init__(self, tallies: Iterable[Any]) -> None:
        self.tallies = list(tallies)
        self.by_key = {(each.setting, each.truth, each.rule): each for each in self.tallies}
        self.rules = list(dict.fromkeys(each.rule for each in self.tallies if each.rule != "pixelpipe"))

    def abandoned(self, setting: str, truth: str, rule: str) -> float:
        tally = self.by_key[setting, truth, rule]
        return tally.abandoned / tally.runs

    def promoted(self, setting: str, truth: str) -> float:
        tally = self.by_key[setting, truth, "pixelpipe"]
        return tally.promoted / tally.runs

    def stop(self, setting: str, truth: str, rule: str) -> float:
        tally = self.by_key[setting, truth, rule]
        return tally.epochs / tally.runs

    def saved(self, setting: str, truth: str, rule: str, share: float) -> float:
        return net_saving(self.stop(setting, truth, rule), EPOCHS, share)

    def worst(self, truth: str, rule: str, settings: Sequence[str]) -> float:
        return max(self.abandoned(setting, truth, rule) for setting in settings)


def write_report(tallies: Iterable[Any], folder: Path) -> None:
    table = Table(tallies)
    _write_csv(table, folder / "operating_characteristics.csv")
    parts = (_ours, _special, _rivals, _frontier_text)
    text = "\n\n".join([_head(table), *(part(table) for part in parts)])
    (folder / "operating_characteristics.md").write_text(text + "\n")
    _plot(table).savefig(folder / "frontier.png", dpi=110)


def _write_csv(table: Table, path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        columns = ["setting", "truth", "rule", "runs", "abandoned", "abandoned_upper_95", "promoted", "mean_stop"]
        writer.writerow([*columns, *(f"saved_net_at_{share:.0%}" for share in SHARES), "reasons"])
        for each in table.tallies:
            stop = each.epochs / each.runs
            reasons = "; ".join(f"{reason} {count}" for reason, count in sorted(each.reasons.items()))
            shares = [f"{net_saving(stop, EPOCHS, share):.4f}" for share in SHARES]
            promoted = f"{each.promoted / each.runs:.4f}" if each.rule == "pixelpipe" else ""
            bound = f"{upper_bound(each.abandoned, each.runs):.4f}"
            figures = [each.runs, f"{each.abandoned / each.runs:.4f}", bound, promoted, f"{stop:.3f}", *shares, reasons]
            writer.writerow([each.setting, each.truth, each.rule, *figures])


def upper_bound(hits: int, runs: int) -> float:
    """One-sided 95% upper bound of a share (Clopper & Pearson 1934, Biometrika 26, 404-413)."""
    return 1.0 if hits == runs else float(beta.ppf(0.95, hits + 1, runs - hits))


def _head(table: Table) -> str:
    ours = [each for each in table.tallies if each.rule == "pixelpipe"]
    runs = {each.truth: each.runs for each in ours if each.setting == REFERENCE.name}
    total = sum(each.runs for each in ours)
    return f"""# What the rule does

Made by `python benchmarks/judge/operating_characteristics.py --runs {runs["+0%"]}`:
{total:,} simulated runs of {EPOCHS} epochs ({runs["+0%"]:,} a setting with no difference, {runs["+40%"]:,} with one),
each ended as the rule ends a run
(`pixelpipe/comparison/many_runs.py`; a test holds the two equal), with its defaults (24 prompts x 4 seeds, margin 10%,
alpha 5% over all looks, the early ones more of it, patience 2). How pictures are drawn:
`pixelpipe/comparison/simulation.py`. Every figure, with an upper bound, of every rule: `operating_characteristics.csv`.

"Saved" is the share of the GPU money of training to the end *without* any judging, net of what judging costs, where
evaluation takes a fifth and a third of an epoch's GPU time. It is negative for a run that is not abandoned: such a run
pays for all its looks."""


def _markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def _ours(table: Table) -> str:
    def row(setting: str) -> list[str]:
        saved = [f"{table.saved(setting, '+40%', 'pixelpipe', share):.0%}" for share in SHARES]
        return [
            setting,
            _percent(table.abandoned(setting, "+0%", "pixelpipe")),
            _percent(table.promoted(setting, "+0%")),
            _percent(table.abandoned(setting, "+10%", "pixelpipe")),
            _percent(table.abandoned(setting, "+40%", "pixelpipe")),
            f"{table.stop(setting, '+40%', 'pixelpipe'):.2f}",
            " / ".join(saved),
            _percent(table.promoted(setting, "-15%")),
        ]

    header = ["setting", "no difference: abandoned", "promoted", "+10%: abandoned", "+40%: abandoned", "mean stop"]
    header += ["saved", "-15%: promoted"]
    return "## Ours, by setting\n\n" + _markdown(header, [row(setting.name) for setting in SETTINGS]) + "\n\n" + _NOTE


_NOTE = """Where runs differ, either side's run is drawn: a candidate with no true difference may then have a checkpoint
that *is* better or worse, and "promoted" counts those that are. Not known, the deviation makes the verdict one about
the checkpoint, and false abandonments of the *configuration* rise with it. Known (`judge.run_sd`, a number or
measured), it widens the test, and they stay below 1%; what that costs is the power to see +40% in a single run. Where
it is measured from 8 runs, every simulated run is told another estimate, and Student's t makes up for that."""


def _special(table: Table) -> str:
    rows = []
    for truth in SPECIAL:
        tally = table.by_key[REFERENCE.name, truth.name, "pixelpipe"]
        reasons = ", ".join(f"{reason} {count / tally.runs:.0%}" for reason, count in sorted(tally.reasons.items()))
        figures = [_percent(tally.abandoned / tally.runs), _percent(tally.promoted / tally.runs)]
        rows.append([truth.name, *figures, f"{tally.epochs / tally.runs:.2f}", reasons])
    header = ["truth", "abandoned", "promoted", "mean stop", "reasons"]
    title = "## Ours, at the reference setting, on runs that are not what they seem"
    return f"{title}\n\n{_markdown(header, rows)}{_COST}"


_COST = """

The second row is the price of looking early: a candidate that would have ended 10% better is lost, since at every early
epoch it really was worse than the baseline at the same epoch. `judge.grace` buys it back, epoch by epoch."""


def _rivals(table: Table) -> str:
    def row(rule: str, setting: str, label: str) -> list[str]:
        saved = [f"{table.saved(setting, '+40%', rule, share):.0%}" for share in SHARES]
        figures = [_percent(table.abandoned(setting, truth, rule)) for truth in ("+0%", "+10%", "+40%")]
        return [label, *figures, f"{table.stop(setting, '+40%', rule):.2f}", " / ".join(saved)]

    rows = [
        row("pixelpipe", REFERENCE.name, "**pixelpipe**, deviation between runs not known"),
        row("pixelpipe", REFERENCE_KNOWN.name, "**pixelpipe**, deviation between runs known"),
        *(row(rule, REFERENCE.name, rule) for rule in NAMED),
    ]
    header = ["rule", "no difference: abandoned", "+10%: abandoned", "+40%: abandoned", "mean stop", "saved"]
    return f"## Beside what people use, at {REFERENCE.name}\n\n" + _markdown(header, rows)


def _all_settings() -> list[str]:
    """For a rule of fixed numbers: it cannot be told how far runs differ."""
    return [setting.name for setting in SETTINGS if not setting.is_told]


def _told_settings() -> list[str]:
    """For ours: the deviation between runs known."""
    return [setting.name for setting in SETTINGS if "not known" not in setting.name]


def _frontier_text(table: Table) -> str:
    ours = table.saved(REFERENCE_KNOWN.name, "+40%", "pixelpipe", SHARES[0])
    here = [rule for rule in table.rules if table.abandoned(REFERENCE.name, "+0%", rule) <= PROMISE]
    here = [rule for rule in here if table.saved(REFERENCE.name, "+40%", rule, SHARES[0]) > ours]
    everywhere = [rule for rule in table.rules if table.worst("+0%", rule, _all_settings()) <= PROMISE]
    best = max(everywhere, key=lambda rule: table.saved(REFERENCE.name, "+40%", rule, SHARES[0]), default=None)
    worst = table.worst("+0%", "pixelpipe", _told_settings())
    lines = [
        "## The frontier",
        "![false abandons against money saved](frontier.png)",
        f"In every setting, with the deviation between runs known, ours falsely abandons at most {_percent(worst)}.",
    ]
    if best is None:
        lines.append("Of the naive rules, at every threshold that was tried, none keeps to 1% in every setting.")
    else:
        saved = table.saved(REFERENCE.name, "+40%", best, SHARES[0])
        lines.append(
            f'Of the naive rules that keep to 1% in every setting, the one that saves most is "{best}": {saved:.0%} of '
            f"the money at the reference setting, where ours saves {ours:.0%}."
        )
    lines.append(_at_reference(table, here, ours))
    return "\n\n".join(lines)


def _at_reference(table: Table, rules: Sequence[str], ours: float) -> str:
    """The naive rules that, tuned to one known setting, save more than ours there: by how much, and at what price."""
    if not rules:
        return "At the reference setting alone, no naive rule with at most 1% false abandons saves more than ours."
    header = ["rule", "saved, more than ours", "+10%: abandoned (allowed: 5%)", "no difference, worst setting"]
    rows = [
        [
            rule,
            f"{100 * (table.saved(REFERENCE.name, '+40%', rule, SHARES[0]) - ours):+.2f} points",
            _percent(table.abandoned(REFERENCE.name, "+10%", rule)),
            _percent(table.worst("+0%", rule, _all_settings())),
        ]
        for rule in rules
    ]
    text = (
        "At the reference setting alone, a threshold tuned to its noise gets a little more out of the first epoch, at "
        "the price of candidates that are exactly at the margin, which the plan allows, and of any other setting:"
    )
    return f"{text}\n\n{_markdown(header, rows)}"


def _plot(table: Table) -> Figure:
    figure = Figure(figsize=(11, 5), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    _panel(left, table, [REFERENCE.name], [REFERENCE_KNOWN.name], f"at {REFERENCE.name}")
    _panel(right, table, _all_settings(), _told_settings(), "in the worst of all settings")
    left.set_ylabel("money saved on a +40% candidate (reference), net")
    right.legend(loc="lower right", fontsize=8)
    return figure


FAMILIES = {
    "mean + t, once": ("once", "o", "tab:gray"),
    "mean + t, twice in a row": ("twice in a row", "s", "tab:olive"),
    "mean + t, three in a row": ("three times in a row", "^", "tab:brown"),
    "WilcoxonPruner, p": ("WilcoxonPruner", "D", "tab:blue"),
}


def _panel(axes: Any, table: Table, settings: list[str], told: list[str], title: str) -> None:
    for label, (part, marker, color) in FAMILIES.items():
        rules = [rule for rule in table.rules if part in rule]
        x = [_shown(table.worst("+0%", rule, settings)) for rule in rules]
        y = [table.saved(REFERENCE.name, "+40%", rule, SHARES[0]) for rule in rules]
        axes.plot(x, y, marker=marker, color=color, lw=0.8, ms=4, label=label)
    ours = [(told, REFERENCE_KNOWN.name, "pixelpipe, deviation known", "tab:red")]
    ours += [([REFERENCE.name], REFERENCE.name, "pixelpipe, not known (reference)", "tab:orange")]
    for where, reference, label, color in ours:
        x = _shown(table.worst("+0%", "pixelpipe", where))
        axes.plot([x], [table.saved(reference, "+40%", "pixelpipe", SHARES[0])], "*", color=color, ms=15, label=label)
    axes.axvline(PROMISE, color="black", lw=0.8, ls=":")
    axes.set_xscale("log")
    axes.set_xlim(2e-4, 1.2)
    axes.set_title(f"false abandons {title}", fontsize=10)
    axes.set_xlabel("abandoned though there is no difference (left edge: none seen)")


def _shown(share: float) -> float:
    return max(share, 3e-4)
