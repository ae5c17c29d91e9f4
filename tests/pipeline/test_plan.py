"""What is said before anything is rented: known figures, their sources, and advice that helps."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from pixelpipe.cli import app
from pixelpipe.comparison.power import planned_difference
from pixelpipe.comparison.simulation import Noise
from pixelpipe.config import alpha_of_look, parse_config
from pixelpipe.elsewhere import parse_elsewhere
from pixelpipe.errors import BadInputError, DatasetError
from pixelpipe.gpus import GPUS
from pixelpipe.pipeline.baseline import stored_config
from pixelpipe.pipeline.elsewhere import Declaration, record_figures
from pixelpipe.pipeline.largest_batch import try_batches
from pixelpipe.pipeline.memory_plan import largest_counted, memory_by_batch
from pixelpipe.pipeline.noise import DEFAULT_SOURCE
from pixelpipe.pipeline.plan import _measured_rates, plan_experiment
from pixelpipe.pipeline.work import sample_tflop, train_tflop
from pixelpipe.results.reader import latest_status, list_experiments, read_table
from pixelpipe.results.writer import table_of, write_rows
from pixelpipe.store import Store

SD15 = {"base": "stable-diffusion-v1-5/stable-diffusion-v1-5"}
BF16 = {"resolution": 512, "mixed_precision": "bf16", "epochs": 8, "batch_size": 32}
FULL_SET = {"num_prompts": 24, "seeds_per_prompt": 4, "num_inference_steps": 25, "confirm_seeds": 4}


@pytest.fixture
def sd15(make_config):
    return make_config(model=SD15, training=BF16, sampling=FULL_SET)


@pytest.fixture
def empty(tmp_path):
    return Store.open(tmp_path / "store")


@pytest.mark.parametrize(("resolution", "tflop"), [(512, 2.41), (384, 1.27), (256, 0.54)])
def test_work_meets_the_known_figures(resolution, tflop):
    assert train_tflop(resolution) == pytest.approx(tflop, rel=0.01)


def test_an_evaluation_is_its_known_work_and_the_decoder():
    """96 samples x 25 steps with guidance are 3,856 TFLOP at 512 px, without the VAE."""
    assert 96 * (sample_tflop(512, 25, guidance=True) - 2.5) == pytest.approx(3856, rel=0.01)
    assert sample_tflop(512, 25, guidance=False) < 0.55 * sample_tflop(512, 25, guidance=True)


def test_a_plan_without_history_comes_from_the_gpus_peak(empty, sd15):
    plan = plan_experiment(empty, sd15)
    trained = 8 * 32 * 2.41 / (312 * 0.24)  # 40 portraits, 8 held out
    assert plan.training_s == pytest.approx(trained, rel=0.01)
    assert plan.usd == pytest.approx(plan.seconds * 1.64 / 3600)
    assert "24% of the peak of A100-80GB" in plan.seconds_from
    assert (plan.uncertainty, plan.min_prompts) == (2.0, 8)
    assert plan.gpu_memory_gb == pytest.approx(40.7 * 1.074, rel=0.1)  # measured: 40.7 GiB at batch 32 on an H200
    faster = sd15.model_copy(update={"budget": sd15.budget.model_copy(update={"gpu": "H100-SXM"})})
    assert plan_experiment(empty, faster).seconds == pytest.approx(plan.seconds * 312 / 989, rel=0.1)


def test_advice_brings_evaluation_down_to_a_third(empty, sd15):
    plan = plan_experiment(empty, sd15)
    assert plan.evaluation_share > 0.9
    [together] = [line for line in plan.advice if "dataset.repeats=" in line]
    changes = dict(part.split("=") for part in together.split(":")[0].split() if "=" in part)
    sampling = sd15.sampling.model_copy(update={"seeds_per_prompt": 1, "num_inference_steps": 15})
    dataset = sd15.dataset.model_copy(update={"repeats": int(changes["dataset.repeats"])})
    cheaper = plan_experiment(empty, sd15.model_copy(update={"sampling": sampling, "dataset": dataset}))
    assert cheaper.evaluation_share < 0.45  # fresh seeds that confirm a promotion stay as they are
    assert plan.evaluation_share > 2 * cheaper.evaluation_share


def test_an_adaptive_evaluation_is_advised_with_what_it_leaves(empty, sd15, painter):
    plan = plan_experiment(empty, sd15)
    [advised] = [line for line in plan.advice if "sampling.adaptive=true" in line]
    expected, most = plan.if_adaptive_s
    shares = [plan.share_of(seconds) for seconds in plan.if_adaptive_s]
    assert f"{shares[0]:.0%} for a candidate that is no worse, {shares[1]:.0%} at most" in advised
    assert plan.expected_evaluation_s is None
    # batches of 16: two for the first seeds of 7 epochs, five for the others of one in seven, and what is always whole
    assert expected / plan.evaluation_s == pytest.approx((7 * (32 + 80 * 0.14) + 96 + 192) / 960, rel=0.02)
    assert most / plan.evaluation_s == pytest.approx((7 * 112 + 96 + 192) / 960)
    sampling = sd15.sampling.model_copy(update={"adaptive": True})
    adaptive = sd15.model_copy(update={"sampling": sampling})
    first = plan_experiment(empty, adaptive)
    assert (first.expected_evaluation_s, first.evaluation_s) == (None, plan.evaluation_s)  # nothing to compare with
    assert "sampling.adaptive=true" not in " ".join(first.advice)
    painter.run("first", lambda _: 28, training={"epochs": 1})
    against = plan_experiment(painter.store, adaptive.model_copy(update={"line": "art-24"}))
    assert against.evaluation_s == pytest.approx(most)  # what the budget is held against
    assert against.expected_evaluation_s < 0.6 * against.evaluation_s
    assert against.expected_evaluation_share < against.evaluation_share


def test_a_gpu_that_is_too_small_and_a_budget_that_is_too_low_are_said(empty, sd15):
    budget = sd15.budget.model_copy(update={"gpu": "RTX-4090", "max_usd": 0.01})
    advice = " ".join(plan_experiment(empty, sd15.model_copy(update={"budget": budget})).advice)
    assert "44 GB do not fit RTX-4090's 24: set training.gradient_accumulation_steps=8;" in advice
    assert "more than budget.max_usd (0.01)" in advice


@pytest.mark.parametrize(
    ("method", "changes", "counted"),
    [  # benchmarks/sd15/README.md: counted tensor by tensor, full training with the average
        ("full", {"resolution": 512, "batch_size": 32}, 49.7),
        ("full", {"resolution": 384, "batch_size": 16}, 28.2),
        ("full", {"resolution": 512, "batch_size": 64}, 79.6),
        ("full", {"resolution": 512, "batch_size": 32, "gradient_checkpointing": True}, 24.7),
        ("lora", {"resolution": 512, "batch_size": 16}, 17.3),
        ("lora", {"resolution": 384, "batch_size": 4}, 4.7),
    ],
)
def test_memory_is_within_a_third_of_what_was_counted(empty, make_config, method, changes, counted):
    training = {"mixed_precision": "bf16", "ema_decay": 0.999} | changes
    plan = plan_experiment(empty, make_config(model=SD15 | {"method": method}, training=training))
    assert plan.gpu_memory_gb == pytest.approx(counted, rel=0.34)
    assert plan.memory_by_batch[changes["batch_size"]] == plan.gpu_memory_gb


def test_parts_and_processes_take_less_memory(empty, make_config):
    def needed(**training):
        return plan_experiment(empty, make_config(model=SD15, training=BF16 | training)).gpu_memory_gb

    assert needed(gradient_accumulation_steps=4) == needed(batch_size=8) == needed(num_processes=4)
    assert needed(gradient_accumulation_steps="auto") == needed()


def test_the_largest_batch_that_is_counted_to_fit(make_config):
    config = make_config(model=SD15, training=BF16)
    assert [largest_counted(config, gb) for gb in (10, 24, 48, 80)] == [0, 4, 32, 64]
    assert memory_by_batch(make_config()) == {}


def test_batches_are_tried_with_the_real_base(make_config):
    trials = list(try_batches(make_config(training={"resolution": 64, "ema_decay": 0.9}), limit=2))
    assert [(trial.batch_size, trial.fits, trial.peak_gb) for trial in trials] == [(1, True, None), (2, True, None)]
    assert all(trial.images_per_s > 0 for trial in trials)


def test_batches_are_tried_where_a_gpu_is(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (tmp_path / "c.yaml").write_text("dataset: {path: art}")
    with pytest.raises(BadInputError, match="--max-batch: must run where a GPU is"):
        app.main(["plan", str(tmp_path / "c.yaml"), "--max-batch"], standalone_mode=False)


def test_the_tiny_base_without_history_has_no_time(empty, make_config):
    plan = plan_experiment(empty, make_config())
    assert (plan.seconds, plan.usd, plan.evaluation_share) == (None, None, None)
    assert "no run of this base at this size" in plan.seconds_from
    assert plan.disk_gb > 0


def test_a_dataset_that_cannot_be_trained_on(empty, make_config, tmp_path):
    with pytest.raises(DatasetError):
        plan_experiment(empty, make_config(dataset={"path": str(tmp_path / "none")}))


def test_what_can_be_seen_comes_from_the_lines_own_spread(painter):
    """Assumed while there is nothing; then of the painter's pictures, which vary by 4%, not by 30%."""
    config = prepare_config(painter)
    assumed = plan_experiment(painter.store, config)
    assert assumed.detectable_difference == planned_difference(Noise(), 8, 2, 0.10, alpha_of_look(0.05, 1, 4))
    assert assumed.detectable_from == f"spread {DEFAULT_SOURCE}"
    painter.run("first", lambda _: 40)
    painter.run("second", lambda _: 41)
    measured = plan_experiment(painter.store, config)
    assert measured.detectable_from == "spread measured: 2 experiments of line art-24"
    assert 0.10 < measured.detectable_difference < 0.20 < assumed.detectable_difference
    known = config.model_copy(update={"judge": config.judge.model_copy(update={"run_sd": 0.08})})
    told = plan_experiment(painter.store, known)
    assert told.detectable_from.endswith("; between runs 8.0%")
    assert told.detectable_difference > measured.detectable_difference


def prepare_config(painter):
    values = {
        "name": "plan",
        "line": "art-24",
        "dataset": {"path": str(painter.folder / "art"), "validation_fraction": 0.3},
        "training": {"epochs": 4},
        "sampling": {"num_prompts": 8, "seeds_per_prompt": 2},
    }
    return parse_config(values, "test")


def test_no_torch_is_imported():
    code = "import sys, pixelpipe.pipeline.plan, pixelpipe.cli.plan; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_history_of_a_like_run_is_measured_not_assumed(painter):
    """The painter's epochs take 10 s for 40 images seen, and 5 s for 16 pictures."""
    experiment_id = painter.run("first", lambda _: 20)
    config = stored_config(painter.store, experiment_id)
    rates = _measured_rates(painter.store, config)
    assert (rates.train, rates.sample) == (pytest.approx(10 / 40), pytest.approx(5 / 16))
    plan = plan_experiment(painter.store, config)
    assert plan.seconds_from == f"measured: {experiment_id}, 4 epochs"
    assert plan.training_s == pytest.approx(4 * 11 * 10 / 40)  # 16 sprites, 5 held out
    other = config.model_copy(update={"training": config.training.model_copy(update={"resolution": 192})})
    assert _measured_rates(painter.store, other) is None


def test_history_of_what_was_trained_elsewhere_says_nothing(painter, make_config):
    figures = [{"epoch": 1, "images": 7, "unique_colors": 200}]
    stated = parse_elsewhere({"origin": "figures", "name": "x", "line": "x", "figures": figures}, "test")
    record_figures(painter.store, stated, Declaration("somebody", "it is all there is"))
    assert _measured_rates(painter.store, make_config()) is None


def test_the_budget_is_a_stop_with_a_reason_of_its_own(painter):
    """An epoch of the painter costs 16 s and the judging of it: a third one is not begun for two cents."""
    experiment_id = painter.run("dear", lambda _: 20, budget={"usd_per_hour": 1.64, "max_usd": 0.0200})
    status = latest_status(painter.store, experiment_id)
    assert (status["status"], status["reason_code"]) == ("inconclusive", "budget_reached")
    rows = read_table(painter.store, "epochs", experiment_id).to_pylist()
    assert len(rows) == 2
    spent = sum(row["cost_usd"] for row in rows)
    assert spent <= 0.0200 < spent + rows[-1]["cost_usd"]


def test_an_epoch_that_was_redone_is_paid_once(painter):
    """Two attempts of one epoch lie in the store: the later one is what is counted."""
    experiment_id = painter.run("first", lambda _: 20)
    [row] = [row for row in list_experiments(painter.store) if row["experiment_id"] == experiment_id]
    [last] = [r for r in read_table(painter.store, "epochs", experiment_id).to_pylist() if r["epoch"] == 4]
    again = table_of("epochs", [last | {"attempt": 2, "cost_usd": 5.0}])
    write_rows(painter.store, "epochs", experiment_id, "epoch-04-2", again)
    [later] = [row for row in list_experiments(painter.store) if row["experiment_id"] == experiment_id]
    assert later["cost_usd"] == pytest.approx(row["cost_usd"] - last["cost_usd"] + 5.0)


def test_every_listed_gpu_stands_in_the_document():
    document = (Path(__file__).parents[2] / "docs/cost.md").read_text()
    for name, gpu in GPUS.items():
        price, tflops, memory = dataclasses.astuple(gpu)
        assert f"| `{name}` | {price:.2f} | {tflops:g} | {memory:g} |" in document
