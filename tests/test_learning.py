"""CartPole is solved and stays solved, with the default settings, at every number of environments.

On another processor every seed is another run, so the claims are about several, and forgive one. Of 64 seeds of 64
environments, 24 of 512, and 12 of A3C, all ended at 489 or more, and one fell under 450 after it had reached 475: that
two of five do is a matter of one machine in hundreds.
"""

import pytest

from experiments.ablation import summarize
from experiments.common import learn, learn_lanes
from jaxac.config.compose import make_config


def seeds_of(number, *overrides):
    return [make_config(*overrides, f"seed={seed}") for seed in range(number)]


def learn_side_by_side(configs):
    """As ``[learn(config) for config in configs]``, by one program."""
    lanes = learn_lanes(configs)
    common = {"env_steps": lanes["env_steps"], "train_seconds": lanes["train_seconds"] / len(configs)}
    return [{"returns": returns, **common} for returns in lanes["returns"]]


def assert_solved(result):
    """All but one seed end at 475 or more, none under 400."""
    assert result["solved"] >= result["seeds"] - 1
    assert result["final_min"] >= 400


@pytest.mark.learns
@pytest.mark.parametrize("num_envs, seeds", [(64, 10), (512, 5), (4096, 3)])
def test_cartpole_is_solved_and_stays_solved(num_envs, seeds):
    """Eight of ten seeds never fall under 450 once they reached 475; of fewer, all but one."""
    result = summarize(learn_side_by_side(seeds_of(seeds, "+algo=a2c", f"env.num_envs={num_envs}")))
    assert_solved(result)
    assert result["stays_solved"] >= min(0.8 * seeds, seeds - 1)


A3C = ("+algo=a3c", "env.num_envs=512")
"""16 shards; all ten seeds, and at 256 environments a shard, are in experiments/a3c_solves.py."""


@pytest.mark.learns
def test_a3c_solves_cartpole():
    assert_solved(summarize(learn_side_by_side(seeds_of(4, *A3C))))


@pytest.mark.learns
def test_a3c_with_threads_solves_cartpole():
    """Each time with another staleness, whatever the seed."""
    assert_solved(summarize([learn(config) for config in seeds_of(3, *A3C, "algo.runtime=threads")]))
