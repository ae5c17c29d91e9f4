"""What `pixelpipe evaluate CHECKPOINT` was given: found, and checked as far as names, sizes and headers tell.

An epoch of an experiment of the store; a whole model (folder, .safetensors file or hub id); a UNet's folder; or a LoRA
file of any of the usual tools.
"""

import hashlib
import re
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pixelpipe.config import ExperimentConfig, as_name, content_id
from pixelpipe.config.yaml_file import NAME_PATTERN
from pixelpipe.elsewhere import ElsewhereConfig
from pixelpipe.errors import BadInputError, WeightsError
from pixelpipe.lines import champion
from pixelpipe.models.architecture import foreign_folder
from pixelpipe.models.header import is_pickle, read_header
from pixelpipe.models.layout import UNET_WEIGHTS, hash_base, read_json, resolve_base, weight_files
from pixelpipe.models.load import empty_models
from pixelpipe.models.lora import DIFFUSERS_FILE, PEFT_FILE, find_lora, read_lora
from pixelpipe.models.lora_names import other_method, tensor_role
from pixelpipe.pipeline.baseline import known_config, trajectory
from pixelpipe.pipeline.stored_weights import Weights
from pixelpipe.pipeline.weights import has_weights
from pixelpipe.results.reader import latest_status
from pixelpipe.store import Store
from pixelpipe.training.checkpoint import LORA

WANTED = "EXPERIMENT[@EPOCH] of the store, a model's folder or .safetensors file, or a LoRA's"
NOT_KNOWN = ("name", "line", "judge", "figures", "origin")  # of a stored configuration: the new experiment has its own
_EXPERIMENT = re.compile(rf"(?!.*\.safetensors$){NAME_PATTERN}(@\w*)?")
MEMORY_ONLY = ("gradient_accumulation_steps", "gradient_checkpointing")


@dataclass(frozen=True, slots=True)
class Source:
    """Weights, and what is known of how they came to be."""

    name: str
    weights: Weights
    base: str  # `model.base`: what the weights are applied to
    epochs: Mapping[int, int | None]  # epoch -> training images seen; None: not known
    content: str  # hash of the weights
    path: Path | None = None  # of a UNet's folder or a LoRA file
    known: Mapping[str, Any] = field(default_factory=dict)  # sections of a configuration
    hashes: Mapping[str, str | None] = field(default_factory=dict)  # dataset, captions and base

    @property
    def trained_in(self) -> str | None:
        """The experiment of the store that trained it."""
        return self.weights.experiment_id


def names_experiment(text: str) -> bool:
    """Whether CHECKPOINT is to be looked for in the store, not on the disk."""
    return text != "tiny" and _EXPERIMENT.fullmatch(text) is not None and not Path(text).exists()


def find_source(store: Store, text: str, line: str, base: str | None, epoch: int | None) -> Source:
    """Raises `BadInputError`, one line, for what is no checkpoint, is damaged, or of another architecture.

    `base`: what a UNet or a LoRA belongs to; default: the base of the line's champion. `epoch`: of a file, which does
    not say; default: the champion's, so that it is compared with the champion's own checkpoint.
    """
    path = Path(text).expanduser()
    if names_experiment(text):
        if epoch is not None:
            raise BadInputError(f"--epoch: must stand in CHECKPOINT, as in {text.partition('@')[0]}@{epoch}, or not")
        return _of_store(store, text, base)
    with _naming(text):
        number = epoch or _champion_epoch(store, line)
        if path.is_dir() and (unet := _unet_folder(path)):
            return _of_unet(path, unet, _base(store, line, base), number)
        path = path / LORA if _is_lora(path / LORA) else path  # the folder of a checkpoint of ours
        if _is_lora(path):
            return _of_lora(find_lora(path), _base(store, line, base), number)
        if base not in (None, text):
            raise WeightsError(f"is a whole model, so it is its own base: model.base must not be {base}")
        return _of_model(text, number)


def _of_store(store: Store, text: str, base: str | None) -> Source:
    experiment_id, _, wanted = text.partition("@")
    status = latest_status(store, experiment_id)
    if status is None:
        raise BadInputError(f"CHECKPOINT {text}: must be {WANTED} but {store.url} has no experiment {experiment_id}")
    config = known_config(store, experiment_id)
    if isinstance(config, ElsewhereConfig) and config.origin != "checkpoint":
        raise BadInputError(f"CHECKPOINT {text}: must have weights but is known by its {config.origin} alone")
    if base not in (None, config.model.base):
        raise BadInputError(f"CHECKPOINT {text}: is of base {config.model.base}, so model.base must not be {base}")
    kept = {epoch: seen for epoch, seen in trajectory(store, experiment_id).items()
            if has_weights(store, experiment_id, epoch)}  # fmt: skip
    if not kept:
        raise BadInputError(f"CHECKPOINT {text}: must have weights but {store.url} keeps none of it")
    if wanted and (not wanted.isdecimal() or int(wanted) not in kept):
        known = ", ".join(map(str, sorted(kept)))
        raise BadInputError(f"CHECKPOINT {text}: must be an epoch whose weights are kept: {known}")
    chosen = {int(wanted): kept[int(wanted)]} if wanted else kept
    stated = config.resolved() if isinstance(config, ExperimentConfig) else config.stated()
    known = {name: values for name, values in stated.items() if name not in NOT_KNOWN}
    known["training"] = {name: value for name, value in known["training"].items() if name not in MEMORY_ONLY}
    known["sampling"] = {name: value for name, value in known["sampling"].items() if name != "adaptive"}
    return Source(
        name=config.name,
        weights=Weights(kind="experiment", experiment_id=experiment_id),
        base=config.model.base,
        epochs=chosen,
        content=content_id(experiment_id, sorted(chosen)),
        known=known,
        hashes={name: status[name] for name in ("dataset_hash", "captions_hash", "base_hash")},
    )


def _of_model(text: str, epoch: int) -> Source:
    found = hash_base(resolve_base(text))
    return Source(
        name=as_name(Path(text).stem, "model"),
        weights=Weights(kind="model"),
        base=text if text == "tiny" or not Path(text).exists() else str(Path(text).expanduser().absolute()),
        epochs={epoch: None},
        content=found,
        hashes={"base_hash": found},
    )


def _of_unet(given: Path, folder: Path, base: str, epoch: int) -> Source:
    """A UNet alone, as diffusers saves it: its tensors must be those of the base's."""
    place = resolve_base(base)
    kind = foreign_folder({}, read_json(folder / "config.json"), {})
    if kind:
        raise WeightsError(f"must be Stable Diffusion 1.5 but is {kind}")
    wanted = {name: tuple(tensor.shape) for name, tensor in empty_models(place)[0].state_dict().items()}
    files = weight_files(folder, UNET_WEIGHTS)
    found = {name: info.shape for path in files for name, info in read_header(path).tensors.items()}
    if found != wanted:
        other = next(name for name in sorted({**wanted, **found}) if wanted.get(name) != found.get(name))
        raise WeightsError(f"must be a UNet for the base {base} but its {other} is {found.get(other, 'not there')}")
    return Source(
        name=as_name(given.absolute().name, "unet"),
        weights=Weights(kind="unet"),
        base=base,
        epochs={epoch: None},
        content=content_id(*(_sha256(path) for path in files)),
        path=folder,
        hashes={"base_hash": hash_base(place)},
    )


def _of_lora(path: Path, base: str, epoch: int) -> Source:
    place = resolve_base(base)
    lora = read_lora(path, *empty_models(place))  # every layer has its place, or it is refused here
    return Source(
        name=as_name((path.parent if path.name in (DIFFUSERS_FILE, PEFT_FILE) else path.with_suffix("")).name, "lora"),
        weights=Weights(kind="lora"),
        base=base,
        epochs={epoch: None},
        content=content_id([(each.part, each.module, each.alpha) for each in lora.layers], _sha256(path)),
        path=path,
        known={"model": {"method": "lora"}, "training": _header_facts(lora.metadata)},
        hashes={"base_hash": hash_base(place)},
    )


def _header_facts(metadata: Mapping[str, str]) -> dict[str, Any]:
    """What sd-scripts notes in the header of a LoRA file, as far as it says how pictures of it should be drawn."""
    size = re.search(r"\d+", metadata.get("ss_resolution", ""))
    return {"resolution": int(size[0])} if size and int(size[0]) % 8 == 0 else {}


def _champion_epoch(store: Store, line: str) -> int:
    current = champion(store, line)
    return current.epoch if current else 1


def _base(store: Store, line: str, base: str | None) -> str:
    """As given, or what the line's champion is made from."""
    if base is not None:
        return base
    current = champion(store, line)
    config = known_config(store, current.experiment_id) if current else None
    if config is None or config.model.base is None:
        raise WeightsError(f"needs a base, and line {line} has no champion whose base is known: --set model.base=...")
    return config.model.base


def _unet_folder(path: Path) -> Path | None:
    """The folder of a UNet without the rest of its model: itself, or `unet/` in a checkpoint's folder."""
    if any((path / name).exists() for name in ("model_index.json", "vae", "text_encoder")):
        return None  # a model, whole or not
    for folder in (path, path / "unet"):
        if (folder / "config.json").is_file() and any(folder.glob("diffusion_pytorch_model*.safetensors*")):
            return folder
    return None


def _is_lora(path: Path) -> bool:
    if path.is_dir():
        return any((path / name).is_file() for name in (DIFFUSERS_FILE, PEFT_FILE))
    if not path.is_file() or is_pickle(path):
        return False
    names = read_header(path).tensors
    return bool(other_method(names)) or any(tensor_role(name) for name in names)


@contextmanager
def _naming(text: str) -> Any:
    """Whatever is wrong with the weights, in the words of the command: CHECKPOINT, not `model.base`."""
    try:
        yield
    except WeightsError as error:
        reason = str(error).removeprefix(f"`model.base` {text}: ").removeprefix(f"{text}: ")
        raise BadInputError(reason if reason.startswith("`model.base`") else f"CHECKPOINT {text}: {reason}") from None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
