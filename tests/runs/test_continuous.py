"""Policies over continuous actions, from a run's directory."""

import gymnax
import jax
import numpy as np
import pytest

import jaxac
from jaxac.storage import weights
from tests.processes import CACHE
from tests.whole_runs import runs_in

PENDULUM = ("env.name=Pendulum-v1", "logger.curve=false", "evaluation.episodes=4")


@pytest.fixture
def run(small_config, run_dir):
    """``run(*overrides, at=…)``: trains on the pendulum in a directory of its own and returns it."""
    return runs_in(run_dir, small_config, *PENDULUM, CACHE)


@pytest.mark.slow
def test_a_policy_acts_in_the_environments_own_units(run):
    directory = run("algo.gaussian.initial_std=5", "logger.gif=true")
    policy = jaxac.load(directory)
    env, params = gymnax.make("Pendulum-v1")
    observation, state = env.reset_env(jax.random.key(0), params)
    action = policy(np.asarray(observation), jax.random.key(1))
    assert action.shape == (1,)
    env.step_env(jax.random.key(2), state, action, params)
    actions = policy(np.tile(observation, (200, 1)), jax.random.key(2))
    assert (np.abs(actions).min(), np.abs(actions).max()) == (pytest.approx(0, abs=0.3), 2)
    assert (directory / "policy.gif").stat().st_size > 1000
    assert jaxac.evaluate(directory, episodes=4).mean < 0
    assert any("constant" in name for name in weights.load(weights.path_of(directory, weights.FINAL)).network)
