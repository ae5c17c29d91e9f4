"""Bases in every layout that others write them in, and every way in which one is spoiled."""

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import load_file, save_file

from pixelpipe.errors import BaseModelError
from pixelpipe.models.layout import TINY, hash_base, resolve_base
from pixelpipe.models.load import BaseModel, load_base, load_unet

PARTS = ("unet", "vae", "text_encoder")
UNET = "unet/diffusion_pytorch_model.safetensors"
VAE = "vae/diffusion_pytorch_model.safetensors"
TEXT = "text_encoder/model.safetensors"


def replace(path: Path, content: bytes | str) -> None:
    """Put a file in the place of a link."""
    path.unlink()
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def edit_json(path: Path, **values: Any) -> None:
    replace(path, json.dumps(json.loads(path.read_text()) | values))


def edit_tensors(path: Path, change: Callable[[dict[str, torch.Tensor]], Any], to: Path | None = None) -> Path:
    """Rewrite a safetensors file, to `to` if given, after `change` did something to its tensors."""
    tensors = load_file(path)
    change(tensors)
    target = to or path
    target.unlink(missing_ok=True)
    save_file(tensors, target, metadata=None)
    return target


def same(one: Any, other: Any) -> bool:
    for part in PARTS:
        left, right = getattr(one, part).state_dict(), getattr(other, part).state_dict()
        if list(left) != list(right) or not all(torch.equal(left[name], right[name]) for name in left):
            return False
    return True


def loaded(base: Path) -> BaseModel:
    return load_base(resolve_base(str(base)))


def refused(base: Path) -> str:
    """The one line, from whichever of finding and loading a base says it."""
    with pytest.raises(BaseModelError) as error:
        loaded(base)
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith(f"`model.base` {base}: ")
    return message.removeprefix(f"`model.base` {base}: ")


def test_a_folder_is_what_diffusers_makes_of_it(base):
    pipeline = StableDiffusionPipeline.from_pretrained(TINY, local_files_only=True, dtype=torch.float32)
    assert same(base, pipeline)
    ids = torch.tensor([base.tokenizer("red hair", padding="max_length").input_ids])
    assert torch.equal(base.text_encoder(ids)[0], pipeline.text_encoder(ids)[0])
    assert not any(getattr(base, part).training for part in PARTS)
    assert {parameter.dtype for part in PARTS for parameter in getattr(base, part).parameters()} == {torch.float32}
    frozen = [any(weight.requires_grad for weight in getattr(base, part).parameters()) for part in PARTS]
    assert frozen == [True, False, False]


def test_an_fp16_variant(folder, base):
    for file in (UNET, VAE, TEXT):
        path = folder / file
        path.rename(path.with_name(path.name.replace(".safetensors", ".fp16.safetensors")))
    assert same(loaded(folder), base)


def test_shards(folder, base):
    for part in PARTS:
        [path] = (folder / part).glob("*.safetensors")
        tensors = load_file(path)
        names, stem = sorted(tensors), path.stem
        halves = {f"{stem}-00001-of-00002.safetensors": names[::2], f"{stem}-00002-of-00002.safetensors": names[1::2]}
        for file, some in halves.items():
            save_file({name: tensors[name] for name in some}, path.with_name(file))
        index = {"metadata": {}, "weight_map": {name: file for file, some in halves.items() for name in some}}
        path.with_name(f"{path.name}.index.json").write_text(json.dumps(index))
        path.unlink()
    assert same(loaded(folder), base)
    before = hash_base(folder)
    edit_tensors(folder / "unet/diffusion_pytorch_model-00002-of-00002.safetensors", lambda t: t[max(t)].add_(1))
    assert hash_base(folder) != before
    (folder / "unet/diffusion_pytorch_model-00002-of-00002.safetensors").unlink()
    assert refused(folder) == (
        f"must hold unet/diffusion_pytorch_model-00002-of-00002.safetensors, a shard, but does not ({folder})"
    )


@pytest.mark.parametrize("name", ["../x.safetensors", "shard.bin"])
def test_an_index_names_files_beside_it_only(folder, name):
    (folder / UNET).unlink()
    (folder / f"{UNET}.index.json").write_text(json.dumps({"weight_map": {"a": name}}))
    assert "must name .safetensors files beside it but names" in refused(folder)


def test_names_of_sd15_as_published(folder, base):
    """Its VAE has the attention names of 2022, its text encoder `text_model.` and the position ids."""
    new = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}

    def old_vae(tensors: dict[str, torch.Tensor]) -> None:
        for name in [name for name in tensors if ".attentions." in name]:
            renamed = name
            for today, then in new.items():
                renamed = renamed.replace(f".{today}.", f".{then}.")
            tensors[renamed] = tensors.pop(name)
        assert any(".proj_attn." in name for name in tensors)

    def old_text_encoder(tensors: dict[str, torch.Tensor]) -> None:
        for name in list(tensors):
            tensors[f"text_model.{name.removeprefix('text_model.')}"] = tensors.pop(name)
        tensors["text_model.embeddings.position_ids"] = torch.arange(77)[None]

    edit_tensors(folder / VAE, old_vae)
    edit_tensors(folder / TEXT, old_text_encoder)
    assert same(loaded(folder), base)


def test_a_single_file(single_file, base):
    found = loaded(single_file)
    assert same(found, base)
    assert found.noise_scheduler_config == base.noise_scheduler_config
    assert found.tokenizer("red hair").input_ids == base.tokenizer("red hair").input_ids
    assert found.vae.config.scaling_factor == base.vae.config.scaling_factor
    assert found.base_hash == hash_base(single_file)


def test_what_a_single_file_has_beside_its_weights_is_ignored_in_silence(single_file, base, tmp_path, caplog):
    """Averages and schedules, which training left there, are not SD1.5's parts."""
    metadata = {"format": "pt"}
    from safetensors import safe_open

    with safe_open(single_file, framework="pt") as file:
        metadata |= file.metadata()
    extra = {"model_ema.decay": torch.zeros(()), "alphas_cumprod": torch.zeros(1000)}
    save_file(load_file(single_file) | extra, tmp_path / "x.safetensors", metadata=metadata)
    with caplog.at_level(logging.WARNING):
        assert same(loaded(tmp_path / "x.safetensors"), base)
    assert not caplog.records


def test_tensors_that_sd15_does_not_have_are_counted(folder, base, caplog):
    edit_tensors(folder / UNET, lambda tensors: tensors.update(extra_weight=torch.zeros(1)))
    with caplog.at_level(logging.WARNING):
        assert same(loaded(folder), base)
    assert "its unet: 1 tensor that SD1.5 does not have, such as extra_weight" in caplog.text


def pop_first(tensors: dict[str, torch.Tensor]) -> None:
    tensors.pop("conv_in.weight")


SPOILED: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut off": (
        lambda folder: replace(folder / UNET, (TINY / UNET).read_bytes()[:-1000]),
        "{folder}/" + UNET + ": is cut off: ",
    ),
    "half-downloaded": (
        lambda folder: (folder / VAE).rename(folder / f"{VAE}.incomplete"),
        f"must hold {VAE} but does not: a download of it did not end "
        "(diffusion_pytorch_model.safetensors.incomplete is there) ({folder})",
    ),
    "pickles only": (
        lambda folder: (folder / UNET).rename(folder / "unet/diffusion_pytorch_model.bin"),
        f"must hold {UNET} but does not ({{folder}})",
    ),
    "missing tensors": (
        lambda folder: edit_tensors(folder / UNET, pop_first),
        "its unet: 1 tensor of 326 missing, such as conv_in.weight",
    ),
    "wrong shape": (
        lambda folder: edit_tensors(folder / VAE, lambda t: t.update({"quant_conv.bias": torch.zeros(9)})),
        "its vae: quant_conv.bias must be of shape [8] but is [9]",
    ),
    "NaN": (
        lambda folder: edit_tensors(folder / TEXT, lambda t: t["final_layer_norm.weight"][:3].fill_(torch.nan)),
        "its text_encoder: final_layer_norm.weight holds 3 values that are NaN or infinite: the file is damaged",
    ),
    "SDXL": (
        lambda folder: edit_json(folder / "unet/config.json", addition_embed_type="text_time"),
        "must be Stable Diffusion 1.5 but is SDXL ({folder})",
    ),
    "SD2": (
        lambda folder: edit_json(folder / "unet/config.json", cross_attention_dim=1024),
        "must be Stable Diffusion 1.5 but is Stable Diffusion 2.x ({folder})",
    ),
    "configuration is no JSON": (
        lambda folder: replace(folder / "unet/config.json", "{"),
        "{folder}/unet/config.json: must be JSON but cannot be read: ",
    ),
    "configuration makes no sense": (
        lambda folder: edit_json(folder / "unet/config.json", up_block_types=["UpBlock2D"]),
        "cannot be loaded: ",
    ),
    "vocabulary is none": (lambda folder: replace(folder / "tokenizer/vocab.json", "[]"), "cannot be loaded: "),
}  # fmt: skip


@pytest.mark.parametrize(("spoil", "message"), SPOILED.values(), ids=list(SPOILED))
def test_spoiled_folders(folder, spoil, message):
    spoil(folder)
    assert refused(folder).startswith(message.replace("{folder}", str(folder)))


SPOILED_FILES: dict[str, tuple[Callable[[dict[str, torch.Tensor]], object], str]] = {
    "SDXL": (
        lambda tensors: tensors.update({"conditioner.embedders.1.model.ln_final.weight": torch.zeros(1280)}),
        "must be Stable Diffusion 1.5 but is SDXL",
    ),
    "inpainting": (
        lambda tensors: tensors.update({"model.diffusion_model.input_blocks.0.0.weight": torch.zeros(32, 9, 3, 3)}),
        "must be Stable Diffusion 1.5 but is an inpainting model",
    ),
    "of a size that nobody knows": (lambda _: None, "its vae: "),  # the metadata with the tiny sizes is gone
}


@pytest.mark.parametrize(("spoil", "message"), SPOILED_FILES.values(), ids=list(SPOILED_FILES))
def test_spoiled_single_files(single_file, tmp_path, spoil, message):
    assert refused(edit_tensors(single_file, spoil, tmp_path / "x.safetensors")).startswith(message)


@pytest.mark.parametrize("ending", [".ckpt", ".bin", ".pt"])
def test_a_pickle_is_refused_by_its_name_whatever_is_in_it(tmp_path, ending):
    path = tmp_path / f"model{ending}"
    path.write_bytes(b"x")
    assert "is a pickle" in refused(path)
    path.unlink()
    assert "is a pickle" in refused(path)


def test_a_pickle_under_another_name(tmp_path):
    path = tmp_path / "model.safetensors"
    torch.save({"a": torch.zeros(1)}, path)
    assert "is a pickle (.ckpt, .bin, .pt), which can run any code when it is opened" in refused(path)


def test_a_single_file_whose_download_did_not_end(tmp_path):
    assert refused(tmp_path / "model.safetensors") == "no such file"
    (tmp_path / "model.safetensors.part").touch()
    assert refused(tmp_path / "model.safetensors") == (
        "no such file: its download did not end (model.safetensors.part is there)"
    )


def test_metadata_cannot_write_anywhere(single_file, tmp_path):
    path = tmp_path / "x.safetensors"
    save_file(load_file(single_file), path, metadata={"pixelpipe.parts": json.dumps({"../../evil.json": "{}"})})
    assert refused(path) == "its metadata must hold configurations but has evil.json"


def test_the_hubs_cache_is_verified_by_the_names_of_its_blobs(tmp_path, folder):
    """A blob is named by its content's SHA-256."""
    blobs = tmp_path / "blobs"
    blobs.mkdir()
    blob = blobs / ("a" * 64)
    shutil.copyfile(TINY / UNET, blob)
    (folder / UNET).unlink()
    (folder / UNET).symlink_to(blob)
    with pytest.raises(BaseModelError, match=r"differs from what was downloaded .* delete .*/blobs/aaaa"):
        hash_base(folder)


def test_a_checkpoints_unet(folder, base):
    unet = load_unet(folder / "unet")
    assert all(torch.equal(unet.state_dict()[name], tensor) for name, tensor in base.unet.state_dict().items())
