"""Whole updates and runs of a network with memory: every way to run them carries it."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxac
from jaxac import spec as spec_module
from jaxac.agent import actor_critic, rollout
from jaxac.algos import a2c, a3c, shard
from jaxac.config import validation
from jaxac.config.compose import make_config
from jaxac.errors import ConfigError
from jaxac.runs import runner
from jaxac.runs.job import Job
from jaxac.storage import run_directory
from tests.processes import CACHE
from tests.runs.test_kinds import KINDS
from tests.updates import advance, assert_same_but_for_rounding, flat, start
from tests.whole_runs import runs_in

MEMORY = KINDS["memory"]
QUIET = (CACHE, "logger.curve=false", "logger.console=false", "evaluation.episodes=4")


@pytest.fixture
def run(small_config, run_dir):
    """``run(*overrides, at=…)``: trains with memory in a directory of its own and returns it."""
    return runs_in(run_dir, small_config, *MEMORY, *QUIET)


@pytest.mark.parametrize("returns", ["gae", "monte_carlo"])
def test_a_shard_learns_from_the_memory_that_it_acted_with(small_spec, returns):
    spec = small_spec(*MEMORY, f"algo.returns={returns}", "algo.unroll_length=5")
    env, agent = actor_critic.build(spec)
    params, actor = agent.init(jax.random.key(0)), shard.init(spec, jax.random.key(1), 8)
    actor = actor._replace(memory=jax.tree.map(lambda x: x + 0.5, actor.memory))
    after, batch, _ = jax.jit(functools.partial(rollout.unroll, spec, env, agent))(params, actor)
    memory = actor.memory if returns == "gae" else jax.tree.map(jnp.zeros_like, actor.memory)
    differentiate = jax.jit(jax.grad(agent.loss, has_aux=True))
    expected, _ = differentiate(params.network, params.moments, batch, after.observation, memory)
    pushed, *_ = jax.jit(shard.block_gradient)(spec, params, actor)
    np.testing.assert_allclose(flat(pushed.weights), flat(expected), rtol=1e-3, atol=1e-6)


@pytest.mark.slow
def test_one_shard_that_pulls_after_every_push_is_a2c(small_spec):
    synchronous, _ = advance(a2c, small_spec(*MEMORY), 4)
    asynchronous, _ = advance(a3c, small_spec("+algo=a3c", *MEMORY, "algo.num_shards=1"), 4)
    assert_same_but_for_rounding(asynchronous.server.params, synchronous.server.params)
    assert_same_but_for_rounding(asynchronous.actors, synchronous.actors)


@pytest.mark.slow
@pytest.mark.parametrize("algo", [a2c, a3c], ids=["a2c", "a3c"])
def test_shards_on_devices_are_shards_on_one(small_spec, algo):
    name = "+algo=a2c" if algo is a2c else "+algo=a3c"
    spec = small_spec(name, *MEMORY, "algo.num_shards=4")
    states = []
    for devices in (1, 4):
        spread = dataclasses.replace(spec, num_devices=devices)
        state, _ = jax.jit(algo.update)(spread, start(algo, spread))
        assert all(len(leaf.sharding.device_set) == devices for leaf in jax.tree.leaves(state.actors.memory))
        states.append(state)
    assert_same_but_for_rounding(*states)
    if algo is a3c:
        assert jax.jit(a3c.lag)(spec, states[0]).policy_kl > 0


def test_convolutions_have_a_memory_behind_them(small_spec):
    spec = small_spec("env.name=Breakout-MinAtar", "network=conv", "network.memory=gru", "network.memory_size=6")
    state = jax.eval_shape(functools.partial(a2c.init, spec), jax.random.key(0))
    after, _ = jax.eval_shape(functools.partial(a2c.update, spec), state)
    assert [x.shape for x in jax.tree.leaves(after.actors.memory)] == [(1, 8, 6)]
    assert state.server.params.network["cell"]["inputs"]["kernel"].shape == (8, 18)


@pytest.mark.slow
def test_vmapped_lanes_are_single_runs_but_for_rounding(small_config, run):
    alone = run_directory.rows(run("seed=1", at="alone"))[-1]
    jobs = [Job(small_config(*MEMORY, *QUIET, f"seed={seed}", "logger.gif=false")) for seed in (0, 1)]
    runner.train(jobs, how="vmap")
    lane = jobs[1].memory.rows[-1]
    for name in ("train/value_loss", "train/entropy", "eval/return_mean"):
        assert lane[name] == pytest.approx(alone[name], rel=1e-3)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The directory of a run with memory."""
    base = tmp_path_factory.mktemp("memory")
    small = functools.partial(make_config, "+algo=a2c", "algo.unroll_length=4", "total_env_steps=320")
    return runs_in(base, small, *MEMORY, *QUIET)("logger.gif=true", at="trained")


@pytest.mark.slow
def test_a_policy_carries_its_memory_as_the_learner_does(trained):
    """Step by step through episodes that end at different times, as all of them at once."""
    policy = jaxac.load(trained)
    spec = spec_module.make(policy.config)
    env, agent = actor_critic.build(spec)
    actor = rollout.init(spec, env, jax.random.key(0), 8)
    _, batch, _ = rollout.unroll(spec, env, agent, policy.params, actor)
    logits, value, _ = agent.unroll(policy.params, batch.observation, actor.memory, batch.done)
    reward = batch.final_observation[..., -1]
    memory, before = policy.initial_memory(8), jnp.full(8, 7.0)  # a start's reward is not looked at
    for t in range(len(batch.done)):
        seen = {"memory": memory, "reward": before}
        observation = batch.observation[t, :, :1]
        np.testing.assert_allclose(policy.distribution(observation, **seen), logits[t], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(policy.value(observation, **seen), value[t], rtol=1e-5, atol=1e-6)
        action, memory = policy(observation, jax.random.key(t), **seen)
        assert action.shape == (8,)
        memory = policy.forget(memory._replace(action=batch.action[t]), batch.done[t])
        before = reward[t]
    assert batch.done.any()


def test_a_policy_without_its_memory_is_told_how(trained):
    policy = jaxac.load(trained)
    with pytest.raises(ValueError, match=r"has a memory.*policy\.initial_memory\(\)"):
        policy(np.zeros(1), greedy=True)
    with pytest.raises(ValueError, match="remembers rewards"):
        policy(np.zeros(1), greedy=True, memory=policy.initial_memory())
    with pytest.raises(ValueError, match=r"of episodes \(3,\).*observations of \(2,\)"):
        policy(np.zeros((2, 1)), greedy=True, memory=policy.initial_memory(3), reward=0)


def test_a_policy_without_memory_may_be_used_as_if_it_had_one(small_config):
    policy = jaxac.train(small_config(*QUIET)).policy
    observation = np.linspace(-0.1, 0.1, 8).reshape(2, 4)
    action, memory = policy(observation, greedy=True, memory=policy.initial_memory(2))
    np.testing.assert_array_equal(action, policy(observation, greedy=True))
    assert memory.cells == ()


def test_evaluation_and_drawing_carry_it(trained):
    assert np.isfinite(jaxac.evaluate(trained, episodes=4).returns).all()
    frames = jaxac.load(trained).record()
    assert frames.shape[1:] == (1,) and 2 <= len(frames) <= 4
    assert (trained / "policy.gif").stat().st_size > 100


def test_a_run_of_before_there_was_memory_has_none(small_config):
    saved = run_directory.as_dict(small_config())
    for name in ("memory", "memory_size", "remember"):
        del saved["network"][name]
    assert validation.resolve(saved) == small_config()


@pytest.mark.parametrize(
    "overrides, expected",
    [
        (("network.memory=rnn",), "network.memory=rnn is not valid: choose none, gru, lstm or mingru"),
        (("network.memory=gru", "network.memory_size=0"), "network.memory_size=0 is not valid: give at least 1"),
        (("network.memory=gru", "network.memory_size=99999"), "makes a product of 99999 × 399996 weights"),
        (("network.memory_size=32",), "network.memory_size=32 has no effect with network.memory=none"),
        (("network.memory=gru", "algo.kernel=fused"), "network.memory=gru is nothing that algo.kernel=fused knows"),
        (("network.remember=[reward]", "algo.kernel=fused"), r"network.remember=\[reward\] is nothing that"),
        (("network.remember=[action,action]",), "names one twice"),
        (
            ("env.name=Breakout", "network=conv", "network.remember=[action]"),
            "is no image, at which",
        ),
        (("network.remember=[state]",), r"network.remember=\[state\] is not valid: .*choose action or reward"),
        (("network=own", "network.name=tests.own_parts:Wide", "network.memory=gru"), "network.memory is a setting of"),
    ],
)
def test_what_cannot_work_is_said(overrides, expected):
    with pytest.raises(ConfigError, match=expected):
        make_config("+algo=a2c", *overrides)


@pytest.mark.slow
def test_a_term_of_the_objective_sees_the_unroll_with_its_memory(small_spec):
    """``inputs.apply`` at the unroll's own observations gives its own outputs."""
    term = {"function": "tests.own_parts:applied_again", "weight": 1.0}
    spec = small_spec(*MEMORY, f"algo.loss_terms.same={{function: {term['function']}, weight: {term['weight']}}}")
    shard.kernels(spec)
    _, reports = advance(a2c, spec, 2)
    assert reports[-1].metrics.loss_terms["same"] == pytest.approx(0, abs=1e-6)
