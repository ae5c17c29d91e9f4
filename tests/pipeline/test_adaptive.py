"""An adaptive evaluation, from pictures to decisions: how many are drawn, what is stored, and that it repeats."""

import math
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pyarrow.compute as pc
import pytest

from pixelpipe.comparison.decision import ReasonCode, Verdict
from pixelpipe.comparison.stages import first_seeds, has_first_seeds_alone
from pixelpipe.cost import cost_usd
from pixelpipe.elsewhere import parse_elsewhere
from pixelpipe.errors import ConfigError
from pixelpipe.pipeline.deviation import _log_means
from pixelpipe.pipeline.noise import measured_noise
from pixelpipe.pipeline.prepare import _without_paths, prepare
from pixelpipe.pipeline.rejudge import rejudge
from pixelpipe.pipeline.run import ExperimentRun
from pixelpipe.reporting.contact_sheet import contact_sheet
from pixelpipe.reporting.description import describe
from pixelpipe.reporting.pages.palettes import palette_bars
from pixelpipe.reporting.verdict import verdict_markdown
from pixelpipe.results.reader import read_table
from pixelpipe.store import Store

ADAPTIVE = {"adaptive": True}
FIRST, ALL = 8, 16  # pictures: 8 prompts, 2 seeds
SHORT = {"epochs": 3}


def drawn(painter, experiment_id: str) -> list[int]:
    rows = read_table(painter.store, "epochs", experiment_id, columns=["epoch", "num_samples"]).to_pylist()
    return [row["num_samples"] for row in rows]


def reproduced(painter, experiment_id: str):
    """The decisions, which must be the same from nothing but Parquet."""
    bare = Path(painter.store.url).with_name("parquet-alone")
    shutil.rmtree(bare, ignore_errors=True)
    shutil.copytree(Path(painter.store.url) / "results", bare / "results")
    found = rejudge(Store.open(bare), experiment_id)
    assert [each.differs_in for each in found] == [[]] * len(found)
    return [each.decision for each in found]


def assert_figures_are_of_the_same_pictures(painter, experiment_id: str, baseline_id: str) -> None:
    """In every document of an adaptive candidate: what the baseline drew besides does not count beside it."""
    description = describe(painter.store, experiment_id)
    theirs = [description.baseline_of(facts) for facts in description.epochs]
    assert [facts.num_samples for facts in theirs] == [FIRST, FIRST, ALL]
    rows = read_table(painter.store, "samples", baseline_id)
    same = first_seeds(rows.filter(pc.equal(rows["epoch"], 1)))
    assert theirs[0].mean_effective_colors == pytest.approx(pc.mean(same["effective_colors"]).as_py())
    assert theirs[0].judged == pytest.approx(description.epochs[0].decision.baseline_mean)
    assert (description.num_prompts, description.seeds_per_prompt) == (8, 2)
    text = verdict_markdown(description)
    assert "| Epoch | Decision | Pairs | Difference |" in text
    assert "Figures of both sides are over the pairs that they share" in text
    assert "2 seeds an epoch (the first seed alone at 2 of 3 epochs)" in text
    assert contact_sheet(painter.store, description).startswith(b"\x89PNG")
    bars = [bar.title for bar in palette_bars(painter.store, replace(description, epochs=description.epochs[:1]))]
    assert bars[1:] == ["This experiment, epoch 1 (8 images)", "Baseline, epoch 1 (8 images)"]
    assert "adaptive" not in verdict_markdown(describe(painter.store, baseline_id))


def test_pictures_are_drawn_while_the_decision_is_open(painter):
    first = painter.run("first", lambda _: 28, sampling=ADAPTIVE, training=SHORT)
    assert drawn(painter, first) == [ALL] * 3  # the reference of a line is whole
    noise = measured_noise(painter.store, "art-24", "effective_colors", 18.0)

    equal = painter.run("equal", lambda _: 29, sampling=ADAPTIVE, training=SHORT, judge={"grace": 1})
    decisions = reproduced(painter, equal)
    assert drawn(painter, equal) == [FIRST, FIRST, ALL]
    assert [each.stage for each in decisions] == [1, 1, None]
    assert [each.reason_code for each in decisions[:2]] == [ReasonCode.GRACE, ReasonCode.WITHIN_MARGIN]
    assert [(each.num_pairs, each.expected_pairs) for each in decisions] == [(FIRST, FIRST)] * 2 + [(ALL, ALL)]
    assert_figures_are_of_the_same_pictures(painter, equal, first)
    rows = read_table(painter.store, "samples", equal)
    assert has_first_seeds_alone(rows.filter(pc.less(rows["epoch"], 3)))
    assert len(list(Path(painter.store.url).glob(f"experiments/{equal}/samples/epoch-01/*.png"))) == FIRST

    # 8 prompts cannot show at a quarter of this alpha what they can at the rest of it
    opened = painter.run("open", lambda _: 42, sampling=ADAPTIVE, training=SHORT, judge={"alpha": 0.03})
    decisions = reproduced(painter, opened)
    assert drawn(painter, opened) == [ALL, ALL]
    assert [(each.stage, each.verdict) for each in decisions] == [(2, Verdict.CONTINUE), (2, Verdict.ABANDONED)]
    assert decisions[0].alpha_per_look == pytest.approx(0.75 * 0.03 / sum(look**-0.5 for look in range(1, 4)))

    shown = painter.run("shown", lambda _: 43, sampling=ADAPTIVE, training=SHORT, judge={"alpha": 0.2})
    assert drawn(painter, shown) == [FIRST, FIRST]
    assert [each.stage for each in reproduced(painter, shown)] == [1, 1]

    blank = painter.run("blank", lambda _: 2, sampling=ADAPTIVE, training=SHORT)
    assert drawn(painter, blank) == [ALL, ALL]
    assert reproduced(painter, blank)[-1].reason_code is ReasonCode.DEGENERATE
    found = measured_noise(painter.store, "art-24", "effective_colors", 18.0)
    assert found.sources["image"] == "measured: 3 experiments of line art-24"  # the whole ones: first, open, blank
    assert noise.sources["image"] == "measured: 1 experiment of line art-24"


def test_a_champion_that_was_adaptive_is_compared_on_what_it_has(painter, caplog):
    painter.run("first", lambda _: 40, training=SHORT)
    fresh = {"candidate": 30, "baseline": 40}
    champion = painter.run("champion", lambda _: 30, fresh=fresh, sampling=ADAPTIVE, training=SHORT)
    assert drawn(painter, champion) == [FIRST, FIRST, ALL]
    for name, sampling in (("adaptive", ADAPTIVE), ("whole", {})):
        worse = painter.run(name, lambda _: 45, sampling=sampling, training=SHORT)
        decisions = reproduced(painter, worse)
        assert decisions[0].baseline == f"{champion}@1"
        assert decisions[-1].reason_code is ReasonCode.WORSE
        assert drawn(painter, worse) == [FIRST if sampling else ALL] * 2
        pairs = [(each.num_pairs, each.expected_pairs, each.missing_baseline) for each in decisions]
        assert pairs == [(FIRST, FIRST, 0)] * 2
        assert decisions[0].alpha_per_look == pytest.approx(0.05 / sum(look**-0.5 for look in range(1, 4)))
    description = describe(painter.store, worse)  # the whole one: it drew more than its baseline
    [ours, theirs] = description.compared[1]
    assert (ours.num_samples, theirs.num_samples, description.epochs[0].num_samples) == (FIRST, FIRST, ALL)
    assert "The baseline's evaluation was adaptive" in verdict_markdown(description)
    assert f"pixelpipe evaluate {champion} --as baseline --line art-24" in caplog.text
    assert rejudge(painter.store, worse, "champion")[0].decision.num_pairs == FIRST


def test_the_next_epoch_may_cost_all_of_its_pictures(make_config):
    """What `budget.max_usd` is held against, after an epoch that drew half of them."""
    evaluation = SimpleNamespace(images=range(ALL))
    seconds = {"train": 10.0, "sample": 5.0, "analyze": 1.0, "judge": 3.0}
    run = SimpleNamespace(experiment=SimpleNamespace(evaluation=evaluation), seconds=seconds, config=make_config())
    half, whole = (SimpleNamespace(rows=SimpleNamespace(num_rows=count)) for count in (FIRST, ALL))
    assert ExperimentRun._cost_undrawn(run, half) == cost_usd(6.0, run.config.budget.price)
    assert ExperimentRun._cost_undrawn(run, whole) == 0.0


def test_it_has_an_identity_of_its_own_and_others_keep_theirs(painter, make_config):
    whole, adaptive = (make_config(sampling={"seeds_per_prompt": 2, "adaptive": each}) for each in (False, True))
    ours, theirs = prepare(painter.store, whole), prepare(painter.store, adaptive)
    assert ours.experiment_id != theirs.experiment_id
    assert "adaptive" not in _without_paths(whole)["sampling"]  # as before there was a choice
    assert ours.evaluation.eval_set_id == theirs.evaluation.eval_set_id


def test_one_seed_a_prompt_leaves_nothing_to_adapt(make_config):
    with pytest.raises(ConfigError, match=r"`sampling.adaptive` must be false where `sampling.seeds_per_prompt` is 1"):
        make_config(sampling=ADAPTIVE)


def test_a_plan_whose_last_stage_could_never_decide_is_refused(make_config):
    sampling = {"seeds_per_prompt": 2, "num_prompts": 8}
    assert make_config(sampling=sampling, training={"epochs": 8}).min_prompts == 8
    with pytest.raises(ConfigError, match=r"`sampling.num_prompts` must be at least 9 but got 8"):
        make_config(sampling=sampling | ADAPTIVE, training={"epochs": 8})


def test_runs_are_compared_on_the_pictures_that_all_of_them_have():
    """The logarithm of a mean of two pictures is higher than that of one, on average."""
    whole = {(1, "set/p1", 1): 20.0, (1, "set/p1", 2): 60.0, (2, "set/p1", 1): 30.0, (2, "set/p1", 2): 50.0}
    short = {key: value for key, value in whole.items() if key != (1, "set/p1", 2)}
    ours, theirs = (_log_means(each, whole.keys() & short.keys()) for each in (whole, short))
    assert ours == theirs == {(1, "set/p1"): math.log(20.0), (2, "set/p1"): math.log(40.0)}
    assert _log_means(whole, whole)[1, "set/p1"] == math.log(40.0)
    assert _log_means(whole | {(1, "set/p1", 1): math.nan}, whole.keys()).keys() == {(2, "set/p1")}


def test_what_was_trained_elsewhere_is_not_adaptive():
    with pytest.raises(ConfigError, match="adaptive"):
        parse_elsewhere({"origin": "images", "name": "x", "line": "x", "sampling": ADAPTIVE}, "--set")
