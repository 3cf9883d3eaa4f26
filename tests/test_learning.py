"""CartPole is solved and stays solved, with the default settings, at every number of environments."""

import pytest

from experiments.ablation import LOST, SOLVED
from experiments.common import learn, make_config


@pytest.mark.slow
@pytest.mark.parametrize("num_envs, seeds", [(64, 4), (512, 3), (4096, 1)])
def test_cartpole_is_solved_and_stays_solved(num_envs, seeds):
    for seed in range(seeds):
        returns = learn(make_config("+algo=a2c", f"env.num_envs={num_envs}", f"seed={seed}"))["returns"]
        first = next(i for i, value in enumerate(returns) if value >= SOLVED)
        assert returns[-1] >= SOLVED
        assert min(returns[first:]) >= LOST
