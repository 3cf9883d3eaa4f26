"""Does learning work at all, and if not, which part of it? One environment a question."""

import jax
import jax.numpy as jnp
import pytest

from jaxac import envs
from jaxac.agent import actor_critic, networks
from tests import probe_envs
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


FORMS = {
    "discrete": ("", "none"),
    "continuous": ("Signed", "none"),
    "discrete, with memory": ("", "gru"),
    "continuous, with memory": ("Signed", "gru"),
}
"""What the names of a form's probes begin with, and the network's memory."""


@pytest.fixture(params=[pytest.param(form, marks=pytest.mark.slow) if "memory" in form else form for form in FORMS])
def learn(request):
    """``learn(probe, *overrides)``: the trained actor and critic, by a probe of one of the forms.

    It is ``outputs(*observations)``, for the last of an episode's observations so far: the probability of the second
    choice, and the value.
    """
    form, memory = FORMS[request.param]

    def trained(probe, *overrides):
        name = f"tests.probe_envs:{form}{probe}"
        spec, params = learned(*SETTINGS, f"env.name={name}", f"network.memory={memory}", *overrides)
        _, agent = actor_critic.build(spec)
        chosen, distribution = getattr(probe_envs, form + probe)().chosen, agent.distribution

        def outputs(*observations):
            episode, done = jnp.array(observations)[:, None, None], jnp.zeros((len(observations), 1), bool)
            told, value, _ = agent.unroll(params, episode, networks.initial_memory(spec.network, (1,)), done)
            noise = distribution.noise(jax.random.key(1), (1000,))
            actions = distribution.bounded(distribution.sample(noise, jnp.tile(told[-1], (1000, 1))))
            return float(chosen(actions).mean()), float(value[-1, 0])

        return outputs

    return trained


def test_the_critic_learns_a_constant(learn):
    assert learn("ConstantReward")(1.0)[1] == pytest.approx(1, abs=0.05)


def test_the_critic_looks_at_the_observation(learn):
    outputs = learn("SignReward")
    assert outputs(1.0)[1] == pytest.approx(1, abs=0.1)
    assert outputs(-1.0)[1] == pytest.approx(-1, abs=0.1)


def test_reward_is_discounted_and_carried_back(learn):
    outputs = learn("DelayedReward")
    assert outputs(0.0)[1] == pytest.approx(0.9, abs=0.05)
    assert outputs(0.0, 1.0)[1] == pytest.approx(1, abs=0.05)


def test_the_actor_learns_what_pays(learn):
    assert learn("ActionReward")(1.0)[0] > 0.95


def test_actor_and_critic_see_the_same_observation(learn):
    outputs = learn("SignAction")
    assert outputs(1.0)[0] > 0.95
    assert outputs(-1.0)[0] < 0.05


def test_a_time_limit_is_not_the_end_of_the_world(learn):
    """Worth 1/(1 − γ) = 10 for ever; 6.5 if truncation were termination at the start of an episode."""
    assert learn("Endless")(1.0)[1] == pytest.approx(10, abs=0.5)


@pytest.mark.parametrize("returns", ["n_step", "monte_carlo"])
@pytest.mark.parametrize("learn", ["discrete"], indirect=True)
def test_other_estimates_carry_reward_back_too(learn, returns):
    assert learn("DelayedReward", f"algo.returns={returns}")(0.0)[1] == pytest.approx(0.9, abs=0.05)


def test_environments_are_made_once():
    assert envs.make("tests.probe_envs:Endless") is envs.make("tests.probe_envs:Endless")
