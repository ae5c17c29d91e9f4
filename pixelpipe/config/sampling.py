"""The pictures that every epoch is judged on."""

from pydantic import Field

from pixelpipe.config.strict import Strict, UserPath


class SamplingConfig(Strict):
    num_prompts: int = Field(default=24, ge=1, le=1000, description="Prompts that every epoch is judged on.")
    seeds_per_prompt: int = Field(default=4, ge=1, le=100, description="Pictures a prompt.")
    num_inference_steps: int = Field(default=25, ge=1, le=1000, description="Denoising steps.")
    guidance_scale: float | None = Field(default=None, ge=1, le=50, description="Default: 7.5; the tiny base's is 3.")
    batch_size: int = Field(
        default=16, ge=1, description="Fixed for a run, and stored: another size may differ by 1/255."
    )
    prompts: UserPath | None = Field(
        default=None, description="A text file, one prompt a line; default: held-out captions."
    )
    confirm_seeds: int = Field(default=4, ge=1, le=100, description="Fresh seeds a prompt that confirm a promotion.")
    adaptive: bool = Field(
        default=False,
        description="Epochs draw each prompt's first seed, and the others only where that leaves the decision open.",
    )
