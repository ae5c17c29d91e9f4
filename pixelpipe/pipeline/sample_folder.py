"""A folder of another tool's samples: `epoch-NN/<prompt_id>__<seed>.png`, checked before anything is written."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pixelpipe.config import BACKGROUND
from pixelpipe.config.yaml_file import read_yaml
from pixelpipe.data.images import IMAGE_SUFFIXES, read_rgb
from pixelpipe.data.listing import visible_files
from pixelpipe.errors import BadInputError, ConfigError
from pixelpipe.sampling.evaluation import MAX_SEED, Prompt
from pixelpipe.text_file import read_text

WANTED = "epoch-NN/<prompt_id>__<seed>.png"
_EPOCH = re.compile(r"epoch-(\d{1,5})")
_IMAGE = re.compile(r"(?P<prompt_id>[A-Za-z0-9][A-Za-z0-9._-]{0,79}?)__(?P<seed>\d{1,10})")

Key = tuple[str, int]  # prompt_id, seed


@dataclass(frozen=True, slots=True)
class SampleFolder:
    """Every epoch has the same pairs, at least one."""

    epochs: Mapping[int, Mapping[Key, Path]]
    background: str

    @property
    def keys(self) -> tuple[Key, ...]:
        """(prompt_id, seed) of every epoch, in order."""
        return tuple(sorted(next(iter(self.epochs.values()))))

    @property
    def prompt_ids(self) -> tuple[str, ...]:
        return tuple(sorted({prompt_id for prompt_id, _ in self.keys}))

    def images(self, epoch: int, grid: int) -> list[np.ndarray]:
        """(S, S, 3) uint8 sRGB in the order of `keys`; `BadInputError` unless all are square, of one size, and hold
        the grid."""
        paths = [self.epochs[epoch][key] for key in self.keys]
        images = [read_rgb(path, self.background) for path in paths]
        for path, image in zip(paths, images, strict=True):
            height, width = image.shape[:2]
            if height != width or width < grid:
                raise BadInputError(f"{path}: must be square and at least {grid} px but is {width} x {height} px")
            if image.shape != images[0].shape:
                first = images[0].shape[0]
                raise BadInputError(
                    f"{path}: must be {first} x {first} px like {paths[0].name} but is {width} x {height}"
                )
        return images


def read_sample_folder(directory: Path, background: str = BACKGROUND) -> SampleFolder:
    """Raises `BadInputError`, one line, for names that do not fit, for a seed that stands twice, for gaps."""
    if not directory.is_dir():
        what = "is a file" if directory.exists() else "does not exist"
        raise BadInputError(f"--images {directory}: must be a folder of {WANTED} but {what}")
    found: dict[int, dict[Key, Path]] = {}
    misnamed: list[Path] = []
    for path in visible_files(directory, IMAGE_SUFFIXES):
        place, name = _EPOCH.fullmatch(path.parent.name), _IMAGE.fullmatch(path.stem)
        if place is None or name is None or path.parent.parent != directory or int(place[1]) < 1:
            misnamed.append(path)
            continue
        key = (name["prompt_id"], int(name["seed"]))
        if key[1] >= MAX_SEED:
            raise BadInputError(f"{path}: its seed must be below {MAX_SEED}")
        earlier = found.setdefault(int(place[1]), {}).setdefault(key, path)
        if earlier != path:
            raise BadInputError(
                f"{path}: prompt {key[0]} with seed {key[1]} must stand once but {earlier.name} is it too"
            )
    if misnamed:
        more = f" (and {len(misnamed) - 1} more)" if len(misnamed) > 1 else ""
        raise BadInputError(f"{misnamed[0]}: must be named {WANTED} below {directory}{more}")
    if not found:
        raise BadInputError(f"--images {directory}: must hold images named {WANTED} but has none")
    _check_gaps(found)
    return SampleFolder(dict(sorted(found.items())), background)


def read_prompts(path: Path | None, folder: SampleFolder, pinned: tuple[Prompt, ...] | None) -> tuple[Prompt, ...]:
    """The texts of the folder's prompts: from a YAML mapping of ids, a text file (line 1 is p001), or the line's own.

    Raises `BadInputError` for a prompt without a text, and for one whose text differs from the line's.
    """
    known = {prompt.prompt_id: prompt for prompt in pinned or ()}
    texts = {prompt_id: prompt.text for prompt_id, prompt in known.items()} if path is None else read_texts(path)
    lacking = [prompt_id for prompt_id in folder.prompt_ids if prompt_id not in texts]
    if lacking:
        where = f"{path}" if path is not None else "--prompts"
        raise BadInputError(
            f"{where}: must give the text of prompt {lacking[0]}"
            + (f" and {len(lacking) - 1} more" * (len(lacking) > 1))
        )
    source = "" if path is None else path.name
    given = [Prompt(prompt_id=name, text=texts[name], source=source, held_out=True) for name in folder.prompt_ids]
    for prompt in given:
        theirs = known.get(prompt.prompt_id)
        if theirs is not None and theirs.text != prompt.text:
            raise BadInputError(
                f"{path}: prompt {prompt.prompt_id} must read {theirs.text!r}, as in its line, but reads "
                f"{prompt.text!r}"
            )
    return tuple(given)


def read_texts(path: Path) -> dict[str, str]:
    """Prompts by id, of a YAML mapping or a text file."""
    if path.suffix in (".yaml", ".yml", ".json"):  # JSON is YAML
        values = read_yaml(path)
        bad = [key for key, value in values.items() if not isinstance(value, str) or not value.strip()]
        if bad:
            raise ConfigError(f"{path}: `{bad[0]}` must be the text of a prompt")
        return {str(key): " ".join(value.split()) for key, value in values.items()}
    lines = read_text(path, "a text file of one prompt a line", named_by="--prompts").splitlines()
    texts = [" ".join(line.split()) for line in lines if line.strip()]
    return {f"p{number:03d}": text for number, text in enumerate(texts, start=1)}


def _check_gaps(found: Mapping[int, Mapping[Key, Path]]) -> None:
    """What is compared over epochs must be the same images."""
    every = set().union(*found.values())
    for epoch, images in sorted(found.items()):
        missing = sorted(every - images.keys())
        if missing:
            prompt_id, seed = missing[0]
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise BadInputError(
                f"epoch-{epoch:02d}: must hold the same prompts and seeds as the other epochs but lacks "
                f"{prompt_id}__{seed}{more}"
            )
