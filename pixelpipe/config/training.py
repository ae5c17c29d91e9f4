"""What is fine-tuned, and how."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from pixelpipe.config.strict import Strict

VAE_FACTOR = 8  # pixels of a latent's side, in SD1.5 and in the tiny base


class ModelConfig(Strict):
    base: str = Field(default="tiny", min_length=1, description="tiny, a folder, a .safetensors file, or a hub id.")
    method: Literal["full", "lora"] = Field(
        default="full", description="full: every weight of the UNet is trained; lora: a low-rank adapter of it."
    )
    rank: int = Field(default=16, ge=1, le=1024, description="Of the adapter (lora).")
    alpha: float = Field(default=16.0, gt=0, le=4096, description="The adapter is scaled by alpha / rank (lora).")
    targets: Literal["attention", "attention+feed_forward"] = Field(
        default="attention+feed_forward", description="Layers that get an adapter (lora)."
    )


class TrainingConfig(Strict):
    resolution: int | None = Field(
        default=None,
        ge=16,
        le=2048,
        description="Side in px, a multiple of 8; default: 16 x grid, the tiny base's is 8 x grid.",
    )
    epochs: int = Field(default=8, ge=1, le=1000, description="Each ends with a checkpoint and a verdict.")
    batch_size: int = Field(default=16, ge=1, description="Sprites an optimizer step.")
    gradient_accumulation_steps: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(
        default=1, description="Parts that a batch is computed in, for less memory; auto: as few as fit."
    )
    learning_rate: float | None = Field(
        default=None, gt=0, lt=1, description="Default: 1e-5, the tiny base's is 2e-4; lora: 1e-4 and 1e-3."
    )
    lr_scheduler: Literal["constant", "linear", "cosine"] = Field(
        default="constant", description="linear and cosine end at 0 with the last planned step."
    )
    lr_warmup_steps: int = Field(default=0, ge=0, description="Steps over which the learning rate rises from 0.")
    weight_decay: float = Field(default=0.01, ge=0, description="Of AdamW.")
    max_grad_norm: float = Field(default=1.0, gt=0, description="Gradient norm clipping.")
    ema_decay: float | None = Field(
        default=None,
        ge=0,
        lt=1,
        description="Average of the weights, e.g. 0.999, which is then what is judged; 0: none. "
        "Default: none, the tiny base's is 0.99.",
    )
    min_snr_gamma: float | None = Field(default=None, gt=0, description="Min-SNR loss weights; 5 is usual.")
    noise_offset: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Noise that shifts whole channels, e.g. 0.05; 0: none. Default: none, the tiny base's is 0.1.",
    )
    caption_dropout: float = Field(default=0.1, ge=0, lt=1, description="Share of steps' captions that are empty.")
    shuffle_tags: bool = Field(
        default=False, description="Comma-separated parts of captions in a new order each epoch."
    )
    keep_tokens: int = Field(default=0, ge=0, description="First parts that are neither shuffled nor dropped.")
    tag_dropout: float = Field(
        default=0.0, ge=0, lt=1, description="Share of the parts that are left out, each epoch anew."
    )
    horizontal_flips: bool = Field(default=False, description="Show every sprite mirrored half of the time.")
    mixed_precision: Literal["no", "bf16", "fp16"] = Field(
        default="no", description="Precision of the computation; what is trained stays fp32."
    )
    gradient_checkpointing: bool = Field(default=False, description="Compute activations twice, for less memory.")
    num_processes: int = Field(
        default=1, ge=1, le=64, description="GPUs of this machine that train together; the result stays the same."
    )

    compile: Literal["auto", "on", "off"] = Field(
        default="auto", description="torch.compile of training and sampling; auto: once it saves time, as timed here."
    )

    @field_validator("compile", mode="before")
    @classmethod
    def _yaml_on_and_off(cls, setting: Any) -> Any:
        """YAML takes `on` and `off` for booleans."""
        return {True: "on", False: "off"}[setting] if isinstance(setting, bool) else setting

    @field_validator("batch_size", mode="before")
    @classmethod
    def _not_automatic(cls, batch_size: Any) -> Any:
        """It decides what is learned, so it may not depend on a machine (docs/decisions/0018-batch-size.md)."""
        if batch_size == "auto":
            raise ValueError("must be a whole number (`pixelpipe plan CONFIG --max-batch` finds the largest that fits)")
        return batch_size

    @field_validator("gradient_accumulation_steps", mode="before")
    @classmethod
    def _at_least_one_part(cls, steps: Any) -> Any:
        if steps != "auto" and not isinstance(steps, bool) and not (isinstance(steps, int) and steps >= 1):
            raise ValueError("must be a whole number from 1, or auto")
        return steps

    @field_validator("resolution")
    @classmethod
    def _whole_latents(cls, resolution: int | None) -> int | None:
        if resolution is not None and resolution % VAE_FACTOR:
            raise ValueError(f"must be a multiple of {VAE_FACTOR}, the VAE's block")
        return resolution
