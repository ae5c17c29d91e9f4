"""Exported checkpoints as others read them: diffusers here stands for diffusers, its names for A1111 and ComfyUI."""

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from pixelpipe.keys import checkpoint_key
from pixelpipe.models.header import read_header
from pixelpipe.models.layout import hash_base, resolve_base
from pixelpipe.models.load import load_base
from pixelpipe.sampling.sampler import Sampler
from pixelpipe.store import Store

PutExperiment = Callable[..., None]
PROMPT = "pixel art portrait, red hair"  # of all that `put_experiment` puts
BEST, WORST = "best-1a2b3c4d", "worst-5e6f7a8b"


@pytest.fixture(scope="module")
def trained(base: Any) -> UNet2DConditionModel:
    """The tiny base's UNet after something happened to it."""
    unet = copy.deepcopy(base.unet)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in unet.parameters():
            weight += 0.02 * weight.abs().mean() * torch.randn(weight.shape, generator=generator)
    return unet


@pytest.fixture(scope="module")
def store(
    tmp_path_factory: pytest.TempPathFactory, base: Any, trained: UNet2DConditionModel, put_experiment: PutExperiment
) -> Store:
    """`best` (promoted) and `worst` (abandoned) with two epochs each; weights of the second are kept."""
    store = Store.open(tmp_path_factory.mktemp("exports") / "store")
    weights = tmp_path_factory.mktemp("weights") / "unet"
    trained.save_pretrained(weights)
    for experiment_id, status in ((BEST, "promoted"), (WORST, "abandoned")):
        put_experiment(store, experiment_id, status, base.base_hash, {}, {"unet": weights})
    return store


def draw(unet: UNet2DConditionModel, base: Any) -> np.ndarray:
    """One small picture."""
    from pixelpipe.sampling.evaluation import ImagePlan

    sampler = Sampler(base, resolution=64, num_inference_steps=3, guidance_scale=2.0, batch_size=1)
    [(_, image)] = sampler.sample(unet, [ImagePlan("p000", PROMPT, 7)])
    return image


@pytest.fixture
def export(cli: Any, store: Store) -> Callable[..., Any]:
    return lambda *arguments: cli("export", *arguments, "--store", store.url)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["model", "model.safetensors"])
def test_fp32_draws_the_same_bits(export, base, trained, tmp_path, name):
    result = export(BEST, "--to", tmp_path / name, "--dtype", "fp32")
    assert result.exit_code == 0, result.err
    loaded = load_base(resolve_base(str(tmp_path / name)))
    assert (draw(loaded.unet, loaded) == draw(trained, base)).all()


@pytest.mark.parametrize("name", ["model", "model.safetensors"])
def test_fp16_draws_nearly_the_same(export, base, trained, tmp_path, name):
    assert export(f"{BEST}@2", "--to", tmp_path / name).exit_code == 0
    loaded = load_base(resolve_base(str(tmp_path / name)))
    image, wanted = draw(loaded.unet, loaded).astype(int), draw(trained, base).astype(int)
    assert (image != draw(base.unet, base)).any()
    assert np.abs(image - wanted).max() <= 2  # of 255


def test_a_folder_is_a_pipeline_and_nothing_else(export, trained, tmp_path):
    result = export("best", "--to", tmp_path / "model", "--dtype", "fp32")
    assert result.out == f"{tmp_path / 'model'}\n"
    assert files(tmp_path) == {
        "model/README.md", "model/model_index.json", "model/scheduler/scheduler_config.json",
        "model/text_encoder/config.json", "model/text_encoder/model.safetensors", "model/tokenizer/merges.txt",
        "model/tokenizer/special_tokens_map.json", "model/tokenizer/tokenizer_config.json",
        "model/tokenizer/vocab.json", "model/unet/config.json", "model/unet/diffusion_pytorch_model.safetensors",
        "model/vae/config.json", "model/vae/diffusion_pytorch_model.safetensors",
    }  # fmt: skip
    pipeline = StableDiffusionPipeline.from_pretrained(tmp_path / "model", local_files_only=True)
    state = pipeline.unet.state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in trained.state_dict().items())
    names = read_header(tmp_path / "model/text_encoder/model.safetensors").tensors
    assert all(name.startswith("text_model.") for name in names)  # as published: old versions read no other


def test_diffusers_reads_the_single_file(export, trained, base, tmp_path):
    assert export(BEST, "--to", tmp_path / "model", "--dtype", "fp32").exit_code == 0
    assert export(BEST, "--to", tmp_path / "x.safetensors", "--dtype", "fp32").exit_code == 0
    pipeline = StableDiffusionPipeline.from_single_file(
        str(tmp_path / "x.safetensors"), config=str(tmp_path / "model"), local_files_only=True
    )
    for model, wanted in (
        (pipeline.unet, trained),
        (pipeline.vae, base.vae),
        (pipeline.text_encoder, base.text_encoder),
    ):
        state = model.state_dict()
        assert all(torch.equal(state[name], tensor) for name, tensor in wanted.state_dict().items())


def test_the_single_file_is_of_fp16_and_says_what_it_is(export, tmp_path):
    result = export(BEST, "--to", tmp_path / "x.safetensors")
    assert result.out == f"{tmp_path / 'x.safetensors'}\n{tmp_path / 'x.md'}\n"
    header = read_header(tmp_path / "x.safetensors")
    others = {name: info.dtype for name, info in header.tensors.items() if info.dtype != "F16"}
    assert others == {"cond_stage_model.transformer.text_model.embeddings.position_ids": "I64"}
    said = header.metadata
    assert said["modelspec.architecture"] == "stable-diffusion-v1"
    assert said["modelspec.title"] == f"{BEST}@2"
    assert said["modelspec.resolution"] == "192x192"
    assert said["ss_base_model_version"] == "sd_v1"
    assert (said["ss_steps"], said["ss_epoch"], said["ss_num_train_images"]) == ("40", "2", "18")
    assert said["ss_learning_rate"] == "0.0003"
    assert json.loads(said["ss_tag_frequency"]) == {
        "6_art-24": {"pixel art portrait": 3, "red hair": 3, "1": 1, "2": 1, "3": 1}
    }
    assert "ss_network_dim" not in said
    assert said["pixelpipe.experiment_id"] == BEST


def test_the_hash_in_the_header_is_that_of_the_data(export, tmp_path):
    import hashlib

    assert export(BEST, "--to", tmp_path / "x.safetensors").exit_code == 0
    data = (tmp_path / "x.safetensors").read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    said = read_header(tmp_path / "x.safetensors").metadata["modelspec.hash_sha256"]
    assert said == f"0x{hashlib.sha256(data[start:]).hexdigest()}"


def test_the_card(export, tmp_path):
    assert export(BEST, "--to", tmp_path / "model").exit_code == 0
    card = (tmp_path / "model/README.md").read_text()
    assert card.startswith("---\nlibrary_name: diffusers\ntags: [pixel-art, stable-diffusion, text-to-image]\n---\n")
    assert "**PROMOTED** (`better`). It is promoted \\[really\\]." in card
    assert "| clean images | 25% |" in card
    assert f'image = pipeline("{PROMPT}", height=192, width=192, num_inference_steps=25, guidance_scale=3)' in card
    assert "Epoch 2 of 2 planned" in card
    python = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    compile(python[0], "card", "exec")


def test_what_was_abandoned_needs_force(export, tmp_path):
    said = export(WORST, "--to", tmp_path / "model").refused()
    assert said == f"EXPERIMENT {WORST}: must not be abandoned but is (better); --force exports it all the same"
    assert not files(tmp_path)
    assert export(WORST, "--to", tmp_path / "model", "--force").exit_code == 0
    assert "This experiment was abandoned" in (tmp_path / "model/README.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope", "--to", "x"], "EXPERIMENT must be one of store {store} but got 'nope': none begins so"),
        ([f"{BEST}@1", "--to", "x"], f"EXPERIMENT {BEST}@1: must be an epoch whose weights are kept: 2"),
        ([f"{BEST}@9", "--to", "x"], f"EXPERIMENT {BEST}@9: must be an epoch whose weights are kept: 2"),
        ([f"{BEST}@x", "--to", "x"], f"EXPERIMENT@EPOCH must name an epoch from 1, e.g. x@8, but got {BEST}@x"),
        ([BEST, "--to", "x", "--as", "kohya"], "--as kohya: must be diffusers or single-file, since "),
        ([BEST, "--to", "x", "--as", "single-file"], "--to x: must end in .safetensors with --as single-file"),
        ([BEST, "--to", "x.safetensors", "--as", "diffusers"], "--to x.safetensors: must be a folder's name with --as"),
        ([BEST, "--to", "x.ckpt"], "--to x.ckpt: must end in .safetensors, or be a folder"),
        ([BEST, "--to", "file/x"], "file/x: cannot be written: "),
    ],
)  # fmt: skip
def test_refused(export, store, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    assert export(*arguments).refused().startswith(message.replace("{store}", store.url))
    assert files(tmp_path) == {"file"}


def test_nothing_is_replaced_unasked_and_no_folder_of_other_things_ever(export, tmp_path):
    for name in ("x.safetensors", "x.md", "model/notes.txt", "old/model_index.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("mine")
    file, model, old = tmp_path / "x.safetensors", tmp_path / "model", tmp_path / "old"
    assert export(BEST, "--to", file).refused() == f"{file}: exists already; give another path, or --overwrite"
    assert export(BEST, "--to", old).refused() == f"{old}: exists already; give another path, or --overwrite"
    assert export(BEST, "--to", model, "--overwrite").refused() == (
        f"{model}: is a folder of other things, which is never overwritten"
    )
    assert {(tmp_path / name).read_text() for name in files(tmp_path)} == {"mine"}
    assert export(BEST, "--to", file, "--overwrite").exit_code == 0
    assert export(BEST, "--to", old, "--overwrite").exit_code == 0
    assert files(tmp_path) >= {"x.safetensors", "x.md", "old/unet/config.json", "model/notes.txt"}
    assert not list(tmp_path.glob(".*"))


def test_a_full_disk_leaves_nothing(export, tmp_path, monkeypatch):
    """The disk is full after the first half of a file."""

    def full(_file: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    for name in ("x.safetensors", "model"):
        said = export(BEST, "--to", tmp_path / name).refused()
        assert said == f"{tmp_path / name}: cannot be written: No space left on device; nothing was left there"
    assert not list(tmp_path.iterdir())


def test_a_base_that_changed_since_is_refused(export, store, base, tmp_path, monkeypatch):
    """UNet of one base and VAE of another make no model."""
    from pixelpipe.models import layout

    other = tmp_path / "other"
    loaded = load_base(layout.TINY)
    from pixelpipe.models.save import write_folder

    write_folder(loaded, loaded.unet, other, torch.float32)
    monkeypatch.setattr(layout, "TINY", other)
    said = export(BEST, "--to", tmp_path / "model").refused()
    assert said == (
        f"`model.base` tiny: must be the base that {BEST} was trained on (hash {base.base_hash[:12]}…) "
        f"but has changed since ({hash_base(other)[:12]}…)"
    )


def test_a_damaged_checkpoint_is_not_exported(export, store, tmp_path):
    path = Path(store.url) / checkpoint_key(WORST, 2, 1, "unet") / "diffusion_pytorch_model.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    result = export(WORST, "--to", tmp_path / "x.safetensors", "--force")
    path.write_bytes(whole)
    assert result.exit_code == 1
    assert "differs from its manifest" in result.err
    assert not files(tmp_path)


def test_values_that_fp16_cannot_hold_are_refused(export, store, trained, tmp_path):
    folder = Path(store.url) / checkpoint_key(BEST, 2, 1, "unet")
    data = {path.name: path.read_bytes() for path in folder.iterdir()}
    tensors = load_file(folder / "diffusion_pytorch_model.safetensors")
    tensors["conv_out.bias"][0] = 1e5
    save_file(tensors, tmp_path / "diffusion_pytorch_model.safetensors")
    (tmp_path / "config.json").write_bytes(data["config.json"])
    store.delete_tree(checkpoint_key(BEST, 2, 1, "unet"))
    store.put_tree(checkpoint_key(BEST, 2, 1, "unet"), tmp_path)
    said = export(BEST, "--to", tmp_path / "x.safetensors").refused()
    assert said == "unet: conv_out.bias holds values that torch.float16 cannot; export with --dtype fp32"
    store.delete_tree(checkpoint_key(BEST, 2, 1, "unet"))
    restored = tmp_path / "restored"
    restored.mkdir()
    for name, content in data.items():
        if name != "manifest.json":
            (restored / name).write_bytes(content)
    store.put_tree(checkpoint_key(BEST, 2, 1, "unet"), restored)


def test_safetensors_reads_what_we_write(export, tmp_path):
    """Our writer against the format's own reader: every tensor at its place."""
    assert export(BEST, "--to", tmp_path / "x.safetensors", "--dtype", "bf16").exit_code == 0
    with safe_open(tmp_path / "x.safetensors", framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    save_file(tensors, tmp_path / "again.safetensors", metadata=read_header(tmp_path / "x.safetensors").metadata)
    again = load_file(tmp_path / "again.safetensors")
    assert all(torch.equal(again[name], tensor) for name, tensor in tensors.items())
    assert (tmp_path / "x.safetensors").stat().st_size == pytest.approx(
        (tmp_path / "again.safetensors").stat().st_size, abs=64
    )
