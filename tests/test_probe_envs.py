"""Does learning work at all, and if not, which part of it? One environment a question."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxac import envs
from jaxac.agent import actor_critic, networks
from tests.updates import learned

SETTINGS = (
    "+algo=a2c",
    "env.num_envs=64",
    "algo.normalize_rewards=false",
    "env.stagger_starts=false",
    "algo.unroll_length=5",
    "algo.discount=0.9",
    "algo.normalize_observations=false",
    "network.hidden_sizes=[32]",
    "optimizer.learning_rate=1e-2",
    "total_env_steps=96000",  # 300 updates
)


def learn(*overrides):
    """The trained policy and critic: ``(probabilities, value)`` of one observation."""
    spec, params = learned(*SETTINGS, *overrides)
    env, _ = actor_critic.build(spec)
    network = networks.make(spec.network, env.observation_shape, env.actions.number)

    def outputs(observation):
        logits, value, _ = network.step(params.network, jnp.array([observation], jnp.float32), ())
        return np.asarray(jax.nn.softmax(logits)), float(value)

    return outputs


@pytest.mark.parametrize("returns", ["gae", "n_step"])
def test_the_critic_learns_a_constant(returns):
    assert learn("env.name=tests.probe_envs:ConstantReward", f"algo.returns={returns}")(1.0)[1] == pytest.approx(
        1, abs=0.05
    )


def test_the_critic_looks_at_the_observation():
    outputs = learn("env.name=tests.probe_envs:SignReward")
    assert outputs(1.0)[1] == pytest.approx(1, abs=0.1)
    assert outputs(-1.0)[1] == pytest.approx(-1, abs=0.1)


def test_reward_is_discounted_and_carried_back():
    outputs = learn("env.name=tests.probe_envs:DelayedReward")
    assert outputs(0.0)[1] == pytest.approx(0.9, abs=0.05)
    assert outputs(1.0)[1] == pytest.approx(1, abs=0.05)


def test_the_actor_learns_what_pays():
    assert learn("env.name=tests.probe_envs:ActionReward")(1.0)[0][1] > 0.95


def test_actor_and_critic_see_the_same_observation():
    outputs = learn("env.name=tests.probe_envs:SignAction")
    assert outputs(1.0)[0][1] > 0.95
    assert outputs(-1.0)[0][0] > 0.95


def test_a_time_limit_is_not_the_end_of_the_world():
    """Worth 1/(1 − γ) = 10 for ever; 6.5 if truncation were termination at the start of an episode."""
    assert learn("env.name=tests.probe_envs:Endless")(1.0)[1] == pytest.approx(10, abs=0.5)


def test_whole_episodes_need_no_bootstrap():
    assert learn("env.name=tests.probe_envs:DelayedReward", "algo.returns=monte_carlo")(0.0)[1] == pytest.approx(
        0.9, abs=0.05
    )


def test_environments_are_made_once():
    assert envs.make("tests.probe_envs:Endless") is envs.make("tests.probe_envs:Endless")
