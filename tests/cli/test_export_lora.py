"""An exported LoRA as others read it, and merged into its base."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline, UNet2DConditionModel

from pixelpipe.config import ModelConfig
from pixelpipe.models.header import read_header
from pixelpipe.models.layout import TINY, resolve_base
from pixelpipe.models.load import load_base
from pixelpipe.models.lora import read_lora
from pixelpipe.sampling.evaluation import ImagePlan
from pixelpipe.sampling.sampler import Sampler
from pixelpipe.store import Store
from pixelpipe.training.lora import adapter_config, add_adapter, write_adapter

STYLE = "style-9a9a9a9a"
RANK, ALPHA = 4, 6.0
TO_Q = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"


@pytest.fixture(scope="module")
def trained(base: Any) -> UNet2DConditionModel:
    """The tiny base's UNet with an adapter that does something, as training leaves it."""
    unet = copy.deepcopy(base.unet)
    add_adapter(unet, ModelConfig(method="lora", rank=RANK, alpha=ALPHA), seed=3)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for name, weight in unet.named_parameters():
            if "lora_" in name:
                weight.copy_(0.1 * torch.randn(weight.shape, generator=generator))
    return unet


@pytest.fixture(scope="module")
def store(
    tmp_path_factory: pytest.TempPathFactory, base: Any, trained: Any, put_experiment: Callable[..., None]
) -> Store:
    store = Store.open(tmp_path_factory.mktemp("lora exports") / "store")
    folder = tmp_path_factory.mktemp("adapter")
    adapter = {name: weight.detach() for name, weight in trained.named_parameters() if "lora_" in name}
    write_adapter(folder, adapter, adapter_config(trained))
    config = {"model": {"method": "lora", "rank": RANK, "alpha": ALPHA}}
    put_experiment(store, STYLE, "promoted", base.base_hash, config, {"lora": folder})
    return store


@pytest.fixture
def export(cli: Any, store: Store) -> Callable[..., Any]:
    return lambda *arguments: cli("export", *arguments, "--store", store.url)


@pytest.fixture(scope="module")
def merged(base: Any, trained: UNet2DConditionModel) -> dict[str, torch.Tensor]:
    """What peft itself merges."""
    unet = copy.deepcopy(trained)
    unet.fuse_lora()
    unet.unload_lora()
    return unet.state_dict()


def pipeline_with(folder: Path, name: str) -> StableDiffusionPipeline:
    pipeline = StableDiffusionPipeline.from_pretrained(TINY, local_files_only=True, dtype=torch.float32)
    pipeline.load_lora_weights(folder, weight_name=name, local_files_only=True)
    pipeline.fuse_lora()
    pipeline.unload_lora_weights()
    return pipeline


def assert_close(state: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> None:
    assert state.keys() == wanted.keys()
    for name, tensor in wanted.items():
        torch.testing.assert_close(state[name], tensor, atol=1e-6, rtol=0, msg=name)


def test_kohyas_layout(export, base, merged, tmp_path):
    assert export(STYLE, "--to", tmp_path / "style.safetensors", "--dtype", "fp32").exit_code == 0
    header = read_header(tmp_path / "style.safetensors")
    flat = f"lora_unet_{TO_Q.replace('.', '_')}"
    assert {name.partition(".")[2] for name in header.tensors} == {"lora_down.weight", "lora_up.weight", "alpha"}
    assert header.tensors[f"{flat}.lora_down.weight"].shape[0] == RANK
    assert header.tensors[f"{flat}.alpha"].shape == ()
    said = header.metadata
    assert (said["ss_network_module"], said["ss_network_dim"], said["ss_network_alpha"]) == (
        "networks.lora",
        "4",
        "6.0",
    )
    assert said["modelspec.architecture"] == "stable-diffusion-v1/lora"
    assert said["modelspec.hash_sha256"] == f"0x{said['sshs_model_hash']}"
    lora = read_lora(tmp_path / "style.safetensors", base.unet, base.text_encoder)
    assert {(layer.rank, layer.alpha) for layer in lora.layers} == {(RANK, ALPHA)}
    assert_close(pipeline_with(tmp_path, "style.safetensors").unet.state_dict(), merged)


def test_diffusers_layout(export, merged, tmp_path):
    assert export(STYLE, "--to", tmp_path / "style", "--dtype", "fp32").exit_code == 0
    assert {path.name for path in (tmp_path / "style").iterdir()} == {"README.md", "pytorch_lora_weights.safetensors"}
    assert_close(pipeline_with(tmp_path / "style", "pytorch_lora_weights.safetensors").unet.state_dict(), merged)


@pytest.mark.parametrize(("name", "form"), [("whole", "diffusers"), ("whole.safetensors", "single-file")])
def test_merged_into_its_base(export, base, trained, merged, tmp_path, name, form):
    assert export(STYLE, "--to", tmp_path / name, "--as", form, "--dtype", "fp32").exit_code == 0
    loaded = load_base(resolve_base(str(tmp_path / name)))
    assert_close(loaded.unet.state_dict(), merged)
    images = []
    for model, parts in ((loaded.unet, loaded), (trained, base), (base.unet, base)):
        sampler = Sampler(parts, resolution=64, num_inference_steps=3, guidance_scale=2.0, batch_size=1)
        [(_, image)] = sampler.sample(model, [ImagePlan("p000", "red hair", 7)])
        images.append(image.astype(int))
    assert np.abs(images[0] - images[1]).max() <= 1  # of 255: added to the weights, or to their outputs
    assert np.abs(images[0] - images[2]).max() > 10


def test_fp16_is_the_default_and_half_the_size(export, tmp_path):
    assert export(STYLE, "--to", tmp_path / "style.safetensors").exit_code == 0
    assert {info.dtype for info in read_header(tmp_path / "style.safetensors").tensors.values()} == {"F16"}


def test_the_cards_say_how_each_is_used(export, tmp_path):
    assert export(STYLE, "--to", tmp_path / "style.safetensors").exit_code == 0
    card = (tmp_path / "style.md").read_text()
    assert "`<lora:style:1>`" in card or "<lora:style:1>" in card
    assert "a LoRA of the UNet (rank 4, alpha 6)" in card
    assert export(STYLE, "--to", tmp_path / "style").exit_code == 0
    assert 'pipeline.load_lora_weights("style")' in (tmp_path / "style/README.md").read_text()
    assert export(STYLE, "--to", tmp_path / "whole", "--as", "diffusers").exit_code == 0
    assert "alpha 6), merged into the weights here" in (tmp_path / "whole/README.md").read_text()
