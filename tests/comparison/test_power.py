"""What an evaluation set can see before there is one, against the test itself on simulated pictures."""

import numpy as np
import pytest

from pixelpipe.comparison.power import chance_left_open, cheapest, planned_difference
from pixelpipe.comparison.simulation import Noise, Truth, draw_pictures, floored_pairing
from pixelpipe.comparison.statistics import sign_flips

ALPHA = 0.05 / 8


@pytest.mark.parametrize(("prompts", "seeds", "noise"), [(12, 2, Noise()), (24, 4, Noise(image=0.4, interaction=0.2))])
def test_the_planned_difference_is_found_with_80_percent_power(prompts, seeds, noise):
    difference = planned_difference(noise, prompts, seeds, 0.10, ALPHA)
    truth, found, rng = Truth.constant(1 + difference, 1), [], np.random.default_rng(4)
    for _ in range(200):
        pictures = draw_pictures(truth, noise, prompts, seeds, rng)
        pairing = floored_pairing(pictures.candidate[0], pictures.baseline[0], 1.0, "set")
        found.append(sign_flips(pairing, 1).p_greater(1.1) < ALPHA)
    assert 0.70 <= np.mean(found) <= 0.90


@pytest.mark.parametrize("noise", [Noise(), Noise(image=0.5, interaction=0.2), Noise(run=0.05)])
def test_as_many_first_seeds_are_left_open_as_is_planned(noise):
    truth, rng, opened = Truth.constant(1.0, 1), np.random.default_rng(5), []
    for _ in range(2000):
        pictures = draw_pictures(truth, noise, 24, 1, rng)
        opened.append(pictures.candidate.mean() / pictures.baseline.mean() > 1.1)
    assert chance_left_open(noise, 24, 0.10, noise.run) == pytest.approx(np.mean(opened), abs=0.03)


def test_nothing_is_left_open_without_noise():
    assert chance_left_open(Noise(image=0.0, interaction=0.0), 24, 0.10) == 0.0


def test_more_pictures_see_less_and_too_few_prompts_nothing():
    sees = [planned_difference(Noise(), prompts, 4, 0.10, ALPHA) for prompts in (8, 16, 32)]
    assert sees == sorted(sees, reverse=True)
    assert planned_difference(Noise(), 7, 100, 0.10, ALPHA) is None  # 2^-7 cannot reach alpha / 8
    assert planned_difference(Noise(), 24, 4, 0.10, ALPHA, spread=0.1) > planned_difference(Noise(), 24, 4, 0.10, ALPHA)


def test_the_cheapest_design_sees_it_and_the_next_cheaper_does_not():
    prompts, seeds = cheapest(Noise(), 0.25, 0.10, ALPHA)
    assert planned_difference(Noise(), prompts, seeds, 0.10, ALPHA) <= 0.25
    assert planned_difference(Noise(), prompts // 2, seeds, 0.10, ALPHA) > 0.25
    assert cheapest(Noise(), 0.11, 0.10, ALPHA) is None
    assert cheapest(Noise(), 0.25, 0.10, ALPHA, spread=0.2) is None
