"""Checkpoints of the store, models and LoRA files, drawn with and judged; every bad one refused in one line."""

import copy
import re
import shlex
import shutil
from itertools import count

import pytest
import torch
from safetensors.torch import save_file

import pixelpipe.pipeline.checkpoint as stages
from pixelpipe.config import parse_config
from pixelpipe.data.png import decode_png
from pixelpipe.errors import BadInputError
from pixelpipe.lease import acquire
from pixelpipe.lines import champion
from pixelpipe.models.layout import TINY
from pixelpipe.models.lora import diffusers_tensors, kohya_tensors, merge_lora, read_lora
from pixelpipe.pipeline.alone import run_alone
from pixelpipe.pipeline.news import champion_config, find_news
from pixelpipe.pipeline.prepare import prepare
from pixelpipe.pipeline.rejudge import rejudge
from pixelpipe.pipeline.run import ExperimentRun
from pixelpipe.results.reader import list_experiments, read_table
from pixelpipe.sampling.sampler import Sampler
from pixelpipe.store import Store

SAMPLING = {"num_prompts": 8, "seeds_per_prompt": 1, "num_inference_steps": 2, "confirm_seeds": 1}
PLACES = {"experiment_id", "sample_uri", "attempt", "checkpoint_hash", "config_hash"}


def configuration(portraits, **sampling):
    return parse_config(
        {
            "name": "champ",
            "line": "art",
            "dataset": {"path": str(portraits), "repeats": 1, "validation_fraction": 0.2},
            "training": {"epochs": 2, "batch_size": 8, "learning_rate": 1e-3, "ema_decay": 0, "resolution": 96},
            "sampling": {**SAMPLING, **sampling},
            "judge": {"alpha": 0.2},
        },
        "test",
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory, portraits):
    """A store whose line `art` has a champion of two epochs, trained here; and its id."""
    store = Store.open(tmp_path_factory.mktemp("trained") / "store")
    return store, run_alone(store, configuration(portraits)).experiment_id


@pytest.fixture
def store(trained, tmp_path):
    """A copy of it that a test may change."""
    shutil.copytree(trained[0].url, tmp_path / "store")
    return Store.open(tmp_path / "store")


@pytest.fixture
def champ(trained):
    return trained[1]


@pytest.fixture(scope="module")
def lora(base, tmp_path_factory):
    """A LoRA of both the UNet and the text encoder, as sd-scripts writes it: path."""
    generator = torch.Generator().manual_seed(4)
    tensors = {}
    for part, model in (("lora_unet_", base.unet), ("lora_te_text_model_", base.text_encoder)):
        names = [name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)]
        for name in names[::5]:
            out, into = model.get_submodule(name).weight.shape
            key = part + name.removeprefix("text_model.").replace(".", "_")
            tensors[f"{key}.lora_down.weight"] = torch.randn((2, into), generator=generator)
            tensors[f"{key}.lora_up.weight"] = 0.2 * torch.randn((out, 2), generator=generator)
            tensors[f"{key}.alpha"] = torch.tensor(1.0)
    path = tmp_path_factory.mktemp("loras") / "sunset.safetensors"
    save_file(tensors, path, metadata={"ss_resolution": "(192, 192)"})
    return path


def rows(store, experiment_id):
    found = read_table(store, "samples", experiment_id)
    return found.drop_columns([name for name in PLACES if name in found.column_names]).to_pylist()


def evaluated(store, name):
    return next(row for row in list_experiments(store) if row["name"] == name)


def test_every_epoch_of_an_experiment_draws_the_same_pictures_again(cli, store, champ):
    """Re-scored on its own evaluation set, warm or from its checkpoints, for judge, forms and documents alike."""
    result = cli("evaluate", champ, "--name", "again", "--store", store.url)
    assert result.exit_code == 0, result.err
    again = evaluated(store, "again")
    assert rows(store, again["experiment_id"]) == rows(store, champ)
    seen = [read_table(store, "epochs", name)["images_seen"].to_pylist() for name in (champ, again["experiment_id"])]
    assert seen[0] == seen[1] == [32, 64]
    decisions = read_table(store, "decisions", again["experiment_id"]).to_pylist()
    assert [(row["relative_difference"], row["baseline_kind"]) for row in decisions] == [(0.0, "matched_baseline")] * 2
    assert again["status"] == "inconclusive"
    assert [each.differs_in for each in rejudge(store, again["experiment_id"])] == [[], []]
    document = store.read(f"experiments/{again['experiment_id']}/verdict.md").decode()
    assert "a checkpoint that was drawn with and measured here" in document
    assert len(cli("generate", "red hair", "--from", "again", "--seeds", 1, "--to", f"{store.url}/../out",
                   "--store", store.url).out.split()) == 2  # fmt: skip


def test_another_evaluation_set_is_refused_at_the_start_and_the_way_out_works(cli, store, champ, portraits, tmp_path):
    """What differs, and a command that makes the two comparable."""
    other = tmp_path / "other.yaml"
    other.write_text(
        f"line: art\ndataset: {{path: {portraits}, validation_fraction: 0.2}}\ntraining: {{epochs: 2}}\n"
        "sampling: {num_prompts: 8, seeds_per_prompt: 2, num_inference_steps: 3}\njudge: {alpha: 0.2}\n"
    )
    before = store.list()
    refusal = cli("run", other, "--store", store.url).refused()
    assert (
        f"the baseline {champ}@2, whose evaluation set differs: sampling.num_inference_steps 3 (baseline: 2); "
        in refusal
    )
    assert "sampling.seeds_per_prompt 2 (baseline: 1)" in refusal
    assert store.list() == before
    command = shlex.split(re.search(r"pixelpipe (evaluate .*)$", refusal)[1])
    result = cli(*command, "--store", store.url)
    assert result.exit_code == 0, result.err
    current = champion(store, "art")
    assert (current.experiment_id.startswith("champ-"), current.epoch, current.reason) == (True, 2, "re-scored")
    assert current.experiment_id != champ
    assert len(read_table(store, "samples", current.experiment_id)) == 2 * 8 * 2
    from pixelpipe.config import load_config
    from pixelpipe.pipeline.baseline import find_baseline
    from pixelpipe.pipeline.comparable import check_comparable

    evaluation = prepare(store, load_config(other)).evaluation
    check_comparable(store, evaluation, find_baseline(store, "art", "champion"), "art")  # now they are the same
    assert find_news(store, "art").changed == []  # retraining knows by which configuration it was trained
    assert champion_config(store, current, None).sampling.seeds_per_prompt == 2
    with pytest.raises(BadInputError, match=r"seeds_per_prompt 2 \(baseline: 1\)"):
        check_comparable(store, evaluation, find_baseline(store, "art", champ), "art")


def test_the_flow_itself_refuses_what_cannot_be_compared(store, portraits):
    """Who runs it as a deployment has no command line in front of it."""
    experiment = prepare(store, configuration(portraits, seeds_per_prompt=2))
    with (
        acquire(store, experiment.experiment_id) as lease,
        pytest.raises(BadInputError, match="cannot be compared with the baseline champ-"),
    ):
        ExperimentRun(lease, experiment)


@pytest.mark.parametrize("form", ["kohya", "diffusers", "folder"])
def test_a_lora_is_drawn_as_merged_into_its_base(cli, store, base, lora, tmp_path, form):
    unet, text_encoder = copy.deepcopy(base.unet), copy.deepcopy(base.text_encoder)
    found = read_lora(lora, unet, text_encoder)
    path = tmp_path / "mine.safetensors"
    if form == "folder":
        path = tmp_path / "mine"
        path.mkdir()
    file = path / "pytorch_lora_weights.safetensors" if form == "folder" else path
    save_file((kohya_tensors if form == "kohya" else diffusers_tensors)(found.layers, torch.float32), file)
    result = cli("evaluate", path, "--store", store.url)
    assert result.exit_code == 0, result.err
    experiment = evaluated(store, "mine")["experiment_id"]
    merge_lora(found, unet, text_encoder)
    import dataclasses

    sampler = Sampler(dataclasses.replace(base, text_encoder=text_encoder), resolution=96, num_inference_steps=2,
                      guidance_scale=3.0, batch_size=16)  # fmt: skip
    drawn = read_table(store, "samples", experiment).to_pylist()
    plans = [stages.ImagePlan(row["prompt_id"], row["prompt"], row["seed"]) for row in drawn]
    for plan, image in sampler.sample(unet, plans):
        stored = decode_png(store.read(f"experiments/{experiment}/samples/epoch-02/{plan.prompt_id}__{plan.seed}.png"))
        assert abs(stored.astype(int) - image.astype(int)).max() <= 1
    assert {row["epoch"] for row in drawn} == {2}  # the champion's: compared with the champion's own checkpoint
    assert [each.differs_in for each in rejudge(store, experiment)] == [[]]


def test_a_whole_model_is_its_own_base(cli, store):
    """The tiny base without any training, as a folder."""
    result = cli("evaluate", TINY, "--name", "untrained", "--epoch", 1, "--store", store.url)
    assert result.exit_code == 0, result.err
    decisions = read_table(store, "decisions", evaluated(store, "untrained")["experiment_id"]).to_pylist()
    assert [(row["epoch"], row["looks"], row["patience"]) for row in decisions] == [(1, 1, 1)]
    assert decisions[0]["baseline"].endswith("@1")


def test_what_was_killed_goes_on_with_the_pictures_that_are_there(cli, store, champ, monkeypatch):
    """Killed in the second epoch: the same command, the same rows, none twice."""
    draw, drawn = Sampler.sample, []

    def fail_at_the_eleventh(self, unet, images, description=""):
        for plan, image in draw(self, unet, images, description):
            if len(drawn) == 11:
                raise KeyboardInterrupt
            drawn.append(plan)
            yield plan, image

    monkeypatch.setattr(Sampler, "sample", fail_at_the_eleventh)
    stopped = cli("evaluate", champ, "--name", "again", "--store", store.url)
    assert stopped.exit_code == 130
    assert "interrupted; the same command goes on with the pictures that are there" in stopped.err
    assert evaluated(store, "again")["status"] == "running"
    left = []
    monkeypatch.setattr(Sampler, "sample", lambda self, unet, images, _="": _noted(draw(self, unet, images), left))
    assert cli("evaluate", champ, "--name", "again", "--store", store.url).exit_code == 0
    again = evaluated(store, "again")["experiment_id"]
    assert (len(drawn), len(left)) == (11, 5)
    assert rows(store, again) == rows(store, champ)
    assert read_table(store, "epochs", again)["attempt"].to_pylist() == [1, 2]
    assert cli("evaluate", champ, "--name", "again", "--store", store.url).exit_code == 0  # done already
    assert len(left) == 5
    assert len(rows(store, again)) == 16


def _noted(pictures, into):
    for plan, image in pictures:
        into.append(plan)
        yield plan, image


def test_a_better_checkpoint_is_confirmed_and_becomes_the_champion(cli, painter, monkeypatch):
    """Painted, not drawn: what comes after the pictures is the real thing."""
    painter.run("first", lambda _: 30.0)
    import pixelpipe.pipeline.fresh as fresh

    colors = count()

    def paint(store, sampler, unet, plans, key_of, description):
        for plan in plans:
            painter._paint(key_of(plan), 20.0 if "baseline" not in key_of.args else 30.0, (next(colors),))
        return len(plans)

    monkeypatch.setattr(stages, "sample_images", paint)
    monkeypatch.setattr(fresh, "sample_images", paint)
    for module in (stages, fresh):
        monkeypatch.setattr(module, "checkpoint_sampler", lambda *_: (None, None))
    result = cli("evaluate", "tiny", "--set", "judge.metric=effective_colors", "--store", painter.store.url)
    assert "PROMOTED after epoch 4" in result.out, result.err
    current = champion(painter.store, "art-24")
    assert (current.experiment_id.startswith("tiny-"), current.set_by, current.reason) == (True, "rule", "better")
    confirmations = read_table(painter.store, "confirmations", current.experiment_id)
    assert set(confirmations["role"].to_pylist()) == {"candidate", "baseline"}
    assert [each.differs_in for each in rejudge(painter.store, current.experiment_id)] == [[]]


def spoiled(name, tmp_path, champ):
    path = tmp_path / "file.safetensors"
    layer = "down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"
    halves = (".lora_down.weight", ".lora_up.weight")
    if name == "sdxl lora":
        save_file({f"lora_unet_{layer}{half}": torch.zeros(shape) for half, shape in
                   zip(halves, ((4, 2048), (640, 4)), strict=True)}, path)  # fmt: skip
    elif name == "another base":
        save_file({f"lora_unet_{layer}{half}": torch.zeros(shape) for half, shape in
                   zip(halves, ((4, 768), (320, 4)), strict=True)}, path)  # fmt: skip
    elif name == "half a lora":
        save_file({f"lora_unet_{layer}{halves[0]}": torch.zeros((4, 64))}, path)
    elif name == "sdxl":
        save_file(
            {"conditioner.embedders.1.model.weight": torch.zeros(1), "model.diffusion_model.x": torch.zeros(1)}, path
        )
    elif name == "no weights":
        save_file({"something": torch.zeros(1)}, path)
    elif name == "text":
        path.write_text("no tensors at all, but some text")
    elif name == "pickle":
        path = tmp_path / "model.ckpt"
        path.write_bytes(b"PK\x03\x04")
    elif name == "parts":
        path = tmp_path / "folder"
        (path / "unet").mkdir(parents=True)
        (path / "model_index.json").write_text("{}")
    elif name == "no vae":
        path = tmp_path / "folder"
        shutil.copytree(TINY, path, ignore=shutil.ignore_patterns("vae"))
    elif name == "empty":
        path = tmp_path / "nothing"
        path.mkdir()
    elif name == "gone":
        return "no/such/file.safetensors"
    elif name == "no experiment":
        return "chmap@2"
    elif name == "no epoch":
        return f"{champ}@7"
    return path


BAD = {
    "sdxl lora": "must be a LoRA for Stable Diffusion 1.5 but is one for SDXL",
    "another base": "it was made for another base",
    "half a lora": "has no up weight: the file is damaged",
    "sdxl": "CHECKPOINT {path}: must be Stable Diffusion 1.5 but is SDXL",
    "no weights": "CHECKPOINT {path}: must be Stable Diffusion 1.5 but is a file of other tensors",
    "text": "CHECKPOINT {path}: must be a safetensors file but is something else",
    "pickle": "CHECKPOINT {path}: must be a .safetensors file but is a pickle (.ckpt), which can run any code",
    "parts": "CHECKPOINT {path}: must hold unet/config.json but does not",
    "no vae": "CHECKPOINT {path}: must hold vae/config.json but does not",
    "empty": "CHECKPOINT {path}: must hold ",
    "gone": "CHECKPOINT no/such/file.safetensors: no such file",
    "no experiment": "did you mean champ-",
    "no epoch": "must be an epoch whose weights are kept: 1, 2",
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_checkpoint_is_one_line_and_writes_nothing(cli, trained, tmp_path, case):
    store, champ = trained
    before = store.list()
    path = spoiled(case, tmp_path, champ)
    assert BAD[case].format(path=path) in cli("evaluate", path, "--store", store.url).refused()
    assert store.list() == before


def test_what_must_be_said(cli, trained, lora, tmp_path):
    store, champ = trained
    empty = ["--store", tmp_path / "empty"]
    assert cli("evaluate", lora, *empty).refused().startswith("--line: must name the line that it is judged in, but ")
    needs = cli("evaluate", lora, "--line", "new", *empty).refused()
    assert needs.endswith("needs a base, and line new has no champion whose base is known: --set model.base=...")
    place = ["--store", store.url]
    assert "--why: must be given with --as baseline" in cli("evaluate", lora, "--as", "baseline", *place).refused()
    assert "`training.epohcs` is not a field" in cli("evaluate", lora, "--set", "training.epohcs=3", *place).refused()
    many = cli("evaluate", champ, "--set", "sampling.num_prompts=99", *place).refused()
    assert many == "`sampling.num_prompts` must be at most 8, the prompts of line art, but got 99"
    assert "one of CHECKPOINT, --images DIR" in cli("evaluate", lora, "--images", tmp_path, *place).refused()


def test_a_new_line_begins_with_a_checkpoint_from_elsewhere(cli, portraits, lora, tmp_path):
    """Its prompts from a file, its profile from its art; then it is exported by nobody: the file is what it was."""
    (tmp_path / "prompts.txt").write_text("\n".join(f"portrait {number}" for number in range(6)))
    settings = ["--set", "model.base=tiny", "--set", "sampling.num_inference_steps=2"]
    settings += ["--set", "sampling.seeds_per_prompt=1", "--line", "new", "--store", tmp_path / "store"]
    begin = ["--as", "baseline", "--why", "used today", "--prompts", tmp_path / "prompts.txt", "--art", portraits]
    settings += ["--set", "sampling.num_prompts=6"]
    result = cli("evaluate", lora, *begin, *settings)
    assert result.exit_code == 0, result.err
    store = Store.open(tmp_path / "store")
    assert champion(store, "new").reference == f"{evaluated(store, 'sunset')['experiment_id']}@1"
    refused = cli("export", "sunset", "--to", tmp_path / "out.safetensors", "--store", store.url).refused()
    assert "was evaluated here, not trained" in refused
