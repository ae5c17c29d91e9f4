"""The tallies as a CSV, a table to read, and the frontier."""

import csv
from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from settings import EPOCHS, REFERENCE, REFERENCE_KNOWN, SETTINGS, SPECIAL
from tally import ADAPTIVE, OURS, WHOLE, Tally

SHARES = (0.20, 1 / 3)
"""Evaluation's share of an epoch's GPU time: what a planned run has, and the most that `pixelpipe plan` lets pass."""
NAMED = ("mean worse once", "mean worse three times in a row", "WilcoxonPruner, defaults", "mean +10% once")
PROMISE, MARGIN_PROMISE = 0.01, 0.05


class Table:
    """Tallies by (setting, truth, rule)."""

    def __init__(self, tallies: Iterable[Tally]) -> None:
        self.tallies = list(tallies)
        self.by_key = {(each.setting, each.truth, each.rule): each for each in self.tallies}
        self.rivals = list(dict.fromkeys(each.rule for each in self.tallies if each.rule not in OURS))

    def abandoned(self, setting: str, truth: str, rule: str) -> float:
        return self.by_key[setting, truth, rule].abandoned_share

    def saved(self, setting: str, rule: str, share: float = SHARES[0]) -> float:
        """On a candidate that is 40% worse."""
        return self.by_key[setting, "+40%", rule].saved(share)

    def worst(self, truth: str, rule: str, settings: Sequence[str]) -> float:
        return max(self.abandoned(setting, truth, rule) for setting in settings)


def write_report(tallies: Iterable[Tally], folder: Path) -> None:
    table = Table(tallies)
    _write_csv(table, folder / "operating_characteristics.csv")
    parts = (_ours, _adaptive, _special, _rivals, _frontier_text)
    text = "\n\n".join([_head(table), *(part(table) for part in parts)])
    (folder / "operating_characteristics.md").write_text(text + "\n")
    _plot(table).savefig(folder / "frontier.png", dpi=110)


def _write_csv(table: Table, path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        columns = ["setting", "truth", "rule", "runs", "abandoned", "abandoned_upper_95", "promoted", "mean_stop"]
        writer.writerow([*columns, "pictures", *(f"saved_net_at_{share:.0%}" for share in SHARES), "reasons"])
        for each in table.tallies:
            reasons = "; ".join(f"{reason} {count}" for reason, count in sorted(each.reasons.items()))
            promoted = f"{each.promoted_share:.4f}" if each.rule in OURS else ""
            saved = [f"{each.saved(share):.4f}" for share in SHARES]
            figures = [each.runs, f"{each.abandoned_share:.4f}", f"{each.abandoned_bound:.4f}", promoted]
            rest = [f"{each.mean_stop:.3f}", f"{each.pictures:.4f}", *saved, reasons]
            writer.writerow([each.setting, each.truth, each.rule, *figures, *rest])


def _head(table: Table) -> str:
    ours = [each for each in table.tallies if each.rule == WHOLE]
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


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def _ours(table: Table) -> str:
    def row(setting: str) -> list[str]:
        same, bad, good = (table.by_key[setting, truth, WHOLE] for truth in ("+0%", "+40%", "-15%"))
        return [
            setting,
            percent(same.abandoned_share),
            percent(same.promoted_share),
            percent(table.abandoned(setting, "+10%", WHOLE)),
            percent(bad.abandoned_share),
            f"{bad.mean_stop:.2f}",
            _money(bad),
            percent(good.promoted_share),
        ]

    header = ["setting", "no difference: abandoned", "promoted", "+10%: abandoned", "+40%: abandoned", "mean stop"]
    header += ["saved", "-15%: promoted"]
    return "## Ours, by setting\n\n" + markdown(header, [row(setting.name) for setting in SETTINGS]) + "\n\n" + _NOTE


def _money(tally: Tally) -> str:
    return " / ".join(f"{tally.saved(share):.0%}" for share in SHARES)


_NOTE = """Where runs differ, either side's run is drawn: a candidate with no true difference may then have a checkpoint
that *is* better or worse, and "promoted" counts those that are. Not known, the deviation makes the verdict one about
the checkpoint, and false abandonments of the *configuration* rise with it. Known (`judge.run_sd`, a number or
measured), it widens the test, and they stay below 1%; what that costs is the power to see +40% in a single run. Where
it is measured from 8 runs, every simulated run is told another estimate, and Student's t makes up for that."""


def _adaptive(table: Table) -> str:
    def row(setting: str) -> list[str]:
        same, bad = (table.by_key[setting, truth, ADAPTIVE] for truth in ("+0%", "+40%"))
        margin = table.abandoned(setting, "+10%", ADAPTIVE)
        shares = [percent(share) for share in (same.abandoned_share, same.promoted_share, margin, bad.abandoned_share)]
        return [setting, *shares, f"{bad.mean_stop:.2f}", _money(bad), f"{same.pictures:.0%}", _money(same)]

    header = ["setting", "no difference: abandoned", "promoted", "+10%: abandoned", "+40%: abandoned", "mean stop"]
    header += ["saved", "no difference: pictures", "saved"]
    return f"{_ADAPTIVE}\n\n{markdown(header, [row(setting.name) for setting in SETTINGS])}"


_ADAPTIVE = """## Ours with `sampling.adaptive`, on the same pictures

One seed a prompt first, the others only where the decision is still open. "Pictures" is the share that is drawn of what
the same epochs would draw whole; what a champion that was adaptive does to its successors: `adaptive.md`."""


def _special(table: Table) -> str:
    rows = []
    for truth, rule in product(SPECIAL, OURS):
        tally = table.by_key[REFERENCE.name, truth.name, rule]
        reasons = ", ".join(f"{reason} {count / tally.runs:.0%}" for reason, count in sorted(tally.reasons.items()))
        figures = [percent(tally.abandoned_share), percent(tally.promoted_share)]
        evaluation = "whole" if rule == WHOLE else "adaptive"
        rows.append([truth.name, evaluation, *figures, f"{tally.mean_stop:.2f}", reasons])
    header = ["truth", "evaluation", "abandoned", "promoted", "mean stop", "reasons"]
    title = "## Ours, at the reference setting, on runs that are not what they seem"
    return f"{title}\n\n{markdown(header, rows)}{_COST}"


_COST = """

The second truth is the price of looking early: a candidate that would have ended 10% better is lost, since at every
early epoch it really was worse than the baseline at the same epoch. `judge.grace` buys it back, epoch by epoch."""


def _rivals(table: Table) -> str:
    def row(rule: str, setting: str, label: str) -> list[str]:
        shares = [percent(table.abandoned(setting, truth, rule)) for truth in ("+0%", "+10%", "+40%")]
        bad = table.by_key[setting, "+40%", rule]
        return [label, *shares, f"{bad.mean_stop:.2f}", _money(bad)]

    rows = [
        row(WHOLE, REFERENCE.name, "**pixelpipe**, deviation between runs not known"),
        row(WHOLE, REFERENCE_KNOWN.name, "**pixelpipe**, deviation between runs known"),
        row(ADAPTIVE, REFERENCE.name, "**pixelpipe**, adaptive, not known"),
        row(ADAPTIVE, REFERENCE_KNOWN.name, "**pixelpipe**, adaptive, known"),
        *(row(rule, REFERENCE.name, rule) for rule in NAMED),
    ]
    header = ["rule", "no difference: abandoned", "+10%: abandoned", "+40%: abandoned", "mean stop", "saved"]
    return f"## Beside what people use, at {REFERENCE.name}\n\n" + markdown(header, rows)


def _all_settings() -> list[str]:
    """For a rule of fixed numbers: it cannot be told how far runs differ."""
    return [setting.name for setting in SETTINGS if not setting.is_told]


def _told_settings() -> list[str]:
    """For ours: the deviation between runs known."""
    return [setting.name for setting in SETTINGS if "not known" not in setting.name]


def _frontier_text(table: Table) -> str:
    keep = [rule for rule in table.rivals if table.worst("+0%", rule, _all_settings()) <= PROMISE]
    best = max(keep, key=lambda rule: table.saved(REFERENCE.name, rule), default=None)
    worst = [percent(table.worst("+0%", rule, _told_settings())) for rule in OURS]
    lines = [
        "## The frontier",
        "![false abandons against money saved](frontier.png)",
        f"In every setting, with the deviation between runs known, ours falsely abandons at most {worst[0]}, "
        f"adaptive at most {worst[1]}.",
    ]
    if best is None:
        lines.append("Of the naive rules, at every threshold that was tried, none keeps to 1% in every setting.")
    else:
        lines.append(
            f'Of the naive rules that keep to 1% in every setting, the one that saves most is "{best}": '
            f"{table.saved(REFERENCE.name, best):.0%} of the money at the reference setting, where ours saves "
            f"{table.saved(REFERENCE_KNOWN.name, WHOLE):.0%}."
        )
    return "\n\n".join([*lines, *(_at_reference(table, rule) for rule in OURS)])


def _at_reference(table: Table, ours: str) -> str:
    """The naive rules that, tuned to one known setting, save more than ours there: by how much, and at what price."""
    label = "the adaptive rule" if ours == ADAPTIVE else "the rule with whole evaluations"
    saved = {share: table.saved(REFERENCE_KNOWN.name, ours, share) for share in SHARES}
    rules = [rule for rule in table.rivals if table.abandoned(REFERENCE.name, "+0%", rule) <= PROMISE]
    rules = [rule for rule in rules if any(table.saved(REFERENCE.name, rule, share) > saved[share] for share in SHARES)]
    if not rules:
        nearest = max((table.saved(REFERENCE.name, rule) for rule in table.rivals), default=0.0)
        return (
            f"At the reference setting alone, no naive rule with at most 1% false abandons saves more than {label}, "
            f"which saves {100 * saved[SHARES[0]]:.2f}%; stopping everything after its first epoch, drawn whole, saves "
            f"{100 * nearest:.2f}%."
        )
    header = ["rule", "saved, more than ours", "+10%: abandoned (allowed: 5%)", "no difference, worst setting"]
    rows = [
        [
            rule,
            " / ".join(f"{100 * (table.saved(REFERENCE.name, rule, share) - saved[share]):+.2f}" for share in SHARES)
            + " points",
            percent(table.abandoned(REFERENCE.name, "+10%", rule)),
            percent(table.worst("+0%", rule, _all_settings())),
        ]
        for rule in rules
    ]
    text = (
        f"At the reference setting alone, a threshold tuned to its noise gets a little more than {label} out of the "
        "first epoch, at the price of candidates that are exactly at the margin, which the plan allows, and of any "
        "other setting:"
    )
    return f"{text}\n\n{markdown(header, rows)}"


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
        rules = [rule for rule in table.rivals if part in rule]
        x = [_shown(table.worst("+0%", rule, settings)) for rule in rules]
        y = [table.saved(REFERENCE.name, rule) for rule in rules]
        axes.plot(x, y, marker=marker, color=color, lw=0.8, ms=4, label=label)
    ours = [
        (WHOLE, told, REFERENCE_KNOWN.name, "pixelpipe, deviation known", "tab:red", "*"),
        (WHOLE, [REFERENCE.name], REFERENCE.name, "pixelpipe, not known (reference)", "tab:orange", "*"),
        (ADAPTIVE, told, REFERENCE_KNOWN.name, "adaptive, deviation known", "tab:purple", "P"),
        (ADAPTIVE, [REFERENCE.name], REFERENCE.name, "adaptive, not known (reference)", "tab:pink", "P"),
    ]
    for rule, where, reference, label, color, marker in ours:
        x = _shown(table.worst("+0%", rule, where))
        axes.plot([x], [table.saved(reference, rule)], marker, color=color, ms=12, label=label)
    axes.axvline(PROMISE, color="black", lw=0.8, ls=":")
    axes.set_xscale("log")
    axes.set_xlim(2e-4, 1.2)
    axes.set_title(f"false abandons {title}", fontsize=10)
    axes.set_xlabel("abandoned though there is no difference (left edge: none seen)")


def _shown(share: float) -> float:
    return max(share, 3e-4)
