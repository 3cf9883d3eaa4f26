"""Recurrent networks: cells, resets, bootstraps and gradients, against :mod:`tests.recurrent`."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxac.agent import actor_critic, bootstrap, evaluation, networks, rollout
from jaxac.agent.cells import CELLS
from tests import recurrent
from tests.updates import flat, learned

LENGTH, BATCH, UNITS = 7, 3, 5
KINDS = [
    *(pytest.param(cell, "shared", marks=pytest.mark.slow) for cell in ("gru", "lstm")),
    ("mingru", "shared"),
    ("lstm", "separate"),
]


def normal(rng, *shape):
    return jnp.asarray(rng.normal(size=shape), jnp.float32)


def inputs_of(name, rng, length=LENGTH):
    """A cell, its kernel, a memory, inputs and resets."""
    cell = CELLS[name]
    kernel = normal(rng, UNITS, cell.recurrent * UNITS) if cell.recurrent else None
    memory = jax.tree.map(lambda x: normal(rng, *x.shape), cell.initial((BATCH, UNITS)))
    reset = jnp.asarray(rng.random((length, BATCH)) < 0.3)
    return cell, kernel, memory, normal(rng, length, BATCH, cell.inputs * UNITS), reset


@pytest.mark.parametrize("name", CELLS)
def test_a_step_is_that_of_the_equations(name):
    cell, kernel, memory, inputs, _ = inputs_of(name, np.random.default_rng(0))
    found = jax.tree.leaves(cell.step(kernel, memory, inputs[0]))
    for b in range(BATCH):
        expected = recurrent.CELLS[name](kernel, [np.asarray(x[b]) for x in jax.tree.leaves(memory)], inputs[0, b])
        np.testing.assert_allclose([x[b] for x in found], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("length", [1, 2, LENGTH])
@pytest.mark.parametrize("name", CELLS)
def test_an_unroll_is_one_step_after_the_other(name, length):
    """Also of minGRU, which scans associatively; and a reset leaves nothing of what was."""
    cell, kernel, memory, inputs, reset = inputs_of(name, np.random.default_rng(length), length)
    found = cell.unroll(kernel, memory, inputs, reset)
    for t in range(length):
        memory = jax.tree.map(lambda x, t=t: jnp.where(reset[t][:, None], 0.0, x), memory)
        memory = cell.step(kernel, memory, inputs[t])
        for x, y in zip(jax.tree.leaves(found), jax.tree.leaves(memory), strict=True):
            np.testing.assert_allclose(x[t], y, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name, module", [("gru", nn.GRUCell), ("lstm", nn.OptimizedLSTMCell)])
def test_a_cell_is_flaxs_with_the_same_weights(name, module):
    cell, kernel, memory, inputs, _ = inputs_of(name, np.random.default_rng(1))
    biases = {"gru": {"hn": 0.0}, "lstm": {"hf": 1.0, "hi": 0.0, "hg": 0.0, "ho": 0.0}}[name]
    order = {"gru": ("r", "z", "n"), "lstm": ("i", "f", "g", "o")}[name]
    columns = np.split(np.asarray(kernel), len(order), axis=1)
    # An input of as many numbers as the cell takes, each passed on as it is.
    identity = np.split(np.eye(cell.inputs * UNITS, dtype=np.float32), len(order), axis=1)
    weights = {f"h{gate}": {"kernel": columns[n]} for n, gate in enumerate(order)}
    weights |= {f"i{gate}": {"kernel": identity[n]} for n, gate in enumerate(order)}
    if name == "gru":
        weights |= {f"i{gate}": {**weights[f"i{gate}"], "bias": np.zeros(UNITS)} for gate in order}
    for gate, bias in biases.items():
        weights[gate] = {**weights[gate], "bias": np.full(UNITS, bias)}
    carry = memory if name == "gru" else (memory.cell, memory.hidden)
    _, expected = module(UNITS).apply({"params": weights}, carry, inputs[0])
    np.testing.assert_allclose(cell.output(cell.step(kernel, memory, inputs[0])), expected, rtol=1e-5, atol=1e-6)


def experience(spec, seed=0):
    """An unroll in mid-episode, with what the learner is given: agent, parameters, memory, transitions, observation."""
    env, agent = actor_critic.build(spec)
    actor_key, params_key = jax.random.split(jax.random.key(seed))
    params = agent.init(params_key)
    unroll = jax.jit(functools.partial(rollout.unroll, spec, env, agent))
    actor, *_ = unroll(params, rollout.init(spec, env, actor_key, spec.env.num_envs))
    after, batch, _ = unroll(params, actor)
    return agent, params, actor.memory, batch, after


@pytest.fixture
def stirred(small_spec):
    """``stirred(cell, network)``: a program of short episodes, some of which terminate and some of which are cut."""

    def make(cell, network="shared", *overrides):
        return small_spec(
            f"network={network}",
            f"network.memory={cell}",
            f"network.memory_size={UNITS}",
            "env.name=tests.probe_envs:Stirred",
            "env.num_envs=4",
            "env.stagger_starts=false",
            f"algo.unroll_length={LENGTH}",
            "algo.normalize_observations=false",
            "algo.normalize_rewards=false",
            "algo.entropy_coef=0.02",
            "algo.discount=0.9",
            *overrides,
        )

    return make


def oracle_of(spec, params, memory):
    weights = jax.tree.map(lambda x: np.asarray(x, np.float64), params.network)
    return recurrent.Oracle(spec, weights, [np.asarray(x) for x in jax.tree.leaves(memory)])


@pytest.mark.parametrize("cell, network", KINDS)
def test_values_policies_and_bootstraps_are_those_of_each_stream_by_itself(stirred, cell, network):
    spec = stirred(cell, network)
    agent, params, memory, batch, after = experience(spec)
    truncated, terminated = np.asarray(batch.done & (batch.discount > 0)), np.asarray(batch.discount == 0)
    for ended in (truncated, terminated):  # in the middle, with steps of the same stream before and after
        assert ended[1:-1].any()
    oracle = oracle_of(spec, params, memory)
    logits, value, memories = agent.unroll(params, batch.observation, memory, batch.done)
    for found, expected in zip((logits, value), oracle.all(batch), strict=True):
        np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-6)

    following = bootstrap.next_values(
        lambda observation, memory: agent.step(params, observation, memory)[1],
        value,
        batch,
        after.observation,
        memories,
    )
    expected = oracle.next_values(batch, after.observation)
    np.testing.assert_allclose(np.where(terminated, np.nan, following), expected, rtol=2e-4, atol=2e-6)


@pytest.mark.parametrize("cell, network", KINDS)
def test_the_gradient_is_that_of_the_objective_written_out(stirred, cell, network):
    """Along random directions, the difference quotient of the oracle's objective at fixed targets and first memory."""
    spec = stirred(cell, network)
    agent, params, memory, batch, after = experience(spec)
    batch = batch._replace(reward=normal(np.random.default_rng(5), *batch.reward.shape))
    gradient = jax.jit(jax.grad(agent.loss, has_aux=True))
    ours, losses = gradient(params.network, params.moments, batch, after.observation, memory)
    oracle = oracle_of(spec, params, memory)
    advantage, goal = recurrent.targets(spec, oracle, batch, after.observation)
    assert float(losses.value_loss) == pytest.approx(0.5 * np.square(advantage).mean(), rel=1e-4)
    rng, step = np.random.default_rng(0), 1e-5
    weights = oracle.weights
    for _ in range(3):
        direction = jax.tree.map(lambda x: rng.normal(size=x.shape), weights)
        ends = []
        for sign in (1, -1):
            oracle.weights = jax.tree.map(lambda x, d, sign=sign: x + sign * step * d, weights, direction)
            ends.append(recurrent.loss(spec, oracle, batch, advantage, goal))
        expected = (ends[0] - ends[1]) / (2 * step)
        assert flat(ours) @ flat(direction) == pytest.approx(expected, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("cell, network", KINDS)
def test_acting_and_learning_remember_the_same(stirred, cell, network):
    """What the actor carries is what the learner computes again; and nothing where an episode has just ended."""
    spec = stirred(cell, network)
    agent, params, memory, batch, after = experience(spec)
    assert batch.done[-1].any() and not batch.done[-1].all()
    _, _, memories = agent.unroll(params, batch.observation, memory, batch.done)
    for found, carried in zip(jax.tree.leaves(memories), jax.tree.leaves(after.memory), strict=True):
        np.testing.assert_array_equal(np.asarray(carried)[np.asarray(batch.done[-1])], 0)
        expected = jnp.where(batch.done[-1][:, None], 0.0, found[-1])
        np.testing.assert_allclose(carried, expected, rtol=1e-5, atol=1e-6)


def test_monte_carlo_begins_without_memory(stirred):
    spec = stirred("gru", "shared", "algo.returns=monte_carlo")
    _, _, memory, _, _ = experience(spec)
    (carried,) = jax.tree.leaves(memory)
    env, _ = actor_critic.build(spec)
    actor = rollout.init(spec, env, jax.random.key(0), BATCH)._replace(memory=(carried[:BATCH] + 1,))
    np.testing.assert_array_equal(jax.tree.leaves(rollout.first_memory(spec, actor)), np.zeros((1, BATCH, UNITS)))


def test_without_memory_there_is_nothing_to_carry(small_spec):
    actor = rollout.init(spec := small_spec(), actor_critic.build(spec)[0], jax.random.key(0), 8)
    assert actor.memory == () == networks.initial_memory(spec.network, (8,))


LEARN = (
    "+algo=a2c",
    "env.num_envs=64",
    "env.stagger_starts=false",
    "algo.unroll_length=8",
    "algo.discount=0.9",
    "algo.normalize_observations=false",
    "algo.normalize_rewards=false",
    "network.hidden_sizes=[16]",
    "optimizer.learning_rate=1e-2",
    "total_env_steps=153600",  # 300 updates
)


@pytest.mark.learns
@pytest.mark.parametrize(
    "memory, least, most",
    [
        ("none", -0.35, 0.35),
        ("gru", 0.95, 1.0),
        ("lstm", 0.95, 1.0),
        ("mingru", 0.95, 1.0),
    ],
)
@pytest.mark.parametrize("probe", ["Recall", "SignedRecall"])
def test_a_sign_that_is_seen_once_is_remembered(probe, memory, least, most):
    spec, params = learned(*LEARN, f"env.name=tests.probe_envs:{probe}", f"network.memory={memory}")
    returns = evaluation.evaluate(spec, params, jax.random.key(1), 128, greedy=False)
    assert least <= returns.mean() <= most


@pytest.mark.learns
@pytest.mark.parametrize("memory", ["none", "gru"])
def test_cut_after_every_second_step_a_reward_for_ever_is_worth_one_over_one_minus_gamma(memory):
    settings = "env.name=tests.probe_envs:Endless", "env.params.max_steps_in_episode=2", "total_env_steps=307200"
    spec, params = learned(*LEARN, *settings, f"network.memory={memory}", "optimizer.learning_rate=2e-2")
    _, agent = actor_critic.build(spec)
    observation, done = jnp.ones((4, 1, 1)), jnp.array([[False], [True], [False], [True]])
    _, value, _ = agent.unroll(params, observation, networks.initial_memory(spec.network, (1,)), done)
    np.testing.assert_allclose(value, 10.0, atol=0.2)


def test_what_came_before_is_shown_and_nothing_at_a_start(small_spec):
    spec = small_spec(
        "env.name=tests.probe_envs:Stirred", "network.remember=[action,reward]", "algo.unroll_length=20",
        "algo.normalize_rewards=false", "env.reward_scale=0.5",
    )  # fmt: skip
    env, agent = actor_critic.build(spec)
    actor = rollout.init(spec, env, jax.random.key(0), 8)
    _, batch, _ = jax.jit(functools.partial(rollout.unroll, spec, env, agent))(agent.init(jax.random.key(1)), actor)
    assert batch.observation.shape == (20, 8, 1 + 2 + 1)
    happened = np.concatenate([np.eye(2)[batch.action], 2 * np.asarray(batch.reward)[..., None]], axis=-1)
    np.testing.assert_allclose(batch.final_observation[..., 1:], happened, rtol=1e-6)
    expected = np.where(np.asarray(batch.done)[:-1, :, None], 0, happened[:-1])
    np.testing.assert_allclose(batch.observation[1:, :, 1:], expected, rtol=1e-6)
    np.testing.assert_array_equal(batch.observation[0, :, 1:], 0)
    assert batch.done.any()


def test_continuous_actions_are_shown_within_their_bounds(small_spec):
    spec = small_spec("env.name=tests.probe_envs:Target", "network.remember=[action]", "algo.gaussian.initial_std=3")
    env, agent = actor_critic.build(spec)
    actor = rollout.init(spec, env, jax.random.key(0), 8)
    _, batch, _ = jax.jit(functools.partial(rollout.unroll, spec, env, agent))(agent.init(jax.random.key(1)), actor)
    np.testing.assert_allclose(batch.final_observation[..., 1:], np.clip(batch.action, -1, 1))
    assert np.abs(batch.action).max() > 1
