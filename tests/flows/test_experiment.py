"""The flow, on a real (temporary) Prefect server with the tiny base: every way that an experiment ends."""

import base64
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, FlowRunFilter, FlowRunFilterId
from prefect.events.filters import EventFilter, EventResourceFilter
from prefect.settings import PREFECT_API_URL

from flows.experiment import run_experiment
from pixelpipe.analysis.metrics import sprites
from pixelpipe.data.png import encode_png
from pixelpipe.errors import ExperimentHeldError
from pixelpipe.keys import before_key, sample_key
from pixelpipe.lease import acquire
from pixelpipe.lines import champion, champion_history
from pixelpipe.pipeline.alone import run_alone
from pixelpipe.pipeline.prepare import prepare
from pixelpipe.pipeline.rejudge import rejudge
from pixelpipe.results.reader import latest_status, read_table
from pixelpipe.results.schemas import SCHEMAS
from pixelpipe.sampling.sampler import Sampler
from pixelpipe.store import Store
from pixelpipe.training.checkpoint import CheckpointStore
from tasks.announcement import artifact_key

pytestmark = pytest.mark.usefixtures("prefect_server")

RECKLESS = 3e-3  # a learning rate at which half as many colors again appear within two epochs
OF_THE_ATTEMPT = {"attempt", "sample_uri", "cost_usd", "decided_at", "committed_at", "changed_at", "config_json"}


def rows(store: Store, experiment_id: str) -> dict[str, list[str]]:
    """Every row of every table, without what may differ between two runs: attempt, times, costs and paths."""
    tables = {}
    for name in SCHEMAS:
        columns = [c for c in SCHEMAS[name].names if c not in OF_THE_ATTEMPT and not c.startswith("seconds_")]
        tables[name] = sorted(map(repr, read_table(store, name, experiment_id, columns).to_pylist()))
    return tables


def flow_run_of(state):
    with get_client(sync_client=True) as client:
        return client.read_flow_run(state.state_details.flow_run_id)


def test_a_first_experiment_becomes_the_champion(undisturbed):
    _, store, state = undisturbed
    outcome = state.result()
    assert state.is_completed()
    assert state.message.startswith("promoted: ")
    assert outcome.status == "promoted"
    assert champion_history(store, "portraits")[0].reference == f"{outcome.experiment_id}@3"
    assert {"outcome:promoted", "line:portraits"} <= set(flow_run_of(state).tags)
    tables = {name: read_table(store, name, outcome.experiment_id) for name in ("samples", "epochs", "decisions")}
    assert {name: table.num_rows for name, table in tables.items()} == {"samples": 48, "epochs": 3, "decisions": 3}
    assert tables["epochs"]["images_seen"].to_pylist() == [32, 64, 96]
    assert tables["epochs"]["decision"].to_pylist() == ["CONTINUE", "CONTINUE", "PROMOTED"]


def artifacts_of(state):
    """Type and key -> the newest version of each artifact of a run."""
    with get_client(sync_client=True) as client:
        of_the_run = ArtifactFilterFlowRunId(any_=[state.state_details.flow_run_id])
        found = client.read_artifacts(artifact_filter=ArtifactFilter(flow_run_id=of_the_run))
    return {artifact.key: artifact for artifact in sorted(found, key=lambda artifact: artifact.created)}


def test_the_verdict_stands_in_prefect_with_its_pictures_inline(undisturbed):
    _, store, state = undisturbed
    artifact = artifacts_of(state)[artifact_key("verdict", state.result().experiment_id)]
    assert artifact.data.count("](data:image/png;base64,") == 2
    assert artifact.description == f"**PROMOTED** {state.result().sentence}"
    places = re.findall(rf"`({store.url}/[^`]+)`", artifact.data)
    assert len(places) == 9
    assert all(Path(place).exists() for place in places)
    assert "](config.yaml)" not in artifact.data  # a link that the UI could not follow


def test_a_run_shows_its_progress_and_every_epoch(undisturbed):
    _, _, state = undisturbed
    experiment_id = state.result().experiment_id
    found = artifacts_of(state)
    progress, epochs, sheet = (found[artifact_key(kind, experiment_id)] for kind in ("progress", "epochs", "sheet"))
    assert (progress.type, progress.data) == ("progress", 100.0)
    assert [row["epoch"] for row in json.loads(epochs.data)] == [1, 2, 3]
    assert json.loads(epochs.data)[2]["verdict"] == "PROMOTED (first_baseline)"
    assert sheet.data.startswith("## Epoch 3 of 3: PROMOTED")
    [png] = re.findall(r"\(data:image/png;base64,([^)]+)\)", sheet.data)
    with Image.open(io.BytesIO(base64.b64decode(png))) as image:
        assert image.size == (8 * 76 - 4, 2 * 76 - 4)


def test_a_run_says_which_experiment_it_is(undisturbed):
    _, _, state = undisturbed
    run = flow_run_of(state)
    assert run.name == state.result().experiment_id
    assert {f"experiment:{run.name}", "line:portraits", "outcome:promoted"} <= set(run.tags)


def test_events_tell_automations_how_it_goes(undisturbed):
    _, _, state = undisturbed
    experiment_id = state.result().experiment_id
    events = EventFilter(resource=EventResourceFilter(id=[f"pixelpipe.experiment.{experiment_id}"]))
    wanted = ["started", "epoch", "epoch", "epoch", "promoted"]
    for _ in range(100):  # a server stores events a moment later
        with get_client(sync_client=True) as client:
            body = {"filter": events.model_dump(mode="json"), "limit": 50}
            found = client._client.post("/events/filter", json=body).json()["events"]
        if len(found) >= len(wanted):
            break
        time.sleep(0.2)
    found = sorted(found, key=lambda event: event["occurred"])[: len(wanted)]
    assert [event["event"] for event in found] == [f"pixelpipe.experiment.{name}" for name in wanted]
    assert found[-1]["payload"]["reason_code"] == "first_baseline"
    assert found[1]["payload"]["epoch"] == 1


def test_every_stage_has_its_name_in_prefect(undisturbed):
    _, _, state = undisturbed
    with get_client(sync_client=True) as client:
        of_the_run = FlowRunFilter(id=FlowRunFilterId(any_=[state.state_details.flow_run_id]))
        found = {run.name for run in client.read_task_runs(flow_run_filter=of_the_run)}
    epochs = {
        f"{stage} epoch {epoch}" for stage in ("train", "sample", "analyze", "judge", "show") for epoch in (1, 2, 3)
    }
    assert found == epochs | {"captions", "prepare", "conclude", "announce", "report"}


def test_only_the_last_epoch_can_be_resumed_and_a_champion_keeps_all_weights(undisturbed):
    _, store, state = undisturbed
    root = Path(store.url) / "experiments" / state.result().experiment_id / "checkpoints"
    assert [(root / f"epoch-0{epoch}-1" / "unet").is_dir() for epoch in (1, 2, 3)] == [True] * 3
    assert [(root / f"epoch-0{epoch}-1" / "training_state").is_dir() for epoch in (1, 2, 3)] == [False, False, True]


def test_what_is_done_is_not_done_again(undisturbed):
    config, store, state = undisturbed
    before = sorted(store.list())
    again = run_experiment(config, store.url, return_state=True)
    assert again.message == state.message
    assert {key for key in store.list() if key not in before} <= {key for key in store.list() if "/attempts/" in key}


def changed(config, name, **training):
    return config.model_copy(update={"name": name, "training": config.training.model_copy(update=training)})


def test_a_candidate_that_is_worse_is_abandoned_before_its_end(undisturbed, tmp_path):
    """Against a baseline that hardly learned, one whose learning rate wrecks what the base knew."""
    config, undisturbed_store, first = undisturbed
    reference = first.result().experiment_id
    store = Store.open(shutil.copytree(undisturbed_store.url, tmp_path / "store"))
    state = run_experiment(changed(config, "reckless", learning_rate=RECKLESS), store.url, return_state=True)
    outcome = state.result()
    assert state.is_completed()
    assert state.message.startswith("abandoned: ")
    assert "outcome:abandoned" in flow_run_of(state).tags
    assert (outcome.status, outcome.epochs) == ("abandoned", 2)
    assert [each.differs_in for each in rejudge(store, outcome.experiment_id)] == [[], []]
    decisions = read_table(store, "decisions", outcome.experiment_id).to_pylist()
    assert [row["verdict"] for row in decisions] == ["CONTINUE", "ABANDONED"]
    assert champion(store, "portraits").experiment_id == reference
    kept = Path(store.url) / "experiments" / outcome.experiment_id / "checkpoints"
    epochs = read_table(store, "epochs", outcome.experiment_id).to_pylist()
    colors = {row["epoch"]: row["mean_effective_colors"] for row in epochs}
    last_and_best = {f"epoch-{epoch:02}-1" for epoch in (2, min(colors, key=lambda epoch: colors[epoch]))}
    assert {folder.name for folder in kept.iterdir() if (folder / "unet").is_dir()} == last_and_best


def test_a_candidate_that_looks_better_is_confirmed_on_fresh_seeds(undisturbed, tmp_path):
    """The champion is a wreck; whatever becomes of one that is none, it was confirmed."""
    config, store = undisturbed[0], Store.open(tmp_path / "store")
    run_alone(store, changed(config, "reckless", epochs=1, learning_rate=RECKLESS))
    candidate = changed(config, "timid", epochs=1)
    outcome = run_experiment(candidate, store.url, return_state=True).result()
    [decision] = read_table(store, "decisions", outcome.experiment_id).to_pylist()
    fresh = read_table(store, "confirmations", outcome.experiment_id)
    seen = set(read_table(store, "samples")["seed"].to_pylist())
    assert decision["relative_difference"] < 0
    assert decision["confirmation_pairs"] == 8
    assert sorted(fresh["role"].to_pylist()) == ["baseline"] * 8 + ["candidate"] * 8
    assert not seen & set(fresh["seed"].to_pylist())
    assert outcome.status == ("promoted" if decision["verdict"] == "PROMOTED" else "inconclusive")
    current = champion(store, "portraits")
    assert (current.experiment_id == outcome.experiment_id) == (outcome.status == "promoted")


def test_a_second_run_of_an_experiment_in_progress_says_who_holds_it(make_config, tmp_path):
    config, store = make_config(), Store.open(tmp_path / "store")
    experiment_id = prepare(store, config).experiment_id
    with acquire(store, experiment_id):
        state = run_experiment(config, store.url, return_state=True)
        with pytest.raises(ExperimentHeldError, match=rf"{experiment_id} is running: pid \d+ on "):
            state.result()
    assert latest_status(store, experiment_id) is None


def test_a_run_that_diverges_fails_and_says_what_to_do(make_config, tmp_path):
    config, store = make_config(training={"learning_rate": 0.99, "max_grad_norm": 1e30}), Store.open(tmp_path / "store")
    state = run_experiment(config, store.url, return_state=True)
    status = latest_status(store, prepare(store, config).experiment_id)
    if state.is_completed():  # the loss stayed finite: then the judge must not have promoted garbage silently
        pytest.fail(f"a learning rate of 0.99 trained: {state.message}")
    assert (status["status"], status["reason_code"]) == ("failed", "nan_loss")
    assert "lower training.learning_rate" in status["message"]


def start_run(config, store: Store, write: int | str, signal_name: str = "SIGKILL") -> subprocess.Popen[str]:
    """The experiment in a process of its own, which ends in front of a write: see run_and_die.py."""
    config_file = Path(store.url).with_name("config.json")
    config_file.write_text(config.model_dump_json())
    script = Path(__file__).with_name("run_and_die.py")
    command = [sys.executable, str(script), str(config_file), store.url, str(write), signal_name]
    environment = {"PREFECT_API_URL": PREFECT_API_URL.value(), "PREFECT_LOGGING_LEVEL": "CRITICAL"}
    return subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def assert_same_as(undisturbed: Store, store: Store, experiment_id: str) -> None:
    """The same rows and the same champion, and no row twice."""
    found = rows(store, experiment_id)
    assert found == rows(undisturbed, experiment_id)
    assert all(len(set(table)) == len(table) for table in found.values())
    assert champion(store, "portraits").reference == f"{experiment_id}@3"


def drawn_before(store: Store, experiment_id: str) -> dict[str, bytes]:
    return {key: store.read(key) for key in store.list(f"experiments/{experiment_id}/before")}


def test_the_base_drew_the_first_seeds_before_training(undisturbed, base):
    config, store, state = undisturbed
    first = prepare(store, config).evaluation.first_images
    sampler = Sampler(base, resolution=96, num_inference_steps=4, guidance_scale=3.0, batch_size=len(first))
    expected = {
        before_key(state.result().experiment_id, plan.prompt_id, plan.seed): encode_png(sprites(image[None], 24)[0])
        for plan, image in sampler.sample(base.unet, first)
    }
    assert drawn_before(store, state.result().experiment_id) == expected


def test_killed_again_and_again_it_ends_as_if_undisturbed(undisturbed, tmp_path):
    """SIGKILL in front of writes all over the run: the same rows and the same verdict, and no row twice."""
    config, undisturbed_store, state = undisturbed
    store = Store.open(tmp_path / "store")
    for write, expected in (("/before/p005__", -9), (50, -9), (0, 0)):
        with start_run(config, store, write) as process:
            _, stderr = process.communicate(timeout=300)
        assert process.returncode == expected, stderr[-3000:]
    experiment_id = state.result().experiment_id
    assert_same_as(undisturbed_store, store, experiment_id)
    assert drawn_before(store, experiment_id) == drawn_before(undisturbed_store, experiment_id)


def test_an_adaptive_candidate_killed_between_its_stages_ends_as_if_undisturbed(undisturbed, tmp_path):
    """Its first seeds are beyond the margin, and too few to show it."""
    config, store = undisturbed[0], Store.open(tmp_path / "store")
    run_alone(store, changed(config, "timid", epochs=2))
    changes = {
        "sampling": config.sampling.model_copy(update={"adaptive": True}),
        "judge": config.judge.model_copy(update={"abandon_margin": 0.0, "alpha": 0.025}),
    }
    reckless = changed(config, "reckless", epochs=2, learning_rate=RECKLESS).model_copy(update=changes)
    experiment = prepare(store, reckless)
    shutil.copytree(store.url, tmp_path / "other" / "store")
    other = Store.open(tmp_path / "other" / "store")

    other_seed = experiment.evaluation.images[1]
    with start_run(reckless, store, f"samples/epoch-01/{other_seed.prompt_id}__{other_seed.seed}") as process:
        _, stderr = process.communicate(timeout=300)
    assert process.returncode == -9, stderr[-3000:]
    drawn = set(store.list(f"experiments/{experiment.experiment_id}/samples"))
    first = {sample_key(experiment.experiment_id, 1, image.prompt_id, image.seed)
             for image in experiment.evaluation.first_images}  # fmt: skip
    assert len(first) == 8
    assert first <= drawn
    assert len(drawn) < 16  # two threads put the other seeds' pictures: one more may be there
    assert store.list(f"results/v1/samples/{experiment.experiment_id}") == []
    outcome = run_experiment(reckless, store.url, return_state=True).result()
    assert run_alone(other, reckless) == outcome
    assert [each.differs_in for each in rejudge(store, outcome.experiment_id)] == [[], []]
    assert rows(store, outcome.experiment_id) == rows(other, outcome.experiment_id)
    decisions = read_table(store, "decisions", outcome.experiment_id).to_pylist()
    assert [(row["stage"], row["num_pairs"]) for row in decisions] == [(2, 16), (None, 16)]


def test_an_adaptive_candidate_that_is_no_worse_draws_fewer_pictures(undisturbed):
    config, store, _ = undisturbed
    sampling = config.sampling.model_copy(update={"adaptive": True})
    state = run_experiment(
        changed(config, "same").model_copy(update={"sampling": sampling}), store.url, return_state=True
    )
    epochs = read_table(store, "epochs", state.result().experiment_id).to_pylist()
    assert [row["num_samples"] for row in epochs] == [8, 8, 16]
    decisions = read_table(store, "decisions", state.result().experiment_id).to_pylist()
    assert [row["relative_difference"] for row in decisions] == [0.0] * 3  # of the same weights, on the same seeds
    assert "one seed each" in decisions[0]["sentence"]


def test_who_stood_still_writes_nothing_into_what_another_process_goes_on_with(undisturbed, tmp_path):
    """Two processes that stop in front of a write, are taken over, and wake up when the experiment is done."""
    config, undisturbed_store, state = undisturbed
    store, stopped = Store.open(tmp_path / "store"), []
    try:
        for write in ("checkpoints/epoch-02-1/unet/diffusion", "attempts/0002/claim-0002"):
            stopped.append(start_run(config, store, write, "SIGSTOP"))
            assert (
                os.waitid(os.P_PID, stopped[-1].pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT).si_status == signal.SIGSTOP
            )
        with start_run(config, store, 0) as process:
            _, stderr = process.communicate(timeout=300)
        assert process.returncode == 0, stderr[-3000:]
        before = store.list()
        for process in stopped:
            process.send_signal(signal.SIGCONT)
            _, stderr = process.communicate(timeout=60)
            assert process.returncode == 1
            assert re.search(r"LeaseLostError: experiment \S+ attempt [12] stood still too long; since \S+ UTC", stderr)
        left = {key for key in store.list() if key not in before}
        assert all("/attempts/" in key for key in left), left
    finally:
        for process in stopped:
            process.kill()
            process.communicate()
    assert_same_as(undisturbed_store, store, state.result().experiment_id)
    assert read_table(store, "epochs", columns=["attempt"])["attempt"].to_pylist() == [1, 2, 3]
    checkpoints = CheckpointStore(store, state.result().experiment_id)
    weights, _ = checkpoints.load(3)  # verified against its manifest
    assert weights
