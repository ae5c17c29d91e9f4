"""verdict.md: its figures are the tables', its signs are right, and nothing in it is executed."""

import dataclasses
import re

import pytest

from pixelpipe.comparison.decision import ReasonCode, Verdict
from pixelpipe.reporting.description import describe
from pixelpipe.reporting.verdict import verdict_markdown
from pixelpipe.results.reader import read_table

SECTIONS = ["Results", "What changed", "Recommendation", "Cost", "Caveats", "How to repeat it"]


def document(store, experiment_id):
    return verdict_markdown(describe(store, experiment_id))


def table_rows(markdown, first_cell):
    rows = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in markdown.splitlines() if "|" in line]
    return [row for row in rows if re.match(first_cell, row[0])]


def test_the_abandoned_document_in_the_manner_of_the_seed(store, story):
    baseline_id, candidate_id = story
    markdown = document(store, candidate_id)
    assert markdown.startswith("# doomed: ABANDONED\n\n**Date:** 2026-11-22")
    assert re.findall(r"^## (.*)$", markdown, re.M) == SECTIONS
    decisions = read_table(store, "decisions", candidate_id).to_pylist()
    low, high = sorted(f"{row['relative_difference']:+.0%}" for row in decisions)
    (judged,) = table_rows(markdown, r"\*\*Effective")
    assert judged[3] == f"{low} to {high} WORSE"
    assert f"**Stick with `{baseline_id}@4`**" in markdown
    assert "cannot tell which of them is to blame" in markdown
    assert "![What every epoch drew](contact_sheet.png)" in markdown


def test_every_figure_of_the_epoch_table(store, story):
    baseline_id, candidate_id = story
    decisions = read_table(store, "decisions", candidate_id).to_pylist()
    ours = read_table(store, "epochs", candidate_id).to_pylist()
    theirs = read_table(store, "epochs", baseline_id).to_pylist()
    rows = table_rows(document(store, candidate_id), r"\d+$")
    assert len(rows) == len(decisions)
    for row, decision, mine, base in zip(rows, decisions, ours, theirs[:2], strict=True):
        assert row[1].startswith(decision["verdict"])
        assert row[2] == f"{decision['relative_difference']:+.0%}"
        assert row[3] == f"{decision['interval_low']:+.0%} to {decision['interval_high']:+.0%}"
        assert row[4] == f"{decision['p_value']:.4f}"
        assert float(row[5]) == pytest.approx(decision["candidate_mean"], abs=0.05)
        assert float(row[6]) == pytest.approx(decision["baseline_mean"], abs=0.05)
        assert row[7] == str(base["epoch"])
        unique, unique_baseline = map(float, re.findall(r"[\d.]+", row[8]))
        assert unique == pytest.approx(mine["mean_unique_colors"], abs=0.05)
        assert unique_baseline == pytest.approx(base["mean_unique_colors"], abs=0.05)


def test_better_is_negative_and_said_so(store, fill):
    baseline_id = fill.run(fill.config("baseline"), [40, 38, 36, 34])
    experiment_id = fill.run(fill.config(), [34, 32, 30, 28], baseline_id)
    (judged,) = table_rows(document(store, experiment_id), r"\*\*Effective")
    assert re.fullmatch(r"-\d+% to -\d+% BETTER", judged[3])


def test_no_clear_difference_claims_neither(store, fill):
    baseline_id = fill.run(fill.config("baseline"), [30, 28, 26, 24])
    experiment_id = fill.run(fill.config(), [30, 28, 26, 24], baseline_id)
    markdown = document(store, experiment_id)
    assert "WORSE" not in markdown
    assert "BETTER" not in markdown
    assert "(no difference shown)" in markdown
    assert "chance between two" not in markdown  # nothing changed at all
    assert "Nothing that changes a weight or an image" in markdown


def test_a_difference_at_some_epochs_is_counted(store, fill):
    baseline_id = fill.run(fill.config("baseline"), [30, 30, 30, 30])
    experiment_id = fill.run(fill.config(), [30, 50], baseline_id)
    (judged,) = table_rows(document(store, experiment_id), r"\*\*Effective")
    assert judged[3].endswith("(worse at 1 of 2 epochs)")


def test_a_single_factor_is_not_blamed_without_reserve(store, fill):
    baseline_id = fill.run(fill.config("baseline"), [30, 28, 26, 24])
    experiment_id = fill.run(fill.config(training={"learning_rate": 1e-3}), [60, 60], baseline_id)
    markdown = document(store, experiment_id)
    assert "| learning rate | 1e-05 | 0.001 |" in markdown
    assert "chance between two training runs" in markdown
    assert "not about this learning rate in general" in markdown


def test_the_first_baseline_is_measured_against_the_art(store, story):
    markdown = document(store, story[0])
    assert markdown.startswith("# baseline: PROMOTED")
    assert "## What changed" not in markdown
    assert "fell from 3" in markdown
    assert "The training art's median is 18 effective colors" in markdown
    assert "not because it is good" in markdown


def test_a_first_baseline_far_from_the_art_is_trained_longer(store, fill):
    markdown = document(store, fill.run(fill.config(), [300, 290, 280, 270]))
    assert "busier than the art" in markdown
    assert "train longer" in markdown


def test_a_summary_baseline_claims_no_p_value(store, fill):
    experiment_id = fill.run(fill.config(), [40, 45], fill.summary(216.6))
    markdown = document(store, experiment_id)
    (judged,) = table_rows(markdown, r"\*\*Unique")
    assert judged[1] == "216.6"
    assert judged[3].endswith(" WORSE")
    assert "no p-value is claimed" in markdown
    assert table_rows(markdown, "Effective colors")[0][1:] == ["–", "40.6 - 45.2", "–"]
    assert "| Epoch | Decision | Difference | Images | This experiment | Baseline | At its epoch |" in markdown


def test_an_unmatched_baseline_is_a_caveat_with_its_own_margin(store, fill):
    baseline_id = fill.run(fill.config("baseline", training={"epochs": 1}), [30])
    experiment_id = fill.run(fill.config(), [30, 30], baseline_id)
    assert "Unmatched baseline" in document(store, experiment_id)
    assert "only more than +50% counts" in document(store, experiment_id)


@pytest.mark.parametrize(
    ("status", "says"),
    [
        ("running", "**Wait.** None of 4"),
        ("failed", "it starts from the beginning"),
        ("cancelled", "To go on, run the same"),
    ],
)
def test_without_an_epoch(store, fill, status, says):
    markdown = document(store, fill.start(fill.config(), status=status, message="CUDA out of memory"))
    assert markdown.startswith(f"# candidate: {status.upper()}")
    assert "None: no epoch was committed." in markdown
    assert says in markdown
    assert ".png)" not in markdown.split("## How to repeat it")[0]


@pytest.mark.parametrize("status", ["running", "failed", "cancelled"])
def test_with_epochs(store, fill, status):
    baseline_id = fill.run(fill.config("baseline"), [30, 28, 26, 24])
    experiment_id = fill.run(fill.config(), [31, 29], baseline_id)
    if status != "running":
        fill.status(status, "error", "The disk is full.")
    markdown = document(store, experiment_id)
    assert ("resumes after epoch 2" in markdown) == (status != "running")
    assert ("The disk is full." in markdown) == (status != "running")


def test_every_reason_has_a_document(store, story):
    """Whatever the rule says, there is advice, and it keeps the champion."""
    baseline_id, candidate_id = story
    found = describe(store, candidate_id)
    for reason in ReasonCode:
        for status in ("abandoned", "inconclusive"):
            decision = found.decision.replaced(reason_code=reason, verdict=Verdict(status.upper()))
            last = dataclasses.replace(found.last, decision=decision)
            epochs = (*found.epochs[:-1], last)
            changed = dataclasses.replace(found, status=status, reason_code=str(reason), epochs=epochs)
            markdown = verdict_markdown(changed)
            assert f"Stick with `{baseline_id}@4`" in markdown
            assert "None" not in markdown
            assert "nan" not in markdown


def test_a_confirmed_promotion_replaces_the_champion(store, fill):
    baseline_id = fill.run(fill.config("baseline", training={"epochs": 1}), [40])
    experiment_id = fill.start(fill.config(training={"epochs": 1}))
    samples = fill.samples(1, fill.colors(30))
    decision = fill.decision(1, samples, baseline_id).replaced(
        verdict=Verdict.PROMOTED,
        reason_code=ReasonCode.BETTER,
        confirmation_baseline=f"{baseline_id}@1",
        confirmation_prompts=12,
        confirmation_pairs=48,
        confirmation_difference=-0.25,
        confirmation_low=-0.30,
        confirmation_high=-0.20,
        confirmation_p_value=0.0002,
        clean_rate=0.75,
        baseline_clean_rate=0.5,
        clean_p_value=0.001,
    )
    fill.commit(1, samples, decision)
    fill.status("promoted", "better", decision.sentence)
    markdown = document(store, experiment_id)
    assert "## Confirmation on fresh seeds" in markdown
    assert "| Judged metric | – | – | -25% | 0.0002 |" in markdown
    assert "| Clean images | 75% | 50% | +25 points | 0.0010 |" in markdown
    assert f"Deploy `{experiment_id}@1`: it replaces `{baseline_id}@1`" in markdown


@pytest.mark.parametrize("reason", ["champion_moved", "not_against_champion"])
def test_a_promotion_that_another_champion_stood_in_the_way_of(store, fill, reason):
    experiment_id = fill.run(fill.config(training={"epochs": 1}), [30])
    fill.status("inconclusive", reason, "The champion moved.")
    markdown = document(store, experiment_id)
    assert markdown.startswith("# candidate: INCONCLUSIVE")
    assert "Judge it against the line's champion of today." in markdown
    assert "no champion: do not deploy" not in markdown


def test_missing_pairs_are_counted(store, fill):
    baseline_id = fill.run(fill.config("baseline"), [30, 28, 26, 24])
    experiment_id = fill.start(fill.config())
    fill.epoch(1, fill.colors(30, seed=1), baseline_id, drop=3)
    markdown = document(store, experiment_id)
    assert "3 pairs of images are missing at epoch 1." in markdown
    assert "INCONCLUSIVE (missing pairs)" in markdown


def test_hostile_text_stays_text(store, fill):
    hostile = "<script>alert(1)</script> | `x` **b** [c](javascript:d)\n# title"
    baseline_id = fill.run(fill.config("baseline"), [30, 28, 26, 24])
    column = "a|b`<img src=x onerror=y>"
    config = fill.config(
        captions={"strategy": "sidecar", "column": column}, budget={"gpu": hostile, "usd_per_hour": 1.0}
    )
    experiment_id = fill.start(config, captions="f" * 64, message=hostile)
    fill.epoch(1, fill.colors(30), baseline_id)
    markdown = document(store, experiment_id)
    assert "<script" not in markdown
    assert "<img" not in markdown
    assert not re.search(r"(?<!\\)\]\(javascript", markdown)
    assert "\n# title" not in markdown
    assert "&lt;script&gt;alert(1)&lt;/script&gt; \\| \\`x\\` \\*\\*b\\*\\*" in markdown


def test_hostile_name(store, fill):
    fill.start(fill.config())
    fill.experiment = fill.experiment.model_copy(update={"name": "<b>|x\n\n## y"})
    fill.status("failed", message="m")
    markdown = document(store, "candidate-0a1b2c3d")
    assert markdown.startswith("# &lt;b&gt;\\|x \\#\\# y: FAILED\n")


def test_relative_links_lead_to_what_exists(store, story):
    markdown = document(store, story[1])
    links = re.findall(r"\]\((\.\./\.\./[^)]*)\)", markdown)
    assert len(links) == 5
    for link in links:
        assert store.list(link.removeprefix("../../").rstrip("/"))


def test_the_same_tables_give_the_same_text(store, story):
    assert document(store, story[1]) == document(store, story[1])


def test_captions_are_named_as_a_possible_cause_only(store, fill):
    baseline_id = fill.run(fill.config("baseline"), [30, 28, 26, 24])
    experiment_id = fill.run(fill.config(training={"learning_rate": 1e-3}), [60, 60], baseline_id, flagged=5)
    markdown = document(store, experiment_id)
    assert (
        "A possible cause, and no more than that: 5 of 19 training captions name what their sprites cannot" in markdown
    )
    assert "plastic frame (5)" in markdown
    assert "possible cause" not in document(store, baseline_id)
