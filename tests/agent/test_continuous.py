"""Continuous actions, from the environment's bounds to whole updates and runs."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxac import envs
from jaxac import spec as spec_module
from jaxac.agent import actor_critic, rollout
from jaxac.algos import ALGOS, a2c
from jaxac.config.compose import make_config
from jaxac.errors import ConfigError
from jaxac.programs.chunk import run_chunk
from tests import reference
from tests.updates import assert_same_but_for_rounding, flat, start

PENDULUM = ("env.name=Pendulum-v1", "env.num_envs=8")


def test_one_is_the_upper_bound_of_the_environment():
    env = envs.make("Pendulum-v1")
    action = jnp.array([[-1.0], [0.0], [1.0]])
    np.testing.assert_allclose(env.own_action(action, env.params({})), [[-2.0], [0.0], [2.0]])
    np.testing.assert_allclose(env.own_action(action, env.params({"max_torque": 5.0})), [[-5.0], [0.0], [5.0]])


def test_actions_without_bounds_and_of_any_shape_arrive_as_they_are():
    env = envs.make("tests.probe_envs:Matrix")
    assert env.actions == envs.Box((False,) * 4)
    action = jnp.arange(8.0).reshape(2, 4)
    np.testing.assert_array_equal(env.own_action(action, env.params({})), action.reshape(2, 2, 2))
    state, _ = env.reset(jax.random.key(0), env.params({}), 2)
    _, timestep = env.step(jax.random.key(0), state, action, env.params({}))
    np.testing.assert_array_equal(timestep.reward, action.sum(-1))


def test_the_environment_steps_with_what_the_learner_sees_within_bounds(small_spec):
    raw = "algo.normalize_rewards=false", "env.stagger_starts=false"
    spec = small_spec(*PENDULUM, *raw, "algo.gaussian.initial_std=3", "algo.unroll_length=20")
    env, agent = actor_critic.build(spec)
    actor, params = rollout.init(spec, env, jax.random.key(0), 8), agent.init(jax.random.key(1))
    after, transitions, _ = jax.jit(functools.partial(rollout.unroll, spec, env, agent))(params, actor)
    assert transitions.action.shape == (20, 8, 1) and np.abs(transitions.action).max() > 1
    state = actor.env_state
    for action, reward in zip(transitions.action, transitions.reward, strict=True):
        state, timestep = env.step(None, state, jnp.clip(action, -1, 1), env.params({}))
        np.testing.assert_allclose(timestep.reward, reward, rtol=1e-5)
    np.testing.assert_allclose(state.theta, after.env_state.theta, rtol=1e-5)


@pytest.mark.parametrize("std", ["constant", "state"])
def test_the_gradient_is_that_of_the_objective_written_out(small_spec, std):
    """Advantages by the sum of every pair of steps, densities from their formula; nothing of jaxac's agent."""
    settings = ("algo.unroll_length=7", "algo.entropy_coef=0.03", "algo.normalize_observations=false")
    limit = ("env.params.max_steps_in_episode=5", "env.stagger_starts=false")
    form = {"constant": "algo.gaussian.initial_std=0.7", "state": "algo.gaussian.std=state"}[std]
    spec = small_spec(*PENDULUM, *settings, *limit, form)
    env, agent = actor_critic.build(spec)
    params = agent.init(jax.random.key(0))
    actor = rollout.init(spec, env, jax.random.key(1), 8)
    actor, batch, _ = rollout.unroll(spec, env, agent, params, actor)
    assert batch.done.any()
    ours, _ = jax.grad(agent.loss, has_aux=True)(params.network, params.moments, batch, actor.observation)

    def outputs(weights, observation):
        return agent.step(params._replace(network=weights), observation, ())[:2]

    values = np.asarray(outputs(params.network, batch.observation)[1], np.float64)
    following = np.asarray(outputs(params.network, batch.final_observation)[1], np.float64)
    streams = [np.asarray(x) for x in (batch.reward, batch.discount * 0.99, batch.done, values, following)]
    advantage = np.stack([reference.gae(*(x[:, env] for x in streams), 0.95) for env in range(8)], axis=1)
    goal = jnp.asarray(advantage + values, jnp.float32)

    def written_out(weights):
        told, value = outputs(weights, batch.observation)
        mean, width = told[..., 0], told[..., 1]
        std_ = jnp.sqrt(jax.nn.softplus(width)) if std == "state" else 0.7 * jnp.exp(width)
        density = jnp.exp(-0.5 * ((batch.action[..., 0] - mean) / std_) ** 2) / (std_ * np.sqrt(2 * np.pi))
        entropy = 0.5 * jnp.log(2 * np.pi * np.e * std_**2)
        policy = -jnp.mean(jnp.log(density) * jnp.asarray(advantage, jnp.float32))
        return policy + spec.algo.value_coef * 0.5 * jnp.mean((goal - value) ** 2) - 0.03 * jnp.mean(entropy)

    np.testing.assert_allclose(flat(ours), flat(jax.grad(written_out)(params.network)), rtol=1e-4, atol=2e-6)


def test_the_deviation_is_one_number_a_dimension_or_follows_the_state(small_spec):
    for std, spread in (("constant", 0.0), ("state", 1e-6)):
        _, agent = actor_critic.build(small_spec(*PENDULUM, f"algo.gaussian.std={std}"))
        told, *_ = agent.step(agent.init(jax.random.key(0)), jax.random.normal(jax.random.key(1), (50, 3)), ())
        assert (np.std(told[:, 1]) > spread) == (std == "state")


@pytest.mark.learns
@pytest.mark.parametrize("overrides", [("+algo=a2c",), ("+algo=a3c", "algo.num_shards=4")], ids=["a2c", "a3c"])
def test_it_learns_which_number_pays(overrides):
    """A continuous probe: the reward is highest at an action of 0.5."""
    config = make_config(
        *overrides,
        "env.name=tests.probe_envs:Target",
        "env.num_envs=64",
        "env.reward_scale=1",
        "env.stagger_starts=false",
        "algo.unroll_length=5",
        "network.hidden_sizes=[32]",
        "optimizer.learning_rate=1e-2",
        "total_env_steps=128000",
    )
    spec, algo = spec_module.make(config), ALGOS[config.algo.name]
    state = algo.init(spec, jax.random.key(0))
    state, report = jax.jit(functools.partial(run_chunk, algo))(spec, state, config.num_updates)
    _, agent = actor_critic.build(spec)
    told, *_ = agent.step(algo.params(state), jnp.ones(1), ())
    assert agent.distribution.mode(told) == pytest.approx(0.5, abs=0.1)
    assert report.finite


@pytest.mark.slow
def test_shards_on_devices_are_shards_on_one():
    runs = []
    for devices in (1, 4):
        spec = spec_module.make(make_config("+algo=a2c", *PENDULUM, "algo.num_shards=4"), num_devices=devices)
        state, _ = jax.jit(a2c.update)(spec, start(a2c, spec))
        runs.append(state)
    assert_same_but_for_rounding(*runs)


def test_fused_kernels_refuse_them():
    with pytest.raises(ConfigError, match=r"has continuous actions, and algo\.kernel=fused"):
        make_config("+algo=a2c", "env.name=Pendulum", "algo.kernel=fused")
