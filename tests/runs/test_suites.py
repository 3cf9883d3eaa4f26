"""A run in another suite's environment, from its directory to its policy."""

import jax
import numpy as np
import pytest

import jaxac


@pytest.fixture(scope="module")
def make():
    """``make(*overrides)``: a run of four updates in an empty room of XLand-MiniGrid."""
    pytest.importorskip("xminigrid")
    small = ("env.num_envs=8", "algo.unroll_length=4", "network.hidden_sizes=[8]", "total_env_steps=128")
    limit = "env.params.max_steps_in_episode=6"
    name = "env.name=xminigrid::MiniGrid-Empty-5x5"
    return lambda *overrides: jaxac.make_config("+algo=a2c", name, limit, *small, "evaluation.episodes=4", *overrides)


@pytest.fixture(scope="module")
def trained(make, tmp_path_factory):
    with jax.numpy_rank_promotion("allow"):
        directory = tmp_path_factory.mktemp("suites") / "run"
        return directory, jaxac.train(make(), directory)


def test_its_policy_is_loaded_evaluated_and_drawn(trained):
    directory, result = trained
    with jax.numpy_rank_promotion("allow"):
        policy = jaxac.load(directory)
        assert ((policy.evaluate(5).returns >= 0) & (policy.evaluate(5).returns <= 1)).all()
        observations = policy.record()
    assert observations.shape[1:] == (7, 7, 25) and 1 <= len(observations) <= 6
    action = policy(observations, greedy=True)
    assert action.shape == (len(observations),) and action.dtype == np.int32
    assert (directory / "policy.gif").stat().st_size > 0
    assert result.summary["env_steps"] == 128


def test_a_run_that_was_stopped_resumes_bit_for_bit(trained, make, tmp_path):
    """Its state holds the suite's own time step, with a key inside."""
    _, whole = trained
    with jax.numpy_rank_promotion("allow"):
        jaxac.train(make("stop_after_updates=2"), tmp_path / "run")
        resumed = jaxac.train(make(), tmp_path / "run", resume=True)
    assert resumed.summary["params_digest"] == whole.summary["params_digest"]
