import pytest

from pixelpipe.cost import Spend, cost_usd


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
