"""What an experiment drew before it was trained; one of an earlier version, or that is only evaluated, has nothing."""

from collections.abc import Iterable

from pixelpipe.keys import before_key, experiment_key
from pixelpipe.store import Store

BEFORE_TRAINING = "Before training"  # how documents call it


def drawn_before_training(
    store: Store, experiment_id: str, images: Iterable[tuple[str, int]]
) -> dict[tuple[str, int], bytes]:
    """(prompt_id, seed) -> PNG at the grid's size, of those of `images` that are there."""
    there = set(store.list(experiment_key(experiment_id, "before")))
    keys = {image: before_key(experiment_id, *image) for image in images} if there else {}
    found = {image: key for image, key in keys.items() if key in there}
    return dict(zip(found, store.read_many(found.values()), strict=True)) if found else {}
