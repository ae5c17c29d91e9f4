"""Where a base lies and what it is made of: Stable Diffusion 1.5's folder layout. No torch here."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from pixelpipe.errors import BaseModelError

TINY = Path(__file__).parent / "tiny"
SD15 = Path(__file__).parent / "sd15"  # configurations and vocabulary of SD1.5, no weights
# What a base needs, by subfolder: safetensors only, since a pickle from a stranger can run anything.
LAYOUT = {
    "unet": ("config.json", "diffusion_pytorch_model.safetensors"),
    "vae": ("config.json", "diffusion_pytorch_model.safetensors"),
    "text_encoder": ("config.json", "model.safetensors"),
    "tokenizer": ("vocab.json", "merges.txt"),
    "scheduler": ("scheduler_config.json",),
}


def resolve_base(base: str) -> Path:
    """The folder of a base: `tiny`, a local folder, or a hub id (downloaded, or found in the hub's cache).

    Raises `BaseModelError` if a part is missing or the hub has no such model.
    """
    folder = TINY if base == "tiny" else (_local_folder(base) or _from_hub(base))
    for part, files in LAYOUT.items():
        for file in files:
            if not (folder / part / file).is_file():
                raise BaseModelError(f"`model.base` {base}: must hold {part}/{file} but does not ({folder})")
    return folder


def hash_base(folder: Path) -> str:
    """SHA-256 (hex) over the names and contents of the files that make the base."""
    digest = hashlib.sha256()
    for path in _files(folder):
        with path.open("rb") as file:
            digest.update(path.relative_to(folder).as_posix().encode())
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _local_folder(base: str) -> Path | None:
    try:
        folder = Path(base).expanduser()
        return folder if folder.is_dir() else None
    except (OSError, RuntimeError) as error:  # too long for a name, not ours to see; no such user
        wanted = "tiny, a folder or a hub id (owner/name)"
        raise BaseModelError(f"`model.base` must be {wanted} but {base[:80]} is none: {error}") from None


def _from_hub(base: str) -> Path:
    if base.startswith((".", "/", "~")) or base.count("/") != 1:
        raise BaseModelError(f"`model.base` must be tiny, a folder or a hub id (owner/name) but {base} is none")
    from huggingface_hub import snapshot_download

    patterns = [f"{part}/{file}" for part, files in LAYOUT.items() for file in files]
    patterns += ["tokenizer/*.json", "model_index.json"]
    try:
        return Path(snapshot_download(base, allow_patterns=patterns))
    except Exception as error:  # offline, unknown, gated: the hub's client raises many kinds
        reason = " ".join(str(error).split())[:200]
        raise BaseModelError(f"`model.base` {base}: no such folder, and the hub did not give it: {reason}") from error


def _files(folder: Path) -> Iterator[Path]:
    """Weights and configurations, in a fixed order; a README beside them changes nothing."""
    for part in sorted(LAYOUT):
        for path in sorted((folder / part).iterdir()):
            counts = path.suffix in {".json", ".txt"} or path.name in LAYOUT[part]
            if counts and path.is_file() and not path.name.startswith("."):
                yield path
