"""Images of a model that was trained elsewhere, judged as those of a run: measured here, paired with a baseline's."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pixelpipe.analysis.duplicates import TrainSprites
from pixelpipe.analysis.metrics import METRIC_VERSION
from pixelpipe.analysis.profile import Profile
from pixelpipe.config import BACKGROUND, content_id
from pixelpipe.data.png import decode_png, encode_png
from pixelpipe.elsewhere import ElsewhereConfig
from pixelpipe.errors import BadInputError
from pixelpipe.keys import sample_key
from pixelpipe.lease import acquire
from pixelpipe.lines import pin_profile, pin_prompts, stored_prompts
from pixelpipe.pipeline.baseline import find_baseline
from pixelpipe.pipeline.comparable import ELSEWHERE
from pixelpipe.pipeline.elsewhere import Declaration, ElsewhereRun, require_champion
from pixelpipe.pipeline.elsewhere_inputs import art_of, judge_that_can_decide, profile_of
from pixelpipe.pipeline.judge import epoch_context, judge_epoch
from pixelpipe.pipeline.outcome import Outcome
from pixelpipe.pipeline.pictures import Measured, measure_images, summaries
from pixelpipe.pipeline.sample_folder import SampleFolder, read_prompts, read_sample_folder
from pixelpipe.results.reader import read_table
from pixelpipe.results.writer import committed_epochs
from pixelpipe.sampling.evaluation import ImagePlan, Prompt
from pixelpipe.store import Store


def record_images(
    store: Store, config: ElsewhereConfig, directory: Path, prompts_file: Path | None, declared: Declaration | None
) -> Outcome:
    """Measure and judge the epochs of a folder that are new; see `read_sample_folder` for what it must hold.

    Raises `BadInputError` before anything is written for whatever does not fit.
    """
    folder = read_sample_folder(directory, config.dataset.background or BACKGROUND)
    prompts = read_prompts(prompts_file, folder, stored_prompts(store, config.line))
    plans = _plans(folder, prompts)
    eval_set_id = content_id("evaluation set", _contents(config, plans))[:16]
    last = max(config.planned_epochs(max(folder.epochs)), max(folder.epochs))
    config = judge_that_can_decide(config, last, len(folder.prompt_ids))
    sprites = art_of(config)
    profile = profile_of(store, config, sprites)
    if declared is None:
        _check_comparable(store, config, eval_set_id, plans)
    experiment_id = config.identity(eval_set_id)
    for epoch in folder.epochs:  # every file is read before the first is written
        _check_unchanged(store, experiment_id, epoch, plans, folder.images(epoch, config.grid))
    with acquire(store, experiment_id) as lease:
        run = ElsewhereRun(lease, config, declared)
        new = run.begin(folder.epochs)
        pin_prompts(run.store, config.line, prompts)
        pin_profile(run.store, config.line, profile)
        train = None if sprites is None else TrainSprites(sprites)
        for epoch in new:
            _put_images(run, folder, epoch, plans)
            lineage = run.lineage | {"epoch": epoch, "attempt": lease.attempt, "eval_set_id": eval_set_id}
            lineage |= {"checkpoint_hash": None}
            key_of = partial(_key, experiment_id, epoch)
            measured = measure_images(store, plans, key_of, config.grid, profile, train, lineage)
            _judge_and_commit(run, epoch, max(folder.epochs), profile, measured)
        return run.conclude()


def _judge_and_commit(run: ElsewhereRun, epoch: int, last: int, profile: Profile, measured: Measured) -> None:
    per_epoch = run.config.images_per_epoch
    images_seen = None if per_epoch is None else per_epoch * epoch
    plan = run.plan(last, measured.rows.num_rows)
    context = epoch_context(
        run.store, plan, run.baseline, profile, measured, epoch=epoch, images_seen=images_seen, dataset_hash=None
    )
    decision = judge_epoch(context, sample_fresh=None)  # there are no weights to draw fresh seeds with
    summary: dict[str, Any] = {"images_seen": images_seen, "num_samples": measured.rows.num_rows}
    summary |= {**asdict(measured.set_metrics), **summaries(measured.rows)}
    run.commit(decision, summary, measured.rows)


def _check_unchanged(
    store: Store, experiment_id: str, epoch: int, plans: Sequence[ImagePlan], images: Sequence[np.ndarray]
) -> None:
    """An epoch that was judged stays as it was."""
    if epoch not in committed_epochs(store, experiment_id):
        return
    for plan, image in zip(plans, images, strict=True):
        if not np.array_equal(decode_png(store.read(_key(experiment_id, epoch, plan))), image):
            raise BadInputError(
                f"epoch-{epoch:02d}/{plan.prompt_id}__{plan.seed}: differs from the image that was judged, and what "
                f"was judged stays; give the experiment another --name than {experiment_id.rpartition('-')[0]}"
            )


def _put_images(run: ElsewhereRun, folder: SampleFolder, epoch: int, plans: Sequence[ImagePlan]) -> None:
    images = folder.images(epoch, run.config.grid)
    for plan, image in zip(plans, images, strict=True):
        run.store.redraw(_key(run.experiment_id, epoch, plan), encode_png(image))


def _key(experiment_id: str, epoch: int, plan: ImagePlan) -> str:
    return sample_key(experiment_id, epoch, plan.prompt_id, plan.seed)


def _plans(folder: SampleFolder, prompts: tuple[Prompt, ...]) -> tuple[ImagePlan, ...]:
    texts = {prompt.prompt_id: prompt.text for prompt in prompts}
    return tuple(ImagePlan(prompt_id, texts[prompt_id], seed) for prompt_id, seed in folder.keys)


def _contents(config: ElsewhereConfig, plans: Sequence[ImagePlan]) -> dict[str, Any]:
    """What makes two folders comparable; settings that nobody states are null, and equal only to unstated ones."""
    return {
        "images": [[plan.prompt_id, plan.prompt, plan.seed] for plan in plans],
        "sampler": ELSEWHERE,
        "num_inference_steps": config.sampling.num_inference_steps,
        "guidance_scale": config.sampling.guidance_scale,
        "grid": config.grid,
        "metric_version": METRIC_VERSION,
    }


def _check_comparable(store: Store, config: ElsewhereConfig, eval_set_id: str, plans: Sequence[ImagePlan]) -> None:
    """Against a baseline with images: the same evaluation set, or what differs and the way out."""
    require_champion(store, config.line, config.judge.baseline)
    found = find_baseline(store, config.line, config.judge.baseline)
    assert found.experiment_id is not None
    rows = read_table(store, "samples", found.experiment_id, columns=["prompt_id", "prompt", "seed", "eval_set_id"])
    if not rows.num_rows or set(rows["eval_set_id"].to_pylist()) == {eval_set_id}:
        return
    theirs = {(row["prompt_id"], row["seed"]): row["prompt"] for row in rows.to_pylist()}
    ours = {(plan.prompt_id, plan.seed): plan.prompt for plan in plans}
    if ours != theirs:
        both = ours.keys() & theirs.keys()
        reworded = sum(ours[key] != theirs[key] for key in both)
        what = f"{len(both)} of {len(theirs)} (prompt, seed) pairs are the same" + (
            f", {reworded} of them with another text" if reworded else ""
        )
    else:
        what = "the prompts and seeds are the same, but the sampler or its settings are not (or are not stated)"
    raise BadInputError(
        f"--images cannot be compared with the baseline {found.reference}: {what}. Bring the baseline's images of the "
        "same prompts and seeds, drawn the same way, with --as baseline"
    )
