"""Captions as a step sees them: tags in a new order, some left out; each a function of (seed, epoch, place)."""

from collections.abc import Sequence

import numpy as np

from pixelpipe.seeds import numpy_generator

SEPARATOR = ","


def shuffled_captions(
    captions: Sequence[str], seed: int, epoch: int, *, shuffle: bool, keep_tokens: int, tag_dropout: float
) -> list[str]:
    """One caption for each place of an epoch: tags beyond the first `keep_tokens` shuffled and dropped.

    `keep_tokens` counts comma-separated parts, as in sd-scripts: trigger words stay in front. Without shuffling and
    dropout every caption is as it was, bit for bit.
    """
    if not shuffle and not tag_dropout:
        return list(captions)
    generator = numpy_generator(seed, "tags", epoch)
    return [_shuffled(caption, generator, shuffle, keep_tokens, tag_dropout) for caption in captions]


def _shuffled(caption: str, generator: np.random.Generator, shuffle: bool, keep_tokens: int, tag_dropout: float) -> str:
    tags = [tag.strip() for tag in caption.split(SEPARATOR)]
    kept, rest = tags[:keep_tokens], tags[keep_tokens:]
    if shuffle:
        rest = [rest[index] for index in generator.permutation(len(rest))]
    rest = [tag for tag in rest if generator.random() >= tag_dropout]
    return f"{SEPARATOR} ".join([*kept, *rest])
