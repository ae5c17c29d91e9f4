"""A model as others read it: a folder in diffusers' layout, or a single file in CompVis' (A1111, ComfyUI)."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DConditionModel

from pixelpipe.errors import WeightsError
from pixelpipe.models.layout import LAYOUT, SD15
from pixelpipe.models.load import PARTS_KEY, BaseModel, configurations
from pixelpipe.models.original_layout import POSITION_IDS, is_vae_projection, original_names
from pixelpipe.models.tensors import is_finite
from pixelpipe.models.write import write_safetensors

MODEL_PARTS = ("unet", "vae", "text_encoder")
_TOKENIZER_FILES = ("vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json")


def write_folder(base: BaseModel, unet: UNet2DConditionModel, folder: Path, dtype: torch.dtype) -> None:
    """Write `unet` with the base's other parts as a StableDiffusionPipeline, complete and loadable offline.

    The text encoder's tensors have the published names (`text_model.` in front), which every version of transformers
    reads; transformers 5.6 and later write shorter ones.
    """
    for part, model in models_of(base, unet).items():
        (folder / part).mkdir(parents=True)
        prefix = "text_model." if part == "text_encoder" else ""
        tensors = {prefix + name: tensor for name, tensor in cast(model.state_dict(), dtype, part).items()}
        write_safetensors(folder / part / LAYOUT[part][-1], tensors, {"format": "pt"})
        _write_json(folder / part / "config.json", part_config(part, model, dtype))
    with configurations(base.folder) as source:
        _copy(source / "tokenizer", folder / "tokenizer", _TOKENIZER_FILES)
        _copy(source / "scheduler", folder / "scheduler", ("scheduler_config.json",))
    shutil.copyfile(SD15 / "model_index.json", folder / "model_index.json")


def single_file_tensors(models: Mapping[str, Any], dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """unet, vae and text_encoder -> every tensor under its name in the single file, the position ids included."""
    tensors: dict[str, torch.Tensor] = {}
    for part, model in models.items():
        state = cast(model.state_dict(), dtype, part)
        names = original_names(part, state, {} if part == "text_encoder" else model.config)
        for name, tensor in state.items():
            projection = part == "vae" and is_vae_projection(name)
            tensors[names[name]] = tensor[:, :, None, None] if projection else tensor
        if part == "text_encoder":
            tensors[POSITION_IDS] = torch.arange(model.config.max_position_embeddings)[None]
    return tensors


def models_of(base: BaseModel, unet: UNet2DConditionModel) -> dict[str, Any]:
    return {"unet": unet, "vae": base.vae, "text_encoder": base.text_encoder}


def other_parts(base: BaseModel, unet: UNet2DConditionModel) -> dict[str, str]:
    """Metadata with every configuration and the vocabulary, where they are not SD1.5's own: the tiny base's.

    `pixelpipe.models.load` takes them from there; other programs know SD1.5 itself only.
    """
    with configurations(base.folder) as source:
        texts = {
            f"{part}/{file}": (source / part / file).read_text(encoding="utf-8")
            for part, files in LAYOUT.items()
            for file in (*files, "tokenizer_config.json")
            if not file.endswith(".safetensors") and (source / part / file).is_file()
        }
    for part, model in models_of(base, unet).items():
        texts[f"{part}/config.json"] = json.dumps(part_config(part, model, torch.float32))
    return {} if _is_sd15(base, texts) else {PARTS_KEY: json.dumps(texts)}


def cast(tensors: Mapping[str, torch.Tensor], dtype: torch.dtype, where: str) -> dict[str, torch.Tensor]:
    """Tensors in another type; `WeightsError` for values that it cannot hold (beyond 65,504 in fp16)."""
    result = {name: tensor.detach().to(dtype) for name, tensor in tensors.items()}
    for name, tensor in result.items():
        if not is_finite(tensor):
            raise WeightsError(f"{where}: {name} holds values that {dtype} cannot; export with --dtype fp32")
    return result


def part_config(part: str, model: Any, dtype: torch.dtype) -> dict[str, Any]:
    """A part's configuration as it is published, without the place that it was loaded from."""
    if part != "text_encoder":
        config = {"_class_name": type(model).__name__, **model.config}
        return {name: value for name, value in config.items() if name not in ("_name_or_path", "_use_default_values")}
    config = {**model.config.to_dict(), "architectures": ["CLIPTextModel"], "dtype": str(dtype).removeprefix("torch.")}
    return {name: value for name, value in config.items() if name not in ("_name_or_path", "transformers_version")}


def _is_sd15(base: BaseModel, texts: Mapping[str, str]) -> bool:
    """Whether SD1.5's shipped configurations say the same, as far as they speak."""
    for part in (*MODEL_PARTS, "scheduler"):
        file = LAYOUT[part][0]
        published = json.loads((SD15 / part / file).read_text(encoding="utf-8"))
        own = json.loads(texts[f"{part}/{file}"])
        ignored = {"_class_name", "_diffusers_version", "sample_size", "eos_token_id", "bos_token_id", "pad_token_id"}
        if any(own.get(name, value) != value for name, value in published.items() if name not in ignored):
            return False
    return len(base.tokenizer) == 49_408


def _copy(source: Path, target: Path, names: tuple[str, ...]) -> None:
    target.mkdir(parents=True)
    for name in names:
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)


def _write_json(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n", encoding="utf-8")
