import pytest
import torch

from pixelpipe.errors import OutOfMemoryError
from pixelpipe.training.memory import explained_out_of_memory, fewest_parts, max_batch


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
    with pytest.raises(OutOfMemoryError, match="one sprite at a time does not fit"):
        fewest_parts(16, fits_up_to(0, []))


@pytest.mark.parametrize(("limit", "found"), [(0, 0), (1, 1), (5, 4), (100, 64)])
def test_max_batch(limit, found):
    assert max_batch(fits_up_to(limit, []), 64) == found


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
