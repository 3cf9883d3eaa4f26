"""CartPole is solved and stays solved, with the default settings, at every number of environments."""

import pytest

from experiments.ablation import summarize
from experiments.common import learn
from jaxac.config.compose import make_config


@pytest.mark.slow
@pytest.mark.parametrize("num_envs, seeds", [(64, 10), (512, 5), (4096, 1)])
def test_cartpole_is_solved_and_stays_solved(num_envs, seeds):
    """At least 9 of 10 seeds end at 475 or more, none under 400; 8 of 10 never fall under 450 once solved."""
    result = summarize([learn(make_config("+algo=a2c", f"env.num_envs={num_envs}", f"seed={i}")) for i in range(seeds)])
    assert result["solved"] >= 0.9 * seeds - 0.5
    assert result["final_min"] >= 400
    assert result["stays_solved"] >= 0.8 * seeds


@pytest.mark.slow
@pytest.mark.parametrize("runtime, seeds", [("compiled", 3), ("threads", 2)])
def test_a3c_solves_cartpole(runtime, seeds):
    """16 shards; all ten seeds, and at 256 environments a shard, are in experiments/a3c_solves.py."""
    settings = ("+algo=a3c", "env.num_envs=512", f"algo.runtime={runtime}")
    result = summarize([learn(make_config(*settings, f"seed={i}")) for i in range(seeds)])
    assert result["solved"] == seeds
    assert result["final_min"] >= 475
