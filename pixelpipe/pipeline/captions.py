"""Captioning a dataset: the first stage of an experiment, and a job of its own."""

import logging
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from pixelpipe.captions.captioning import Caption, caption_sprites
from pixelpipe.captions.findings import LintReport
from pixelpipe.captions.lint import LintOptions, lint
from pixelpipe.captions.sidecar import METADATA_NAMES
from pixelpipe.captions.strategy import make_strategy
from pixelpipe.captions.tokens import TokenBudget, tokenizer_folder
from pixelpipe.captions.writing import Convention, convention_of, write_captions, write_copy
from pixelpipe.config import CaptionsConfig, DatasetConfig
from pixelpipe.data.listing import visible_files
from pixelpipe.data.sprites import load_sprites
from pixelpipe.errors import BadInputError
from pixelpipe.pipeline.prepare import Experiment
from pixelpipe.progress import progress_bar
from pixelpipe.store import Store

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Captioned:
    """How captioning went."""

    num_sprites: int
    num_different: int
    mended: dict[str, int]  # "empty", "repeated", "cut" -> captions
    place: str | None  # where they were written, if they were


def caption_dataset(
    store: Store,
    dataset: DatasetConfig,
    captions: CaptionsConfig,
    base: str,
    to: Path | None = None,
    in_place: bool = False,
    convention: Convention | None = None,
) -> Captioned:
    """Caption every sprite of a folder; what is made from pixels is kept by content, so a run that died goes on.

    `to`: a new folder for a copy of the dataset with these captions. `in_place`: into the dataset itself, over what is
    there only if it is of the same convention. Neither: the captions are only made and kept.
    """
    sprites = load_sprites(dataset.path, dataset.grid, dataset.background)
    budget = TokenBudget(tokenizer_folder(base))
    strategy = make_strategy(captions, dataset.path, dataset.grid, budget)
    with progress_bar("captioning", len(sprites)) as advance:
        made = caption_sprites(store, captions, strategy, sprites, budget, advance)
    texts = {name: caption.text for name, caption in made.items()}
    if to is not None:
        write_copy(dataset.path, to, texts, captions.column, convention)
    elif in_place:
        _write_in_place(dataset.path, texts, captions.column, convention)
    done = Captioned(
        num_sprites=len(sprites),
        num_different=len(set(texts.values())),
        mended=_mended(made),
        place=str(to) if to is not None else str(dataset.path) if in_place else None,
    )
    logger.info("captions: %d of %d sprites, %d different%s", len(texts), len(sprites), done.num_different, _said(done))
    return done


def lint_experiment(experiment: Experiment) -> LintReport:
    """What of an experiment's captions its sprites cannot show; by file name."""
    config, samples = experiment.config, experiment.manifest.samples
    options = LintOptions(
        grid=config.dataset.grid,
        framing=config.captions.framing,
        budget=TokenBudget(tokenizer_folder(config.model.base)),
        trigger=config.captions.trigger,
    )
    return lint(experiment.manifest.pixels(), {sample.sprite.file_name: sample.caption for sample in samples}, options)


def _write_in_place(dataset: Path, texts: dict[str, str], column: str, convention: Convention | None) -> None:
    """Two conventions in one folder would contradict each other."""
    present = convention_of(dataset)
    has_captions = any((dataset / name).is_file() for name in METADATA_NAMES) or visible_files(dataset, {".txt"})
    if convention not in (None, present) and has_captions:
        raise BadInputError(f"{dataset}: has captions as {present} already: remove them, or write another folder")
    write_captions(dataset, texts, convention or present, column, columns_of=dataset)


def _mended(captions: dict[str, Caption]) -> dict[str, int]:
    return dict(Counter(note for caption in captions.values() for note in caption.notes))


def _said(done: Captioned) -> str:
    return "".join(f"; {count} {note}" for note, count in sorted(done.mended.items()))
