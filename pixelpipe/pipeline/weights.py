"""A base turned into an epoch of an experiment, trained here or only evaluated here, and a sampler around it."""

from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import Accelerator
from diffusers import UNet2DConditionModel

from pixelpipe.config import ExperimentConfig
from pixelpipe.elsewhere import ElsewhereConfig
from pixelpipe.errors import BadInputError
from pixelpipe.keys import CheckpointPart, checkpoint_key
from pixelpipe.models.layout import resolve_base
from pixelpipe.models.load import BaseModel, empty_models, load_base, load_unet
from pixelpipe.models.lora import DIFFUSERS_FILE, kohya_tensors, merge_lora, read_lora
from pixelpipe.models.write import write_safetensors
from pixelpipe.pipeline.baseline import known_config
from pixelpipe.pipeline.stored_weights import Weights, put_weights, stored_weights
from pixelpipe.results.reader import latest_status
from pixelpipe.sampling.sampler import Sampler
from pixelpipe.store import Store
from pixelpipe.training.checkpoint import UNET_FILE, CheckpointStore
from pixelpipe.training.weights import DTYPES, as_trained


@dataclass(frozen=True, slots=True)
class SamplerSettings:
    """All that a sampler needs to know besides the weights."""

    base: str
    resolution: int  # px
    num_inference_steps: int
    guidance_scale: float
    batch_size: int
    mixed_precision: str
    grid: int  # cells

    @classmethod
    def of(cls, config: ExperimentConfig) -> "SamplerSettings":
        return cls(
            base=config.model.base,
            resolution=config.resolution,
            num_inference_steps=config.sampling.num_inference_steps,
            guidance_scale=config.guidance_scale,
            batch_size=config.sampling.batch_size,
            mixed_precision=config.training.mixed_precision,
            grid=config.dataset.grid,
        )

    @classmethod
    def stated(cls, config: ElsewhereConfig) -> "SamplerSettings":
        """Of a checkpoint that was evaluated here, where all of them stand in the configuration."""
        model, training, sampling = config.model.base, config.training, config.sampling
        return cls(
            base=model,
            resolution=training.resolution,
            num_inference_steps=sampling.num_inference_steps,
            guidance_scale=sampling.guidance_scale,
            batch_size=sampling.batch_size,
            mixed_precision=training.mixed_precision,
            grid=config.grid,
        )

    def sampler(self, base: BaseModel) -> Sampler:
        return Sampler(
            base,
            resolution=self.resolution,
            num_inference_steps=self.num_inference_steps,
            guidance_scale=self.guidance_scale,
            batch_size=self.batch_size,
        )


def keep_weights(
    store: Store, experiment_id: str, epoch: int, attempt: int, weights: Weights, path: Path | None, base: str
) -> None:
    """Put what an experiment that is only evaluated is drawn with; once, however often it is tried.

    `path`: of a UNet's folder or a LoRA file, which is copied: the store must be able to draw with it later, too.
    """
    part: CheckpointPart = "lora" if weights.kind == "lora" else "unet"
    if path is not None and not CheckpointStore(store, experiment_id).has_weights(epoch):
        with store.scratch(f"weights-{experiment_id}") as scratch:
            folder = scratch / part
            folder.mkdir()
            if weights.kind == "lora":  # of whatever tool, as sd-scripts writes it: no figure is rounded
                layers = read_lora(path, *empty_models(resolve_base(base))).layers
                write_safetensors(folder / DIFFUSERS_FILE, kohya_tensors(layers, torch.float32), {})
            else:
                unet = load_unet(path)
                write_safetensors(folder / UNET_FILE, unet.state_dict(), {"format": "pt"})
                (folder / "config.json").write_bytes((path / "config.json").read_bytes())
            store.put_tree(checkpoint_key(experiment_id, epoch, attempt, part), folder, move=True)
    put_weights(store, experiment_id, weights)


def stored_settings(store: Store, experiment_id: str) -> SamplerSettings:
    """How an experiment's pictures are drawn; `BadInputError` where only its images or figures are known."""
    config = known_config(store, experiment_id)
    if isinstance(config, ExperimentConfig):
        return SamplerSettings.of(config)
    if config.origin != "checkpoint":
        raise BadInputError(f"{experiment_id} is known by its {config.origin} alone: there are no weights to draw with")
    return SamplerSettings.stated(config)


def has_weights(store: Store, experiment_id: str, epoch: int) -> bool:
    """Whether an epoch can be drawn with: weights of its own, another experiment's, or its base as it is."""
    weights = stored_weights(store, experiment_id)
    if weights is not None and weights.experiment_id is not None:
        return has_weights(store, weights.experiment_id, epoch)
    return CheckpointStore(store, experiment_id).has_weights(epoch) or (weights is not None and weights.kind == "model")


def apply_weights(store: Store, experiment_id: str, epoch: int, base: BaseModel) -> None:
    """Turn a base into the model of an epoch, in place. Verified first."""
    weights = stored_weights(store, experiment_id)
    if weights is None or weights.kind == "unet":
        CheckpointStore(store, experiment_id).apply(epoch, base.unet)
    elif weights.kind == "experiment":
        assert weights.experiment_id is not None
        apply_weights(store, weights.experiment_id, epoch, base)
    elif weights.kind == "lora":
        with CheckpointStore(store, experiment_id).fetched(epoch) as folder:
            merge_lora(read_lora(folder, base.unet, base.text_encoder), base.unet, base.text_encoder)


def checkpoint_sampler(
    store: Store, reference: str, settings: SamplerSettings | None = None
) -> tuple[Sampler, UNet2DConditionModel]:
    """A sampler of a checkpoint of the store, "<experiment>@<epoch>", as its experiment draws; or as `settings` say.

    Raises `BadInputError` if its base is not what it was.
    """
    experiment_id, _, epoch = reference.rpartition("@")
    settings = settings or stored_settings(store, experiment_id)
    base = load_base(resolve_base(settings.base), Accelerator().device)
    _check_base(store, experiment_id, settings.base, base.base_hash)
    apply_weights(store, experiment_id, int(epoch), base)
    as_trained(base.unet, DTYPES[settings.mixed_precision])  # rounded as the warm one is: the same pictures
    return settings.sampler(base), base.unet


def _check_base(store: Store, experiment_id: str, base: str, found: str) -> None:
    status = latest_status(store, experiment_id)
    assert status is not None, f"{experiment_id} is not in the store"
    if status["base_hash"] not in (None, found):
        raise BadInputError(
            f"`model.base` {base}: must be the base of {experiment_id} (hash {status['base_hash'][:12]}…) but has "
            f"changed since ({found[:12]}…)"
        )
