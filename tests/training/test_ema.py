import pytest
import torch
from diffusers.training_utils import EMAModel

from pixelpipe.training.ema import Ema, decay_at


def test_decay_warms_up():
    assert [decay_at(step, 0.9999) for step in (1, 8, 80)] == pytest.approx([2 / 11, 0.5, 0.9])
    assert decay_at(10**6, 0.99) == 0.99


def test_one_update_by_hand():
    ema = Ema([torch.tensor([1.0, 2.0])], 0.9999)
    ema.update([torch.tensor([12.0, 13.0])], step=1)  # decay 2/11: 2/11 + 12 * 9/11 = 10
    torch.testing.assert_close(ema.values[0], torch.tensor([10.0, 11.0]))


def test_the_average_is_that_of_diffusers():
    generator = torch.Generator().manual_seed(1)
    weights = [torch.nn.Parameter(torch.randn(3, 4, generator=generator))]
    theirs = EMAModel(weights, decay=0.6, use_ema_warmup=False)
    theirs.step(weights)  # diffusers' first update is a copy
    ours = Ema(weights, 0.6)
    for step in range(1, 9):
        with torch.no_grad():
            weights[0].add_(torch.randn(3, 4, generator=generator))
        theirs.step(weights)
        ours.update(weights, step)
    torch.testing.assert_close(ours.values[0], theirs.shadow_params[0])
