import pytest
import torch

from pixelpipe.errors import OutOfMemoryError
from pixelpipe.training.memory import explained_out_of_memory, fewest_parts, tried_batches


def fits_up_to(limit, tried):
    def attempt(size):
        tried.append(size)
        if size > limit:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate")

    return attempt


@pytest.mark.parametrize(("limit", "parts"), [(16, 1), (15, 2), (8, 2), (3, 8), (1, 16)])
def test_fewest_parts(limit, parts):
    tried = []
    assert fewest_parts(16, fits_up_to(limit, tried)) == parts
    assert max(tried[-1:]) <= limit


def test_not_even_one_fits():
    with pytest.raises(torch.OutOfMemoryError):
        fewest_parts(16, fits_up_to(0, []))


@pytest.mark.parametrize(("limit", "fitting"), [(0, []), (1, [1]), (5, [1, 2, 4]), (100, [1, 2, 4, 8, 16, 32, 64])])
def test_batches_are_tried_until_one_is_too_large(limit, fitting):
    tried = list(tried_batches(lambda size: (fits_up_to(limit, [])(size), f"{size} fit")[1], 64))
    assert tried[: len(fitting)] == [(size, f"{size} fit") for size in fitting]
    assert tried[len(fitting) :] == ([] if limit >= 64 else [(fitting[-1] * 2 if fitting else 1, None)])


@pytest.mark.parametrize(
    ("batch_size", "parts", "checkpointing", "advice"),
    [
        (16, 1, False, r"gradient_accumulation_steps to 2 \(now 1: 16 sprites at once; the result stays the same\)"),
        (12, 8, False, r"gradient_accumulation_steps to 12 \(now 8: 2 sprites"),
        (4, 4, False, "gradient_checkpointing to true"),
        (4, 4, True, "lower training.resolution, or train an adapter"),
    ],
)
def test_what_to_lower_and_to_what(batch_size, parts, checkpointing, advice):
    with pytest.raises(OutOfMemoryError, match=advice), explained_out_of_memory(batch_size, parts, 1, checkpointing):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")


def test_another_error_is_itself():
    with pytest.raises(RuntimeError, match="shape"), explained_out_of_memory(4, 1, 1, False):
        raise RuntimeError("shape mismatch")
