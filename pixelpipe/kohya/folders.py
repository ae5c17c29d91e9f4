"""Where sd-scripts finds its images, and how often it shows each folder's."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from pixelpipe.data.listing import visible_files
from pixelpipe.errors import ConfigError
from pixelpipe.kohya.conversion import Conversion
from pixelpipe.kohya.counterparts import MISSING
from pixelpipe.kohya.read import KohyaConfig, Setting

IMAGES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}
REPEATS = re.compile(r"(\d+)_(.+)")  # a folder of train_data_dir: 10_name is seen ten times an epoch


def read_folders(
    kohya: KohyaConfig, settings: Mapping[str, Setting], result: Conversion, path: Path
) -> dict[Path, int]:
    """Folder -> repeats, as far as known; sets dataset.path and dataset.repeats."""
    folders = dict(_folders(kohya, settings, result))
    if not folders:
        result.note("missing", str(path), "no train_data_dir and no image_dir: dataset.path must be given")
        result.put("dataset.path", "sprites")
        return {}
    repeats = sorted(set(folders.values()))
    result.put("dataset.path", str(_common(list(folders))))
    result.put("dataset.repeats", repeats[0])
    if len(folders) > 1:
        listed = ", ".join(f"{folder.name} x {times}" for folder, times in folders.items())
        kind = "missing" if len(repeats) > 1 else "changed"
        all_alike = f"; every sprite is seen {repeats[0]} times: repeats cannot differ between folders"
        result.note(
            kind,
            str(path),
            f"{len(folders)} folders ({listed}) become one dataset{all_alike if len(repeats) > 1 else ''}",
        )
    _captions(settings, list(folders), result)
    return folders


def _folders(kohya: KohyaConfig, settings: Mapping[str, Setting], result: Conversion) -> Iterator[tuple[Path, int]]:
    for subset in kohya.subsets:
        if subset.value("is_reg"):
            result.note("missing", subset.settings["is_reg"], MISSING["is_reg"])
        elif "image_dir" in subset.settings:
            times = subset.settings.get("num_repeats")
            yield subset.settings["image_dir"].path(), times.whole() if times else 1
    if kohya.subsets or "train_data_dir" not in settings:
        return
    top = settings["train_data_dir"].path()
    named = [(folder, match) for folder in _folders_in(top) if (match := REPEATS.fullmatch(folder.name))]
    for folder, match in named:
        yield folder, int(match[1])
    if not named:
        times = settings.get("dataset_repeats")
        where = "is not on this machine" if not top.is_dir() else "has no folders such as 10_name"
        result.note("changed", settings["train_data_dir"], f"{where}: taken as the folder of sprites itself")
        yield top, times.whole() if times else 1


def _captions(settings: Mapping[str, Setting], folders: list[Path], result: Conversion) -> None:
    extension = settings.get("caption_extension")
    wanted = str(extension.value) if extension else ".caption"  # sd-scripts' default
    if wanted != ".txt":
        where = extension or str(folders[0])
        result.note("missing", where, f"captions must be .txt files beside the images, not {wanted}: rename them")


def _common(folders: list[Path]) -> Path:
    """The folder that holds all of them, or the only one."""
    if len(folders) == 1:
        return folders[0]
    shared = [parts[0] for parts in zip(*(folder.parts for folder in folders), strict=False) if len(set(parts)) == 1]
    return Path(*shared) if shared else folders[0]


def _folders_in(top: Path) -> list[Path]:
    try:
        return sorted(folder for folder in top.iterdir() if folder.is_dir()) if top.is_dir() else []
    except OSError as error:
        raise ConfigError(f"train_data_dir {top}: must be a folder that can be read but: {error.strerror}") from None


def images_in(folder: Path) -> list[Path]:
    return list(visible_files(folder, IMAGES)) if folder.is_dir() else []
