import pytest

from pixelpipe.training.schedule import lr_factor


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [
        ("constant", [1, 1, 1, 1, 1]),
        ("linear", [1, 0.75, 0.5, 0.25, 0]),
        ("cosine", [1, 0.853553, 0.5, 0.146447, 0]),
    ],
)
def test_shapes(schedule, factors):
    assert [lr_factor(step, schedule, 0, 40) for step in (0, 10, 20, 30, 40)] == pytest.approx(factors, abs=1e-6)


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
def test_warm_up_rises_from_the_first_step_and_then_begins_the_schedule(schedule):
    assert [lr_factor(step, schedule, 4, 44) for step in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert lr_factor(24, schedule, 4, 44) == pytest.approx(1.0 if schedule == "constant" else 0.5)


def test_a_warm_up_longer_than_the_run_is_all_there_is():
    assert lr_factor(9, "cosine", 100, 10) == 0.1
