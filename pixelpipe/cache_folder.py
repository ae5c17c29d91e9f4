"""Where this machine keeps what can be made again: latents, embeddings, hashes of large files."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """`PIXELPIPE_CACHE`, or `pixelpipe` in the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("PIXELPIPE_CACHE") or Path(home) / "pixelpipe")
