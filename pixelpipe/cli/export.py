"""`pixelpipe export`: a checkpoint for diffusers, A1111 or ComfyUI."""

from pathlib import Path

import click

from pixelpipe.cli.options import store_option
from pixelpipe.cli.results import find_experiment
from pixelpipe.errors import BadInputError
from pixelpipe.store import Store


@click.command()
@click.argument("checkpoint", metavar="EXPERIMENT[@EPOCH]")
@click.option("--to", "target", required=True, type=click.Path(path_type=Path), help="A folder, or NAME.safetensors.")
@click.option(
    "--as",
    "form",
    type=click.Choice(["diffusers", "single-file", "kohya", "lora"]),
    help="Default: by PATH's ending and by what was trained.",
)
@click.option("--dtype", type=click.Choice(["fp16", "fp32", "bf16"]), default="fp16", show_default=True)
@click.option("--force", is_flag=True, help="Export what was abandoned.")
@click.option("--overwrite", is_flag=True, help="Replace what is at PATH.")
@store_option
def export(
    checkpoint: str, target: Path, form: str | None, dtype: str, force: bool, overwrite: bool, store: Store
) -> None:
    """Write a checkpoint as other programs read it, with its verdict in a model card.

    \b
    diffusers     a folder: StableDiffusionPipeline.from_pretrained(PATH)
    single-file   NAME.safetensors: A1111's models/Stable-diffusion, ComfyUI's models/checkpoints
    kohya         NAME.safetensors, LoRA only: A1111's models/Lora, ComfyUI's models/loras
    lora          a folder, LoRA only: pipeline.load_lora_weights(PATH)

    A LoRA exported as diffusers or single-file is merged into its base. fp32 keeps every bit; fp16 is what
    others expect, at half the size. EPOCH is the last one unless given.

    \b
    pixelpipe export my-art-1a2b3c4d --to my-art.safetensors
    pixelpipe export my-art@6 --to my-art-folder --dtype fp32
    """
    from pixelpipe.models.write import refuse_existing
    from pixelpipe.pipeline.export import DTYPES, choose_form, export_checkpoint, find_checkpoint
    from pixelpipe.reporting.description import describe
    from pixelpipe.reporting.model_card import Exported, model_card

    name, at, number = checkpoint.partition("@")
    found = find_checkpoint(store, find_experiment(store, name), _epoch(checkpoint, at, number))
    chosen = choose_form(found, target, form)  # type: ignore[arg-type]  # click knows the choices
    if found.status["status"] == "abandoned" and not force:
        raise BadInputError(
            f"EXPERIMENT {found.experiment_id}: must not be abandoned but is ({found.status['reason_code']}); "
            "--force exports it all the same"
        )
    refuse_existing(target, overwrite)
    exported = Exported(found.epoch, chosen, target.name, dtype, found.part == "lora")
    card = model_card(store, describe(store, found.experiment_id), exported)
    for path in export_checkpoint(store, found, target, chosen, DTYPES[dtype], card, overwrite):
        click.echo(path)


def _epoch(checkpoint: str, at: str, number: str) -> int | None:
    if at and not (number.isdecimal() and int(number) >= 1):
        raise BadInputError(f"EXPERIMENT@EPOCH must name an epoch from 1, e.g. x@8, but got {checkpoint}")
    return int(number) if at else None
