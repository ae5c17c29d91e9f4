"""`pixelpipe plan`: what an experiment will take, before anything is rented."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from pixelpipe.cli.options import Format, format_option, store_option, write_records
from pixelpipe.errors import BadInputError
from pixelpipe.progress import progress_bar
from pixelpipe.store import Store


@click.command()
@click.argument("config", type=click.Path(path_type=Path), metavar="CONFIG.yaml")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a field. Repeatable.")
@click.option(
    "--max-batch", is_flag=True, help="Instead: try on this machine's GPU how many sprites fit at once. Loads the base."
)
@store_option
@format_option
def plan(config: Path, overrides: tuple[str, ...], max_batch: bool, store: Store, output_format: Format) -> None:
    """Say what CONFIG.yaml will take and could show.

    Minutes, dollars, disk, GPU memory, evaluation's share, and the smallest excess that its verdict could see. Nothing
    is rented, downloaded or written, and the base need not be on this machine. Times come from like runs in the
    store, else from the GPU's peak; every estimate says its method. How they are made: docs/cost.md.

    \b
    pixelpipe plan sd15.yaml --set budget.gpu=RTX-4090 --set sampling.seeds_per_prompt=1
    """
    from pixelpipe.config import load_config
    from pixelpipe.pipeline.plan import plan_experiment

    settings = load_config(config, overrides)
    if max_batch:
        write_records(_trials(settings), output_format)
        return
    found = plan_experiment(store, settings)
    if output_format != "table":
        figures = {"seconds": found.seconds, "usd": found.usd, "evaluation_share": found.evaluation_share}
        write_records([asdict(found) | figures | {"advice": list(found.advice)}], output_format)
        return
    write_records(_rows(found, settings), "table")
    for line in found.advice:
        click.echo(line)


def _trials(settings: Any) -> list[dict[str, Any]]:
    import torch

    from pixelpipe.pipeline.largest_batch import try_batches

    if not torch.cuda.is_available():
        raise BadInputError(
            "--max-batch: must run where a GPU is (a CPU swaps where a GPU refuses); without one, `pixelpipe plan` "
            "counts the memory of each batch size"
        )
    with progress_bar("trying batches", 0):
        return [asdict(trial) for trial in try_batches(settings)]


def _rows(found: Any, settings: Any) -> list[dict[str, str]]:
    """One row a figure, with how it was made."""
    budget, sampling = settings.budget, settings.sampling
    times = f"x{found.uncertainty:g} or / {found.uncertainty:g}"
    unknown = "unknown"
    rows = [
        ("time", _minutes(found.seconds), f"{found.seconds_from}; {times}" if found.seconds else found.seconds_from),
        ("  training", _minutes(found.training_s), f"{found.num_sprites} sprites, {settings.training.epochs} epochs"),
        ("  evaluation", _minutes(found.evaluation_s), f"{found.num_images_an_epoch} images an epoch, and fresh seeds"),
        *_expected(found),
        ("evaluation's share", unknown if found.evaluation_share is None else f"{found.evaluation_share:.0%}", ""),
        ("cost", unknown if found.usd is None else f"${found.usd:.2f}", f"{budget.gpu} at ${found.usd_per_hour:g}/h"),
        ("disk", f"{found.disk_gb:.1f} GB", "weights of every epoch, the last optimizer, images"),
        (
            "GPU memory",
            unknown if found.gpu_memory_gb is None else f"{found.gpu_memory_gb:.0f} GB",
            "weights, gradients, Adam, activations of a batch; +-30%"
            if found.gpu_memory_gb
            else "a small base: any GPU",
        ),
        (
            "  by sprites at once",
            _by_batch(found.memory_by_batch),
            "GB; training.gradient_accumulation_steps splits a batch",
        ),
        (
            "smallest visible excess",
            unknown if found.detectable_difference is None else f"+{found.detectable_difference:.0%}",
            f"80% power, first look, {sampling.num_prompts} prompts x {sampling.seeds_per_prompt} seeds; "
            f"{found.detectable_from}",
        ),
        ("prompts needed", str(found.min_prompts), f"to decide at all; planned: {sampling.num_prompts}"),
    ]
    rows = [row for row in rows if row[1]]
    return [{"what": what, "estimate": value, "from": how} for what, value, how in rows]


def _expected(found: Any) -> list[tuple[str, str, str]]:
    """Of an adaptive evaluation: what is above, and beneath for its share and cost, is the most that it may be."""
    if found.expected_evaluation_s is None:
        return []
    value = f"{_minutes(found.expected_evaluation_s)}, {found.expected_evaluation_share:.0%}"
    return [
        ("    expected", value, "sampling.adaptive, of a candidate that is no worse; else at most what stands here")
    ]


def _by_batch(memory: dict[int, float]) -> str:
    return ", ".join(f"{size}: {gb:.0f}" for size, gb in memory.items())


def _minutes(seconds: float | None) -> str:
    if seconds is None:
        return "unknown"
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
