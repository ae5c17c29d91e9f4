"""Where a base lies and what it is made of, checked as far as names, sizes and headers tell. No torch here.

A base is a folder in diffusers' layout or a single `.safetensors` file (CompVis' layout). Safetensors only: a pickle
from a stranger can run anything.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from pixelpipe.errors import BaseModelError, WeightsError, one_line
from pixelpipe.models.architecture import foreign_checkpoint, foreign_folder
from pixelpipe.models.file_hash import file_hash
from pixelpipe.models.header import is_pickle, read_header, unfinished_download

TINY = Path(__file__).parent / "tiny"
SD15 = Path(__file__).parent / "sd15"  # configurations and vocabulary of SD1.5, no weights
UNET_WEIGHTS, TEXT_WEIGHTS = "diffusion_pytorch_model.safetensors", "model.safetensors"
LAYOUT = {
    "unet": ("config.json", UNET_WEIGHTS),
    "vae": ("config.json", UNET_WEIGHTS),
    "text_encoder": ("config.json", TEXT_WEIGHTS),
    "tokenizer": ("vocab.json", "merges.txt"),
    "scheduler": ("scheduler_config.json",),
}
VARIANTS = (".fp16.safetensors", ".safetensors.index.json", ".safetensors.index.fp16.json")
WANTED = "tiny, a folder, a .safetensors file or a hub id (owner/name)"
_SHA256 = re.compile(r"[0-9a-f]{64}")


def resolve_base(base: str) -> Path:
    """The folder or file of a base: `tiny`, a local one, or a hub id (downloaded, or found in the hub's cache).

    Raises `BaseModelError` if a part is missing, cut off or damaged, if it is another architecture than SD1.5's, or
    if the hub has no such model.
    """
    if base == "tiny":
        return TINY
    path = _local(base) or _from_hub(base)
    try:
        if path.is_file():
            _check_file(path)
        else:
            _check_folder(path)
    except WeightsError as error:
        raise BaseModelError(f"`model.base` {base}: {error}") from None
    return path


def hash_base(base: Path) -> str:
    """SHA-256 (hex) over the names and contents of the files that make the base, or over its single file.

    Raises `BaseModelError` for a file of the hub's cache whose content is not what it was downloaded as.
    """
    if base.is_file():
        return _hash_file(base)
    digest = hashlib.sha256()
    for path in _files(base):
        digest.update(path.relative_to(base).as_posix().encode())
        digest.update(bytes.fromhex(_hash_file(path)))
    return digest.hexdigest()


def weight_files(folder: Path, file: str) -> list[Path]:
    """The files that hold a part's weights: `file`, or its fp16 variant, or the shards that an index names.

    Raises `WeightsError` if there are none, or a shard is missing.
    """
    stem = file.removesuffix(".safetensors")
    for name in (file, *(stem + ending for ending in VARIANTS)):
        if (folder / name).is_file():
            return _shards(folder / name) if name.endswith(".json") else [folder / name]
    found = unfinished_download(folder / file)
    left = f": a download of it did not end ({found.name} is there)" if found else ""
    raise WeightsError(f"must hold {folder.name}/{file} but does not{left} ({folder.parent})")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object; `WeightsError` if the file holds none."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path}: must be JSON but cannot be read: {error}") from None
    if not isinstance(values, dict):
        raise WeightsError(f"{path}: must be a JSON object")
    return values


def _local(base: str) -> Path | None:
    try:
        path = Path(base).expanduser()
        if path.is_dir():
            return path
        if is_pickle(base):
            raise BaseModelError(
                f"`model.base` {base}: must be a .safetensors file but is a pickle ({path.suffix}), which can run any "
                "code when it is opened; convert it where you trust it, or download its .safetensors"
            )
        if path.suffix.lower() == ".safetensors":
            return _existing(base, path)
        return _refuse_file(base, path) if path.is_file() else None
    except (OSError, RuntimeError) as error:  # too long for a name, not ours to see; no such user
        raise BaseModelError(f"`model.base` must be {WANTED} but {base[:80]} is none: {error}") from None


def _existing(base: str, path: Path) -> Path:
    if path.is_file():
        return path
    found = unfinished_download(path)
    left = f": its download did not end ({found.name} is there)" if found else ""
    raise BaseModelError(f"`model.base` {base}: no such file{left}")


def _refuse_file(base: str, path: Path) -> None:
    raise BaseModelError(f"`model.base` must be {WANTED} but {base} is a {path.suffix or 'nameless'} file")


def _check_file(path: Path) -> None:
    kind = foreign_checkpoint(read_header(path).tensors)
    if kind:
        raise WeightsError(f"must be Stable Diffusion 1.5 but is {kind}")


def _check_folder(folder: Path) -> None:
    for part, (*files, last) in LAYOUT.items():
        weights = last if last.endswith(".safetensors") else None
        for file in files if weights else (*files, last):
            if not (folder / part / file).is_file():
                raise WeightsError(f"must hold {part}/{file} but does not ({folder})")
        if part == "unet":
            _check_architecture(folder)
        if weights:
            for path in weight_files(folder / part, weights):
                read_header(path)


def _check_architecture(folder: Path) -> None:
    """From the configurations alone, before a missing file of another architecture is complained about."""
    index, unet, text_encoder = (
        read_json(folder / name) if (folder / name).is_file() else {}
        for name in ("model_index.json", "unet/config.json", "text_encoder/config.json")
    )
    kind = foreign_folder(index, unet, text_encoder)
    if kind:
        raise WeightsError(f"must be Stable Diffusion 1.5 but is {kind} ({folder})")


def _from_hub(base: str) -> Path:
    if base.startswith((".", "/", "~")) or base.count("/") != 1:
        raise BaseModelError(f"`model.base` must be {WANTED} but {base} is none")
    from huggingface_hub import snapshot_download

    stems = [(part, files[-1].removesuffix(".safetensors")) for part, files in LAYOUT.items()]
    wanted = [f"{part}/{file}" for part, files in LAYOUT.items() for file in files]
    variants = [f"{part}/{stem}{more}" for part, stem in stems for more in ("-*-of-*.safetensors", *VARIANTS)]
    try:
        folder = Path(snapshot_download(base, allow_patterns=[*wanted, "tokenizer/*.json", "model_index.json"]))
        if all((folder / name).is_file() for name in wanted):
            return folder
        return Path(snapshot_download(base, allow_patterns=variants))  # the same folder
    except Exception as error:  # offline, unknown, gated: the hub's client raises many kinds
        reason = one_line(error)[:200]
        raise BaseModelError(f"`model.base` {base}: no such folder, and the hub did not give it: {reason}") from error


def _shards(index: Path) -> list[Path]:
    names = read_json(index).get("weight_map")
    if not isinstance(names, dict) or not names:
        raise WeightsError(f"{index}: must name the shards in `weight_map` but does not")
    paths = [index.parent / str(name) for name in sorted(set(map(str, names.values())))]
    for path in paths:
        if path.parent != index.parent or path.suffix != ".safetensors":
            raise WeightsError(f"{index}: must name .safetensors files beside it but names {path.name}")
        if not path.is_file():
            raise WeightsError(
                f"must hold {index.parent.name}/{path.name}, a shard, but does not ({index.parent.parent})"
            )
    return paths


def _files(folder: Path) -> Iterator[Path]:
    """Weights and configurations, in a fixed order; a README beside them changes nothing."""
    for part, (*_, last) in sorted(LAYOUT.items()):
        weights = weight_files(folder / part, last) if last.endswith(".safetensors") else []
        for path in sorted((folder / part).iterdir()):
            counts = path.suffix in {".json", ".txt"} or path in weights
            if counts and path.is_file() and not path.name.startswith("."):
                yield path


def _hash_file(path: Path) -> str:
    stat = path.stat()
    found = _hash_content(path.resolve(), stat.st_size, stat.st_mtime_ns)
    stored_as = path.resolve().name  # the hub's cache names a large file by its content
    if path.is_symlink() and _SHA256.fullmatch(stored_as) and stored_as != found:
        raise BaseModelError(
            f"`model.base` {path}: differs from what was downloaded (its SHA-256 is {found[:12]}…, not "
            f"{stored_as[:12]}…); delete {path.resolve()} and download it again"
        )
    return found


@lru_cache(maxsize=256)
def _hash_content(path: Path, size: int, modified_ns: int) -> str:  # noqa: ARG001  (they say that it is another file)
    """A run asks twice."""
    return file_hash(path)
