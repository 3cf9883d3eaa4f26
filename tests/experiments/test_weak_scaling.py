"""A server that takes gradients one by one, simulated, and what paper and pencil say of it."""

import pytest

from experiments.weak_scaling import expected, push_seconds, simulate


@pytest.mark.parametrize("group", [1, 4])
@pytest.mark.parametrize("learners, push", [(1, 1e-5), (8, 1e-5), (64, 1e-5), (64, 0.1), (500, 0.02)])
def test_where_either_waits_for_nobody_the_simulation_is_the_closed_form(learners, push, group):
    """Learners of an unroll a second, whose server has next to nothing to do, or ten gradients at any time."""
    found, paper = (function(learners, 1.0, push, group) for function in (simulate, expected))
    assert found["pushes"] == pytest.approx(paper["pushes"], rel=0.01)
    assert found["busy"] == pytest.approx(paper["busy"], rel=0.01)
    assert found["staleness"] == pytest.approx(paper["staleness"], rel=0.02, abs=0.01)
    assert found["computing"] == pytest.approx(paper["pushes"] / learners, rel=0.01)


def test_in_between_both_wait_and_less_is_done_than_either_could():
    found, paper = (function(10, 1.0, 0.1) for function in (simulate, expected))
    assert 0.7 * paper["pushes"] < found["pushes"] < 0.97 * paper["pushes"]


def test_the_luck_of_one_seed_decides_nothing():
    rates = [simulate(16, 0.011, 0.001, seed=seed)["pushes"] for seed in range(3)]
    assert max(rates) - min(rates) < 0.01 * rates[0] and len(set(rates)) == 3


def test_servers_share_the_bytes_of_a_push_and_not_its_message():
    assert push_seconds(5e6, 8) - push_seconds(0) == pytest.approx((push_seconds(5e6) - push_seconds(0)) / 8)
