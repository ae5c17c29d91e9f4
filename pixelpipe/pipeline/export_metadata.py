"""What a weights file says about itself, in its header: under the keys that sd-scripts and ModelSpec defined.

A1111, ComfyUI and model managers show them. Sources: `ss_*` in sd-scripts' train_network.py; `modelspec.*` in
github.com/Stability-AI/ModelSpec. Every value is text.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import torch

from pixelpipe import __version__
from pixelpipe.models.write import hash_tensors

Config = Mapping[str, Any]


def training_metadata(
    config: Config, epoch: Mapping[str, Any], status: Mapping[str, Any], captions: Sequence[Mapping[str, Any]]
) -> dict[str, str]:
    """sd-scripts' keys, of a resolved configuration and an epoch's, the latest status' and the captions' rows."""
    dataset, model, training = config["dataset"], config["model"], config["training"]
    trained = [row["caption"] for row in captions if row["split"] == "train"]
    folder = f"{dataset['repeats']}_{config['line']}"
    parts = training.get("gradient_accumulation_steps", 1)
    facts: dict[str, Any] = {
        "ss_output_name": f"{status['experiment_id']}@{epoch['epoch']}",
        "ss_base_model_version": "sd_v1",
        "ss_v2": False,
        "ss_sd_model_name": model["base"],
        "ss_learning_rate": training["learning_rate"],
        "ss_unet_lr": training["learning_rate"],
        "ss_text_encoder_lr": None,
        "ss_lr_scheduler": training.get("lr_scheduler", "constant"),
        "ss_lr_warmup_steps": training.get("lr_warmup_steps", 0),
        "ss_optimizer": f"torch.optim.adamw.AdamW(weight_decay={training['weight_decay']})",
        "ss_max_grad_norm": training["max_grad_norm"],
        "ss_min_snr_gamma": training.get("min_snr_gamma"),
        "ss_noise_offset": training.get("noise_offset") or None,
        "ss_mixed_precision": training["mixed_precision"],
        "ss_gradient_checkpointing": training.get("gradient_checkpointing", False),
        "ss_gradient_accumulation_steps": parts,
        "ss_total_batch_size": training["batch_size"],
        "ss_resolution": f"({training['resolution']}, {training['resolution']})",
        "ss_enable_bucket": False,
        "ss_cache_latents": True,
        "ss_flip_aug": training.get("horizontal_flips", False),
        "ss_shuffle_caption": training.get("shuffle_tags", False),
        "ss_keep_tokens": training.get("keep_tokens", 0),
        "ss_caption_dropout_rate": training["caption_dropout"],
        "ss_caption_tag_dropout_rate": training.get("tag_dropout", 0.0),
        "ss_seed": config["seed"],
        "ss_num_train_images": len(trained) * dataset["repeats"],
        "ss_num_epochs": training["epochs"],
        "ss_epoch": epoch["epoch"],
        "ss_steps": epoch["optimizer_steps"],
        "ss_training_finished_at": _unix(epoch["committed_at"]),
        "ss_training_comment": f"pixelpipe {__version__}: {status['status']}: {status['message'] or ''}".rstrip(": "),
        "ss_dataset_dirs": json.dumps({folder: {"n_repeats": dataset["repeats"], "img_count": len(trained)}}),
        "ss_tag_frequency": json.dumps({folder: _tag_frequency(trained)}, ensure_ascii=False),
    }
    if model["method"] == "lora":
        facts |= {
            "ss_network_module": "networks.lora",
            "ss_network_dim": model["rank"],
            "ss_network_alpha": model["alpha"],
        }
    own = {"pixelpipe.experiment_id": status["experiment_id"], "pixelpipe.status": status["status"]}
    hashes = {f"pixelpipe.{name}": status[name] for name in ("dataset_hash", "captions_hash", "base_hash")}
    return {key: str(value) for key, value in (facts | own | hashes).items()}


def model_spec(
    tensors: Mapping[str, torch.Tensor], *, title: str, description: str, made_at: datetime, resolution: int, lora: bool
) -> dict[str, str]:
    """ModelSpec's keys, and the hash under which A1111 knows a LoRA."""
    digest = hash_tensors(tensors)
    return {
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.architecture": "stable-diffusion-v1" + ("/lora" if lora else ""),
        "modelspec.implementation": "https://github.com/CompVis/stable-diffusion" if not lora else "diffusers",
        "modelspec.title": title,
        "modelspec.description": description,
        "modelspec.date": made_at.isoformat(timespec="seconds"),
        "modelspec.resolution": f"{resolution}x{resolution}",
        "modelspec.prediction_type": "epsilon",
        "modelspec.hash_sha256": f"0x{digest}",
        **({"sshs_model_hash": digest} if lora else {}),
    }


def _tag_frequency(captions: Sequence[str]) -> dict[str, int]:
    """How many sprites have each comma-separated part of a caption."""
    return dict(Counter(tag.strip() for caption in captions for tag in caption.split(",") if tag.strip()))


def _unix(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
