"""LoRA files as others write them, against the formula and against what diffusers and peft make of them."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import save_file

from pixelpipe.errors import WeightsError
from pixelpipe.models.lora import (
    DIFFUSERS_FILE,
    PEFT_FILE,
    Lora,
    LoraLayer,
    diffusers_tensors,
    find_lora,
    kohya_tensors,
    merge_lora,
    read_lora,
)
from pixelpipe.models.save import write_folder

Parts = dict[str, torch.nn.Module]
Tensors = dict[str, torch.Tensor]

TO_Q = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
TO_OUT = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_out.0"
FF = "mid_block.attentions.0.transformer_blocks.0.ff.net.0.proj"
PROJ_IN = "mid_block.attentions.0.proj_in"  # a convolution of one pixel
CONV = "down_blocks.0.resnets.0.conv1"  # 3x3: what sd-scripts calls conv_dim
Q_PROJ = "encoder.layers.0.self_attn.q_proj"
FC1 = "encoder.layers.1.mlp.fc1"
MODULES = [*(("unet", name) for name in (TO_Q, TO_OUT, FF, PROJ_IN)), ("text_encoder", Q_PROJ), ("text_encoder", FC1)]


@pytest.fixture(scope="module")
def parts(base: Any) -> Parts:
    return {"unet": base.unet, "text_encoder": base.text_encoder}


def make_layers(parts: Parts, modules: list[tuple[str, str]], ranks: list[int], alphas: list[float]) -> list[LoraLayer]:
    """Random layers, as many as `modules`; ranks and alphas in turn."""
    generator = torch.Generator().manual_seed(5)
    layers = []
    for index, (part, module) in enumerate(modules):
        weight = parts[part].get_submodule(module).weight
        rank = ranks[index % len(ranks)]
        down = torch.randn((rank, *weight.shape[1:]), generator=generator) / 10
        up = torch.randn((weight.shape[0], rank, *[1] * (weight.ndim - 2)), generator=generator) / 10
        layers.append(LoraLayer(part, module, down, up, alphas[index % len(alphas)]))
    return layers


@pytest.fixture(scope="module")
def layers(parts: Parts) -> list[LoraLayer]:
    return make_layers(parts, [*MODULES, ("unet", CONV)], ranks=[2, 4, 3], alphas=[1.0, 4.0, 0.5, 16.0])


def write(folder: Path, tensors: Tensors, name: str = "lora.safetensors", **metadata: str) -> Path:
    path = folder / name
    save_file(
        {key: tensor.contiguous() for key, tensor in tensors.items()}, path, metadata={"format": "pt", **metadata}
    )
    return path


def merged(parts: Parts, lora: Lora, strength: float = 1.0) -> Parts:
    copies = copy.deepcopy(parts)
    merge_lora(lora, copies["unet"], copies["text_encoder"], strength)
    return copies


def read(path: Path, parts: Parts) -> Lora:
    return read_lora(path, parts["unet"], parts["text_encoder"])


def expected(parts: Parts, layers: list[LoraLayer], strength: float = 1.0) -> dict[str, Tensors]:
    """base + alpha / rank * up @ down, in double precision, every other tensor untouched."""
    result = {
        part: {name: tensor.clone() for name, tensor in model.state_dict().items()} for part, model in parts.items()
    }
    for layer in layers:
        up, down = layer.up.double().flatten(1), layer.down.double().flatten(1)
        weight = result[layer.part][f"{layer.module}.weight"]
        delta = torch.einsum("or,ri->oi", up, down).reshape(weight.shape)
        result[layer.part][f"{layer.module}.weight"] = (
            weight.double() + strength * layer.alpha / layer.down.shape[0] * delta
        )
    return result


def assert_close(found: Parts, wanted: dict[str, Tensors], tolerance: float = 1e-6) -> None:
    for part, model in found.items():
        for name, tensor in model.state_dict().items():
            torch.testing.assert_close(tensor.double(), wanted[part][name].double(), atol=tolerance, rtol=0, msg=name)


@pytest.mark.parametrize("strength", [1.0, 0.25, -1.0])
def test_kohya_with_its_own_rank_and_alpha_a_layer(parts, layers, tmp_path, strength):
    lora = read(write(tmp_path, kohya_tensors(layers, torch.float32)), parts)
    assert [(layer.rank, layer.alpha) for layer in lora.layers] != [(2, 1.0)] * len(layers)
    assert_close(merged(parts, lora, strength), expected(parts, layers, strength))


def test_kohyas_names(parts, layers, tmp_path):
    """As sd-scripts writes them for SD1.x."""
    names = set(kohya_tensors(layers, torch.float32))
    assert names >= {
        "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q.lora_down.weight",
        "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_out_0.lora_up.weight",
        "lora_unet_mid_block_attentions_0_transformer_blocks_0_ff_net_0_proj.alpha",
        "lora_unet_mid_block_attentions_0_proj_in.lora_down.weight",
        "lora_te_text_model_encoder_layers_0_self_attn_q_proj.lora_up.weight",
        "lora_te_text_model_encoder_layers_1_mlp_fc1.alpha",
    }
    assert len(names) == 3 * len(layers)


def test_diffusers_layout_needs_no_alphas(parts, layers, tmp_path):
    lora = read(write(tmp_path, diffusers_tensors(layers, torch.float32)), parts)
    assert all(layer.alpha == layer.rank for layer in lora.layers)
    assert_close(merged(parts, lora), expected(parts, layers))


def test_diffusers_and_peft_make_the_same_of_both_layouts(parts, base, tmp_path):
    """Bit for bit, with the layers that sd-scripts trains and one alpha for all.

    Of alphas that differ between layers, or of a few layers only, diffusers 0.42 loses some: it cannot be the judge.
    """
    trained = {"unet": (".attn", ".ff.", ".proj_"), "text_encoder": (".self_attn.", ".mlp.")}
    modules = [
        (part, name)
        for part, model in parts.items()
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear | torch.nn.Conv2d) and any(mark in name for mark in trained[part])
    ]
    layers = make_layers(parts, modules, ranks=[4], alphas=[2.0])
    write_folder(base, base.unet, tmp_path / "model", torch.float32)
    for layout, tensors in (("kohya", kohya_tensors), ("diffusers", diffusers_tensors)):
        path = write(tmp_path, tensors(layers, torch.float32), f"{layout}.safetensors")
        ours = merged(parts, read(path, parts))
        pipeline = StableDiffusionPipeline.from_pretrained(tmp_path / "model", local_files_only=True)
        pipeline.load_lora_weights(tmp_path, weight_name=path.name, local_files_only=True)
        pipeline.fuse_lora()
        pipeline.unload_lora_weights()
        for part in parts:
            theirs = getattr(pipeline, part).state_dict()
            assert all(torch.equal(theirs[name], tensor) for name, tensor in ours[part].state_dict().items()), layout


def rename(tensors: Tensors, *pairs: tuple[str, str]) -> Tensors:
    renamed = {}
    for name, tensor in tensors.items():
        for old, new in pairs:
            name = name.replace(old, new)
        renamed[name] = tensor
    return renamed


OLD_DIFFUSERS = [  # 2023: attention processors, and the text encoder's projections called to_q, ...
    (".lora_A.weight", ".lora.down.weight"),
    (".lora_B.weight", ".lora.up.weight"),
    (".attn1.to_q.lora.", ".attn1.processor.to_q_lora."),
    (".attn2.to_out.0.lora.", ".attn2.processor.to_out_lora."),
    (".self_attn.q_proj.lora.", ".self_attn.to_q_lora."),
    (".mlp.fc1.lora.", ".mlp.fc1.lora_linear_layer."),
]


@pytest.mark.parametrize(
    "pairs",
    [
        OLD_DIFFUSERS,
        [("text_encoder.text_model.", "text_encoder.")],
        [(".lora_A.", ".lora_A.default."), (".lora_B.", ".lora_B.default.")],
    ],
    ids=["old diffusers", "without text_model", "with peft's adapter name"],
)  # fmt: skip
def test_other_names_of_the_same_layers(parts, layers, tmp_path, pairs):
    tensors = diffusers_tensors(layers, torch.float32)
    renamed = rename(tensors, *pairs)
    assert set(renamed) != set(tensors)
    assert_close(merged(parts, read(write(tmp_path, renamed), parts)), expected(parts, layers))


def peft_config(alpha: float, **more: Any) -> dict[str, Any]:
    return {"peft_type": "LORA", "r": 4, "lora_alpha": alpha, **more}


def unscaled(layers: list[LoraLayer], prefix: str) -> Tensors:
    tensors: Tensors = {}
    for layer in layers:
        tensors[f"{prefix}{layer.module}.lora_A.weight"] = layer.down
        tensors[f"{prefix}{layer.module}.lora_B.weight"] = layer.up
    return tensors


def test_alphas_in_diffusers_metadata(parts, tmp_path):
    layers = make_layers(parts, MODULES[:3], ranks=[4], alphas=[2.0, 2.0, 12.0])
    metadata = {f"unet.{key}": value for key, value in peft_config(2.0, alpha_pattern={FF: 12.0}).items()}
    path = write(tmp_path, unscaled(layers, "unet."), lora_adapter_metadata=json.dumps(metadata))
    assert_close(merged(parts, read(path, parts)), expected(parts, layers))


def test_a_folder_of_peft(parts, tmp_path):
    layers = make_layers(parts, MODULES[:4], ranks=[4], alphas=[8.0])
    write(tmp_path, unscaled(layers, "base_model.model."), PEFT_FILE)
    (tmp_path / "adapter_config.json").write_text(json.dumps(peft_config(8.0)))
    assert_close(merged(parts, read(tmp_path, parts)), expected(parts, layers))
    (tmp_path / "adapter_config.json").write_text(json.dumps(peft_config(4.0, use_rslora=True)))  # 4 / sqrt(4) = 8 / 4
    assert_close(merged(parts, read(tmp_path, parts)), expected(parts, layers))


def test_a_folder_of_diffusers(parts, layers, tmp_path):
    path = write(tmp_path, diffusers_tensors(layers, torch.float32), DIFFUSERS_FILE)
    assert find_lora(tmp_path) == path


def test_what_the_trainer_wrote_comes_along(parts, layers, tmp_path):
    path = write(tmp_path, kohya_tensors(layers, torch.float32), ss_network_dim="4")
    assert read(path, parts).metadata["ss_network_dim"] == "4"


def test_alpha_zero_and_no_alpha_mean_the_rank(parts, layers, tmp_path):
    """As in sd-scripts."""
    tensors = kohya_tensors(layers, torch.float32)
    for name in [name for name in tensors if name.endswith(".alpha")]:
        tensors[name] = torch.tensor(0.0)
    assert all(layer.alpha == layer.rank for layer in read(write(tmp_path, tensors), parts).layers)
    tensors = {name: tensor for name, tensor in tensors.items() if not name.endswith(".alpha")}
    assert all(layer.alpha == layer.rank for layer in read(write(tmp_path, tensors), parts).layers)


def one(name: str, *shape: int) -> Tensors:
    return {name: torch.zeros(shape)}


KOHYA = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"
REFUSED: dict[str, tuple[Tensors, str]] = {
    "SDXL by its second text encoder": (
        one("lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_down.weight", 4, 1280),
        "must be a LoRA for Stable Diffusion 1.5 but is one for SDXL",
    ),
    "SDXL by its blocks": (
        one("lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_k.lora_down.weight", 4, 640),
        "must be a LoRA for Stable Diffusion 1.5 but is one for SDXL",
    ),
    "SDXL by the width of its text": (
        one("unet.down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.lora_A.weight", 4, 2048),
        "must be a LoRA for Stable Diffusion 1.5 but is one for SDXL",
    ),
    "SD 2 by the width of its text": (
        one(f"{KOHYA}.lora_down.weight", 4, 1024),
        "must be a LoRA for Stable Diffusion 1.5 but is one for Stable Diffusion 2.x",
    ),
    "Flux": (
        one("lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight", 4, 3072),
        "must be a LoRA for Stable Diffusion 1.5 but is one for Flux",
    ),
    "LoHa": (one(f"{KOHYA}.hada_w1_a", 4, 4), "must be a plain LoRA but is LoHa, which pixelpipe cannot merge"),
    "LoKr": (one(f"{KOHYA}.lokr_w1", 4, 4), "must be a plain LoRA but is LoKr, which pixelpipe cannot merge"),
    "DoRA": (one(f"{KOHYA}.dora_scale", 4, 1), "must be a plain LoRA but is DoRA, which pixelpipe cannot merge"),
    "Tucker": (
        one(f"{KOHYA}.lora_mid.weight", 4, 4, 3, 3),
        "must be a plain LoRA but is LoCon with a Tucker decomposition, which pixelpipe cannot merge",
    ),
    "a base": (one("model.diffusion_model.out.2.bias", 4), "must be a LoRA but has no up and down weights"),
    "half of it": (
        one(f"{KOHYA}.lora_down.weight", 4, 64),
        "unet down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k has no up weight: the file is damaged",
    ),
    "SD 1.5's size on the tiny base": (
        one(f"{KOHYA}.lora_down.weight", 4, 768) | one(f"{KOHYA}.lora_up.weight", 640, 4),
        "unet down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k must be for a weight of [64, 64] "
        "but is down [4, 768] and up [640, 4]: it was made for another base",
    ),
    "unknown layers": (
        one("lora_unet_elsewhere.lora_down.weight", 4, 4) | one("lora_unet_elsewhere.lora_up.weight", 4, 4),
        "has 1 layers or tensors that the base has no place for, such as lora_unet_elsewhere",
    ),
    "unknown tensors": (
        one(f"{KOHYA}.lora_down.weight", 4, 64) | one("bundle_emb", 4),
        "has 1 layers or tensors that the base has no place for, such as bundle_emb",
    ),
    "NaN": (
        {f"{KOHYA}.lora_down.weight": torch.full((4, 64), torch.nan), f"{KOHYA}.lora_up.weight": torch.zeros(64, 4)},
        f"{KOHYA}.lora_down.weight holds 256 values that are NaN or infinite: the file is damaged",
    ),
}


@pytest.mark.parametrize(("tensors", "message"), REFUSED.values(), ids=list(REFUSED))
def test_refused(parts, tmp_path, tensors, message):
    path = write(tmp_path, tensors)
    with pytest.raises(WeightsError) as error:
        read(path, parts)
    assert str(error.value) == f"{path}: {message}"


def test_refused_before_any_model_is_there(tmp_path):
    with pytest.raises(WeightsError, match=r"must hold pytorch_lora_weights.safetensors or adapter_model.safetensors"):
        find_lora(tmp_path)
    (tmp_path / "x.pt").touch()
    with pytest.raises(WeightsError, match="is a pickle"):
        find_lora(tmp_path / "x.pt")
    path = write(tmp_path, kohya_tensors([], torch.float32) | one("a.lora_down.weight", 2, 2))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(WeightsError, match="is cut off"):
        find_lora(path)


def test_metadata_that_is_no_json(parts, layers, tmp_path):
    path = write(tmp_path, diffusers_tensors(layers, torch.float32), lora_adapter_metadata="{")
    with pytest.raises(WeightsError, match="its lora_adapter_metadata must be JSON fields"):
        read(path, parts)
