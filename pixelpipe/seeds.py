"""Seeds as a function of what they are for: no generator is ever shared, so no result depends on order."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def derive_seed(*parts: str | int) -> int:
    """A 63-bit seed from what it is for, e.g. `derive_seed(seed, "noise", step)`.

    BLAKE2b over the parts' types and texts: stable across Python versions and machines.
    """
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in parts)
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def numpy_generator(*parts: str | int) -> np.random.Generator:
    return np.random.default_rng(derive_seed(*parts))


def torch_generator(*parts: str | int) -> torch.Generator:
    """A CPU generator: noise is drawn on the CPU and moved, so that a GPU run draws the same numbers."""
    import torch  # here, so that reading commands do not pay for it

    return torch.Generator("cpu").manual_seed(derive_seed(*parts))
