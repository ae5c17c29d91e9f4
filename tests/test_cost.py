import pytest

from pixelpipe.cost import Spend, cost_usd, savings


@pytest.mark.parametrize(("seconds", "usd_per_hour", "usd"), [(3600, 1.64, 1.64), (90, 4.0, 0.1), (0, 3.0, 0.0)])
def test_cost(seconds: float, usd_per_hour: float, usd: float):
    assert cost_usd(seconds, usd_per_hour) == pytest.approx(usd)


def test_every_stage_counts_once():
    spend = Spend(train=1, save=2, sample=4, analyze=8, judge=16)
    assert spend.seconds == 31
    assert spend.evaluation_share == pytest.approx(28 / 31)
    assert spend.usd(3600) == pytest.approx(31)


def test_nothing_spent():
    assert Spend().evaluation_share == 0.0


def test_savings_are_net_of_what_looking_has_cost():
    """Two of eight epochs: 60 s of training and 40 s of evaluation each, a dollar an epoch."""
    saved = savings(6, [Spend(train=50, save=10, sample=30, analyze=6, judge=4)] * 2, [1.0, 1.0])
    assert (saved.epochs, saved.seconds) == (6, 600)
    assert (saved.training_usd, saved.evaluation_usd) == (pytest.approx(3.6), pytest.approx(2.4))
    assert saved.spent_on_evaluation_usd == pytest.approx(0.8)
    assert saved.net_usd == pytest.approx(3.6 - 0.8)


def test_judging_can_cost_more_than_it_saves():
    assert savings(1, [Spend(train=10, sample=80)], [0.9]).net_usd == pytest.approx(0.1 - 0.8)


def test_without_a_clock_all_of_the_cost_is_trainings():
    saved = savings(5, [Spend()] * 3, [0.5] * 3)
    assert (saved.cost_usd, saved.net_usd, saved.seconds) == (2.5, 2.5, 0)
