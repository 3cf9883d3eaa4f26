import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxac.agent import actor_critic, rollout
from jaxac.algos import ALGOS, a2c, optimizers
from jaxac.devices import placement
from tests import reference
from tests.updates import advance, assert_same_but_for_rounding, flat, start


def collect(spec, seed=0):
    """A rollout of one shard, and the parameters that made it."""
    env, agent = actor_critic.build(spec)
    params_key, actor_key = jax.random.split(jax.random.key(seed))
    params = agent.init(params_key)
    actor = rollout.init(spec, env, actor_key, spec.env.num_envs)
    actor, transitions, _ = rollout.unroll(spec, env, agent, params, actor)
    return agent, params, transitions, actor.observation


@pytest.mark.parametrize("network", [pytest.param("shared", marks=pytest.mark.slow), "separate"])
def test_is_ppo_with_one_epoch_one_minibatch_and_no_clipping(small_spec, network):
    """Huang et al. 2022. The PPO here shares no code with jaxac: its own forward pass, advantages and loss."""
    spec = small_spec(f"network={network}", "algo.unroll_length=32", "algo.normalize_observations=false")
    agent, params, transitions, last = collect(spec)
    weights = params.network
    ours = jax.grad(agent.loss, has_aux=True)(weights, params.moments, transitions, last)[0]
    theirs = ppo_gradient(spec, weights, jax.tree.map(np.asarray, transitions), last)
    np.testing.assert_allclose(flat(ours), flat(theirs), atol=2e-7)

    fresh, rate = optimizers.init(spec, weights), optimizers.learning_rate(spec, jnp.int32(0))
    stepped = [optimizers.descend(spec, weights, grads, fresh, rate)[0] for grads in (ours, theirs)]
    np.testing.assert_allclose(flat(stepped[0]), flat(stepped[1]), atol=1e-4)


def ppo_gradient(spec, weights, batch, last_observation):
    def forward(weights, x):
        activation = {"relu": lambda z: jnp.maximum(z, 0), "tanh": jnp.tanh}[spec.network.activation]

        def torso(layers, x):
            for name in sorted(layers):
                x = activation(jnp.einsum("...i,ij->...j", x, layers[name]["kernel"]) + expand(layers[name]["bias"], x))
            return x

        def head(name, x):
            return jnp.einsum("...i,ij->...j", x, weights[name]["kernel"]) + expand(weights[name]["bias"], x)

        actor = torso(weights.get("torso", weights.get("actor_torso")), x)
        critic = torso(weights.get("torso", weights.get("critic_torso")), x)
        return head("actor", actor), head("critic", critic)[..., 0]

    def expand(bias, like):
        return bias.reshape((1,) * (like.ndim - 1) + (-1,))

    def log_prob(logits, action):
        return jnp.take_along_axis(jax.nn.log_softmax(logits), jnp.asarray(action)[..., None], -1)[..., 0]

    value = np.asarray(forward(weights, batch.observation)[1])
    following = np.concatenate([value[1:], np.asarray(forward(weights, last_observation)[1])[None]])
    final = np.asarray(forward(weights, batch.final_observation)[1])
    next_value = np.where(batch.done, final, following)
    discount = float(spec.algo.discount) * batch.discount
    advantage = np.stack(
        [
            reference.gae(*(x[:, b] for x in (batch.reward, discount, batch.done, value, next_value)), 0.95)
            for b in range(value.shape[1])
        ],
        axis=1,
    ).astype(np.float32)
    old_log_prob = log_prob(forward(weights, batch.observation)[0], batch.action)

    def loss(weights):
        logits, new_value = forward(weights, batch.observation)
        ratio = jnp.exp(log_prob(logits, batch.action) - old_log_prob)
        clipped = jnp.clip(ratio, 1 - 1e9, 1 + 1e9)
        surrogate = jnp.minimum(ratio * advantage, clipped * advantage).mean()
        value_error = jnp.square(new_value - (advantage + value)).mean()
        return -surrogate + spec.algo.value_coef * 0.5 * value_error

    return jax.grad(loss)(weights)


def test_k_shards_of_b_are_one_shard_of_kb(small_spec):
    """On the same data the mean of the shards' gradients is the gradient of all of it."""
    spec = small_spec("algo.unroll_length=32", "env.num_envs=16")
    agent, params, transitions, last = collect(spec)
    gradient = functools.partial(jax.grad(agent.loss, has_aux=True), params.network, params.moments)
    whole, _ = gradient(transitions, last)
    parts = []
    for part in (slice(0, 4), slice(4, 8), slice(8, 12), slice(12, 16)):
        parts.append(gradient(jax.tree.map(lambda x, part=part: x[:, part], transitions), last[part])[0])
    mean = jax.tree.map(lambda *x: sum(x) / 4, *parts)
    np.testing.assert_allclose(flat(whole), flat(mean), atol=1e-7)


@pytest.mark.parametrize(
    "shards, devices", [pytest.param(4, 4, marks=pytest.mark.slow), (8, 4), pytest.param(6, 3, marks=pytest.mark.slow)]
)
def test_shards_on_devices_are_shards_on_one(small_spec, shards, devices):
    spec = small_spec(f"algo.num_shards={shards}", "env.num_envs=24", "algo.unroll_length=16")
    assert placement.over(jax.local_device_count(), shards).num_devices == devices
    spread, spread_reports = advance(a2c, spec, 5)
    together, together_reports = advance(a2c, dataclasses.replace(spec, num_devices=1), 5)
    assert len(spread.actors.observation.sharding.device_set) == devices
    assert len(together.actors.observation.sharding.device_set) == 1
    assert_same_but_for_rounding(spread.server, together.server)
    assert_same_but_for_rounding(spread.actors, together.actors)
    assert_same_but_for_rounding(spread_reports, together_reports, rtol=1e-3)


def test_shards_do_not_repeat_each_other(small_spec):
    state, _ = advance(a2c, small_spec("algo.num_shards=4", "env.num_envs=24"), 1)
    observations = np.asarray(state.actors.observation).reshape(24, -1)
    assert len(np.unique(observations, axis=0)) == 24


def test_the_server_counts_its_steps(small_spec):
    state, _ = advance(a2c, small_spec(), 5)
    assert state.server.version == 5


def test_a_learning_rate_of_zero_changes_no_weight(small_spec):
    spec = small_spec("optimizer.learning_rate=0")
    before = start(a2c, spec).server.params.network
    after = advance(a2c, spec, 3)[0].server.params.network
    np.testing.assert_array_equal(flat(before), flat(after))


def test_keys_are_used_once(small_spec):
    with jax.debug_key_reuse(True):
        advance(a2c, small_spec(), 2)


def test_every_algo_has_the_whole_interface():
    for algo in ALGOS.values():
        assert all(callable(function) for function in algo)
