import itertools

import pytest
import torch

from pixelpipe.training import processes
from pixelpipe.training.processes import part_bounds


@pytest.mark.parametrize(("batch_size", "parts", "count"), list(itertools.product((1, 2, 7, 16), (1, 3), (1, 2, 4))))
def test_parts_cover_the_batch_once_in_order(batch_size, parts, count):
    bounds = [pair for index in range(count) for pair in part_bounds(batch_size, parts, count, index)]
    assert [position for start, stop in bounds for position in range(start, stop)] == list(range(batch_size))
    assert all(len(part_bounds(batch_size, parts, count, index)) <= parts for index in range(count))


def test_one_process_computes_everything_in_as_many_parts_as_asked():
    assert part_bounds(8, 1, 1, 0) == [(0, 8)]
    assert part_bounds(8, 3, 1, 0) == [(0, 2), (2, 5), (5, 8)]


def test_a_small_batch_leaves_a_process_without_work():
    assert part_bounds(1, 1, 2, 0) == []
    assert part_bounds(1, 1, 2, 1) == [(0, 1)]


def test_buckets_hold_every_tensor_once_and_no_more_than_they_may(monkeypatch):
    monkeypatch.setattr(processes, "BUCKET_VALUES", 10)
    tensors = [torch.zeros(size) for size in (4, 4, 4, 25, 1)]
    buckets = processes._buckets(tensors)
    assert [[len(tensor) for tensor in bucket] for bucket in buckets] == [[4, 4], [4], [25], [1]]
