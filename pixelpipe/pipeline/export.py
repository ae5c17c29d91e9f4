"""A checkpoint of the store as other programs read it: diffusers, A1111, ComfyUI, sd-scripts."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import torch

from pixelpipe.elsewhere import is_elsewhere
from pixelpipe.errors import BadInputError
from pixelpipe.keys import CheckpointPart
from pixelpipe.models.layout import hash_base, resolve_base
from pixelpipe.models.load import BaseModel, empty_models, load_base, load_unet
from pixelpipe.models.lora import DIFFUSERS_FILE, Lora, diffusers_tensors, kohya_tensors, merge_lora, read_lora
from pixelpipe.models.save import cast, models_of, other_parts, single_file_tensors, write_folder
from pixelpipe.models.write import refuse_existing, staged, write_safetensors
from pixelpipe.pipeline.baseline import stored_config
from pixelpipe.pipeline.export_metadata import model_spec, training_metadata
from pixelpipe.results.reader import latest_status, read_table
from pixelpipe.results.writer import committed_epochs
from pixelpipe.store import Store
from pixelpipe.training.checkpoint import CheckpointStore, kept_weights

Form = Literal["diffusers", "single-file", "kohya", "lora"]
FORMS: tuple[Form, ...] = get_args(Form)
FILES = ("single-file", "kohya")  # the others are folders
ADAPTERS = ("kohya", "lora")
PICKLED = (".ckpt", ".pt", ".pth", ".bin", ".pkl")  # endings of files that are not written
DTYPES = {"fp16": torch.float16, "fp32": torch.float32, "bf16": torch.bfloat16}
CARD = "README.md"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is exported."""

    experiment_id: str
    epoch: int
    part: CheckpointPart  # unet, or lora
    status: dict[str, Any]  # the latest row of `experiments`

    @property
    def name(self) -> str:
        return f"{self.experiment_id}@{self.epoch}"


def find_checkpoint(store: Store, experiment_id: str, epoch: int | None) -> Checkpoint:
    """A checkpoint whose weights are kept; default: of the last epoch that has any.

    `BadInputError` for an epoch that is not there, naming those that are.
    """
    status = latest_status(store, experiment_id)
    assert status is not None, "the command line looked it up"
    if is_elsewhere(json.loads(status["config_json"])):
        raise BadInputError(
            f"EXPERIMENT {experiment_id}: was evaluated here, not trained: its weights are where they came from"
        )
    weights = kept_weights(store, experiment_id)
    kept = {number: weights[number][1] for number in committed_epochs(store, experiment_id) if number in weights}
    if not kept:
        raise BadInputError(f"EXPERIMENT {experiment_id}: must have a checkpoint but {store.url} keeps none of it")
    chosen = max(kept) if epoch is None else epoch
    if chosen not in kept:
        known = ", ".join(map(str, sorted(kept)))
        raise BadInputError(f"EXPERIMENT {experiment_id}@{chosen}: must be an epoch whose weights are kept: {known}")
    return Checkpoint(experiment_id, chosen, kept[chosen], status)


def choose_form(checkpoint: Checkpoint, target: Path, form: Form | None) -> Form:
    """As asked for, or what suits the checkpoint and the target's name; `BadInputError` where they do not fit."""
    is_file = target.suffix.lower() == ".safetensors"
    if target.suffix.lower() in PICKLED:
        raise BadInputError(f"--to {target}: must end in .safetensors, or be a folder's name: no pickle is written")
    if form is None:
        if checkpoint.part == "lora":
            return "kohya" if is_file else "lora"
        return "single-file" if is_file else "diffusers"
    if form in ADAPTERS and checkpoint.part != "lora":
        raise BadInputError(f"--as {form}: must be diffusers or single-file, since {checkpoint.name} is no LoRA")
    if (form in FILES) != is_file:
        wanted = "end in .safetensors" if form in FILES else "be a folder's name"
        raise BadInputError(f"--to {target}: must {wanted} with --as {form}")
    return form


def export_checkpoint(
    store: Store, checkpoint: Checkpoint, target: Path, form: Form, dtype: torch.dtype, card: str, overwrite: bool
) -> list[Path]:
    """Write the checkpoint and its card; returns the paths. All of it appears at once, or nothing does.

    Raises `BadInputError` if the target exists, and `WeightsError` if the base is not the one trained on.
    """
    beside = target.with_suffix(".md") if form in FILES else None
    refuse_existing(target, overwrite)
    if beside is not None:
        refuse_existing(beside, overwrite)
    config = stored_config(store, checkpoint.experiment_id).resolved()
    metadata = _metadata(store, checkpoint, config)
    if form in ADAPTERS:
        write = _adapter_writer(store, checkpoint, config, form, dtype, metadata)
    else:
        write = _model_writer(store, checkpoint, config, form, dtype, metadata)
    with staged(target, overwrite) as place:
        if beside is None:
            place.mkdir()
            (place / CARD).write_text(card, encoding="utf-8")
        write(place)
    if beside is None:
        return [target]
    with staged(beside, overwrite) as place:
        place.write_text(card, encoding="utf-8")
    return [target, beside]


def _adapter_writer(
    store: Store, checkpoint: Checkpoint, config: dict[str, Any], form: Form, dtype: torch.dtype, metadata: "_Metadata"
) -> Any:
    unet, text_encoder = empty_models(resolve_base(config["model"]["base"]))
    lora = _stored_lora(store, checkpoint, unet, text_encoder)
    tensors = (kohya_tensors if form == "kohya" else diffusers_tensors)(lora.layers, torch.float32)
    tensors = cast(tensors, dtype, checkpoint.name)
    header = metadata.of(tensors, lora=True)
    return lambda place: write_safetensors(place if form == "kohya" else place / DIFFUSERS_FILE, tensors, header)


def _model_writer(
    store: Store, checkpoint: Checkpoint, config: dict[str, Any], form: Form, dtype: torch.dtype, metadata: "_Metadata"
) -> Any:
    base = _trained_model(store, checkpoint, config)
    if form == "diffusers":
        return lambda place: write_folder(base, base.unet, place, dtype)
    tensors = single_file_tensors(models_of(base, base.unet), dtype)
    header = other_parts(base, base.unet) | metadata.of(tensors, lora=False)
    return lambda place: write_safetensors(place, tensors, header)


def _trained_model(store: Store, checkpoint: Checkpoint, config: dict[str, Any]) -> BaseModel:
    """The base with the checkpoint's UNet, a LoRA merged into it."""
    path = resolve_base(config["model"]["base"])
    found, trained_on = hash_base(path), checkpoint.status["base_hash"]
    if found != trained_on:
        raise BadInputError(
            f"`model.base` {config['model']['base']}: must be the base that {checkpoint.experiment_id} was trained on "
            f"(hash {trained_on[:12]}…) but has changed since ({found[:12]}…)"
        )
    base = load_base(path)
    if checkpoint.part == "unet":
        with CheckpointStore(store, checkpoint.experiment_id).fetched(checkpoint.epoch) as folder:
            return replace(base, unet=load_unet(folder))
    merge_lora(_stored_lora(store, checkpoint, base.unet, base.text_encoder), base.unet, base.text_encoder)
    return base


def _stored_lora(store: Store, checkpoint: Checkpoint, unet: torch.nn.Module, text_encoder: torch.nn.Module) -> Lora:
    with CheckpointStore(store, checkpoint.experiment_id).fetched(checkpoint.epoch) as folder:
        return read_lora(folder, unet, text_encoder)


@dataclass(frozen=True, slots=True)
class _Metadata:
    """Everything that the header says, but for what depends on the tensors."""

    training: dict[str, str]
    title: str
    description: str
    made_at: Any
    resolution: int

    def of(self, tensors: dict[str, torch.Tensor], lora: bool) -> dict[str, str]:
        spec = model_spec(
            tensors,
            title=self.title,
            description=self.description,
            made_at=self.made_at,
            resolution=self.resolution,
            lora=lora,
        )
        return {"format": "pt", **self.training, **spec}


def _metadata(store: Store, checkpoint: Checkpoint, config: dict[str, Any]) -> _Metadata:
    rows = read_table(store, "epochs", checkpoint.experiment_id).to_pylist()
    [epoch] = [row for row in rows if row["epoch"] == checkpoint.epoch]
    captions = read_table(store, "captions", checkpoint.experiment_id, columns=["caption", "split"]).to_pylist()
    return _Metadata(
        training=training_metadata(config, epoch, checkpoint.status, captions),
        title=checkpoint.name,
        description=f"{checkpoint.status['status']}: {checkpoint.status['message'] or 'no verdict yet'}",
        made_at=epoch["committed_at"],
        resolution=config["training"]["resolution"],
    )
